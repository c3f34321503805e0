"""The health of trunks: how they stand, what happened, what was counted. For the office only: customers see no carriers."""

from __future__ import annotations

import time
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.paging import ById
from apps.api.permissions import Office
from apps.routing.health import services
from apps.routing.health.queries import figures
from apps.routing.models import TrunkDay, TrunkEvent, TrunkHealth, TrunkHour
from apps.users.choices import Kind
from apps.users.models import Account


class ResetTrunks(BasePermission):
    """To set demoted trunks free is for staff with that right."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_staff and request.user.has_perm("routing.reset_trunkhealth"))


class TrunkHealthSerializer(serializers.ModelSerializer):
    """How a trunk (or one destination by it) stands. The limits and `enabled` are written; null: as the settings say."""

    carrier = serializers.PrimaryKeyRelatedField(queryset=Account.objects.filter(kind=Kind.CARRIER))
    failures = serializers.SerializerMethodField()
    window = serializers.SerializerMethodField()

    class Meta:
        model = TrunkHealth
        fields = ["id", "carrier", "destination", "enabled", "max_failures", "min_asr", "min_acd", "min_calls", "state",
                  "level", "since", "until", "reason", "failure_demotions", "quality_demotions", "failures", "window"]  # fmt: skip
        read_only_fields = [
            "state",
            "level",
            "since",
            "until",
            "reason",
            "failure_demotions",
            "quality_demotions",
        ]
        validators: list[Any] = []

    @extend_schema_field(OpenApiTypes.INT)
    def get_failures(self, health: TrunkHealth) -> int:
        """Calls one after the other that went wrong."""
        return max(health.tally.failed, health.tally.short) if hasattr(health, "tally") else 0

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_window(self, health: TrunkHealth) -> dict[str, int | None]:
        """What was counted in the rolling window, with ASR (%), ACD (s), PDD (ms) and MOS (hundredths)."""
        found = figures(health)
        return found._asdict() | {"asr": found.asr, "acd": found.acd, "pdd": found.pdd, "mos": found.mos}

    def create(self, values: dict[str, Any]) -> TrunkHealth:
        return services.begin(**values)

    def update(self, health: TrunkHealth, values: dict[str, Any]) -> TrunkHealth:
        for name in ("carrier", "destination"):
            if values.pop(name, getattr(health, name)) != getattr(health, name):
                raise serializers.ValidationError({name: "This stays as it is."})
        return services.set_limits(health=health, **values)


class TrunkHealthViewSet(
    mixins.CreateModelMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.UpdateModelMixin,
    viewsets.GenericViewSet,
):  # fmt: skip
    """Trunks and destinations, those that do badly and the others."""

    queryset = TrunkHealth.objects.select_related("tally")
    serializer_class = TrunkHealthSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["carrier", "destination", "state", "enabled"]

    @extend_schema(request=None, responses=TrunkHealthSerializer)
    @action(detail=True, methods=["post"], permission_classes=[ResetTrunks])
    def reset(self, request: Request, pk: str | None = None) -> Response:
        """Set it free at once, as if nothing had been; with a whole trunk its destinations too."""
        health = self.get_object()
        services.reset(health=health, by=request.user, now=time.time())
        return Response(self.get_serializer(self.get_queryset().get(pk=health.pk)).data)


class TrunkEventSerializer(serializers.ModelSerializer):
    class Meta:
        model = TrunkEvent
        fields = ["id", "carrier", "destination", "at", "kind", "reason", "until", "by"]


class TrunkEventViewSet(viewsets.ReadOnlyModelViewSet):
    """What happened to trunks, the newest first."""

    queryset = TrunkEvent.objects.all()
    serializer_class = TrunkEventSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = {
        "carrier": ["exact"],
        "destination": ["exact"],
        "kind": ["exact"],
        "at": ["gte", "lt"],
    }


COUNTED = ["id", "carrier", "destination", "begins", "attempts", "answered", "ended", "seconds", "delays", "delay_ms",
           "heard", "mos"]  # fmt: skip
_FILTERS = {"carrier": ["exact"], "destination": ["exact"], "begins": ["gte", "lt"]}


class TrunkHourSerializer(serializers.ModelSerializer):
    """`ended`, `seconds`: of answered calls; `delay_ms`: until it rang, of `delays` calls; `mos`: hundredths, of `heard` calls."""

    class Meta:
        model = TrunkHour
        fields = COUNTED


class TrunkDaySerializer(TrunkHourSerializer):
    class Meta:
        model = TrunkDay
        fields = COUNTED


class TrunkHourViewSet(viewsets.ReadOnlyModelViewSet):
    """Calls of each trunk and destination by the hour."""

    queryset: QuerySet[Any] = TrunkHour.objects.all()
    serializer_class = TrunkHourSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = _FILTERS


class TrunkDayViewSet(viewsets.ReadOnlyModelViewSet):
    """The same by the day (UTC)."""

    queryset: QuerySet[Any] = TrunkDay.objects.all()
    serializer_class = TrunkDaySerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = _FILTERS
