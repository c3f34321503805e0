"""Re-ratings through the API: asked for, looked at, applied or given up, under the same rights as in the admin."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.paging import ById
from apps.api.permissions import Office
from apps.cdrs.models import PriceChange, Rerating
from apps.invoices.services import rerating
from apps.invoices.services.rerating.differences import by_account, by_destination, totals


class ReratingSerializer(serializers.ModelSerializer):
    """Which calls are reckoned anew, and how far it is."""

    class Meta:
        model = Rerating
        fields = ["id", "since", "until", "account", "caller_kind", "tariff", "calls", "reason", "state", "done_until",
                  "looked_at", "without_price", "problems", "error", "moves_balances", "created_by", "created_at",
                  "applied_by", "applied_at", "applied_until", "overtaken"]  # fmt: skip
        read_only_fields = ["state", "done_until", "looked_at", "without_price", "problems", "error", "moves_balances",
                            "created_by", "created_at", "applied_by", "applied_at", "applied_until", "overtaken"]  # fmt: skip
        extra_kwargs = {"since": {"required": False}, "until": {"required": False}}

    calls = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10_000)

    def create(self, values: dict[str, Any]) -> Rerating:
        calls = [str(one) for one in values.pop("calls", [])]
        return rerating.ask(by=self.context["request"].user, calls=calls, **values)


class DifferenceSerializer(serializers.Serializer):
    """Changed prices of one kind and currency."""

    name = serializers.CharField()
    kind = serializers.CharField()
    currency = serializers.CharField()
    calls = serializers.IntegerField()
    old_net = serializers.DecimalField(max_digits=24, decimal_places=6)
    net = serializers.DecimalField(max_digits=24, decimal_places=6)
    old_gross = serializers.DecimalField(max_digits=24, decimal_places=6)
    gross = serializers.DecimalField(max_digits=24, decimal_places=6)


class DifferencesSerializer(serializers.Serializer):
    """All that changes, and the payers and destinations of which most does."""

    totals = DifferenceSerializer(many=True)
    by_account = DifferenceSerializer(many=True)
    by_destination = DifferenceSerializer(many=True)


class ChangeSerializer(serializers.ModelSerializer):
    """One price of one call, before and after."""

    class Meta:
        model = PriceChange
        fields = ["id", "call_id", "started_at", "destination", "kind", "account", "old_currency", "old_net", "old_vat",
                  "old_gross", "currency", "net", "vat", "gross", "invoiced_on", "corrected_on"]  # fmt: skip


class ReratingViewSet(viewsets.ModelViewSet):
    """Prices of calls reckoned anew. Asking changes nothing; applying changes all prices of the run, or none."""

    queryset = Rerating.objects.select_related("account")
    serializer_class = ReratingSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["state", "account", "tariff"]
    http_method_names = ["get", "post", "head", "options"]

    @extend_schema(responses=DifferencesSerializer)
    @action(detail=True, pagination_class=None)
    def differences(self, request: Request, pk: str | None = None) -> Response:
        """What changes, summed up."""
        run = self.get_object()
        found = {"totals": totals(run), "by_account": by_account(run), "by_destination": by_destination(run)}
        return Response(DifferencesSerializer(found).data)

    @extend_schema(responses=ChangeSerializer(many=True))
    @action(detail=True, filterset_fields=[])
    def changes(self, request: Request, pk: str | None = None) -> Response:
        """What changes, price by price."""
        rows: QuerySet[PriceChange] = PriceChange.objects.filter(rerating=self.get_object())
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ChangeSerializer(page, many=True).data)

    @extend_schema(
        request=inline_serializer(
            "ApplySerializer", {"move_balances": serializers.BooleanField(default=False)}
        ),
        responses=ReratingSerializer,
    )
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: str | None = None) -> Response:
        """Change the prices; with `move_balances` correct the payers' balances too. Twice counts once.

        A large run is answered with the state `applying`: it goes on in the background, `applied_until` says how far it is.
        """
        if not request.user.has_perm("cdrs.apply_rerating"):
            self.permission_denied(request)
        move = serializers.BooleanField().run_validation(request.data.get("move_balances", False))
        run = rerating.apply(run=self.get_object(), by=request.user, move_balances=move, wait=False)
        return Response(self.get_serializer(run).data)

    @extend_schema(request=None, responses=ReratingSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Give it up."""
        return Response(self.get_serializer(rerating.cancel(run=self.get_object(), by=request.user)).data)
