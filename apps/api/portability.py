"""Ported numbers in the API: one by one, page by page, and where a number has gone. It is for staff with the rights of the model."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.paging import ById
from apps.api.permissions import Office
from apps.portability import services
from apps.portability.models import PortedNumber
from apps.portability.queries import where
from apps.users.choices import Kind
from apps.users.models import Account


class PortedSerializer(serializers.ModelSerializer):
    """A number and where it has gone: at least one of carrier, code, prefix, domain and new_number."""

    number = serializers.CharField(max_length=32)
    new_number = serializers.CharField(max_length=32, required=False, allow_blank=True)
    carrier = serializers.PrimaryKeyRelatedField(
        source="target.carrier",
        queryset=Account.objects.filter(kind=Kind.CARRIER),
        required=False,
        allow_null=True,
        default=None,
    )
    code = serializers.CharField(
        source="target.code", max_length=32, required=False, allow_blank=True, default=""
    )
    prefix = serializers.CharField(
        source="target.prefix", max_length=16, required=False, allow_blank=True, default=""
    )
    domain = serializers.CharField(
        source="target.domain", max_length=253, required=False, allow_blank=True, default=""
    )
    port = serializers.IntegerField(
        source="target.port", required=False, allow_null=True, min_value=1, max_value=65535, default=None
    )

    class Meta:
        model = PortedNumber
        fields = [
            "id",
            "number",
            "carrier",
            "code",
            "prefix",
            "new_number",
            "domain",
            "port",
            "priority",
            "created_at",
        ]
        read_only_fields = ["created_at"]

    def create(self, values: dict[str, Any]) -> PortedNumber:
        return services.port(**_flat(values))

    def update(self, ported: PortedNumber, values: dict[str, Any]) -> PortedNumber:
        return services.change(ported=ported, **_flat(values))


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    return values | values.pop("target", {})


class WhereSerializer(serializers.Serializer):
    """Where calls to a number go by these data. `found`: number, block, or nothing, when it is called as it is."""

    number = serializers.CharField()
    found = serializers.CharField()
    carrier = serializers.IntegerField(allow_null=True)
    code = serializers.CharField()
    prefix = serializers.CharField()
    new_number = serializers.CharField()
    domain = serializers.CharField()
    port = serializers.IntegerField(allow_null=True)


class PortedNumberViewSet(viewsets.ModelViewSet):
    """Numbers that have gone to other operators. Millions of them are imported in the admin; here they are changed one by one."""

    queryset = PortedNumber.objects.select_related("target")
    serializer_class = PortedSerializer
    permission_classes = [Office]
    pagination_class = ById

    def filter_queryset(self, queryset: QuerySet[PortedNumber]) -> QuerySet[PortedNumber]:
        number = self.request.query_params.get("number", "")
        found = queryset.filter(number=services.plain("number", number)) if number else queryset
        return super().filter_queryset(found)

    @extend_schema(parameters=[OpenApiParameter("number", OpenApiTypes.STR, description="Exactly this one.")])
    def list(self, request: Request, *args: Any, **options: Any) -> Response:
        """The numbers, the newest first, page by page; `number` finds all rows of one."""
        return super().list(request, *args, **options)

    def perform_destroy(self, instance: PortedNumber) -> None:
        services.unport(ported=instance)

    @extend_schema(
        parameters=[OpenApiParameter("number", OpenApiTypes.STR, required=True)], responses=WhereSerializer
    )
    @action(detail=False, pagination_class=None)
    def where(self, request: Request) -> Response:
        """Where a number has gone: by its row, else by the block that it is in."""
        number = services.plain("number", request.query_params.get("number", ""))
        return Response(WhereSerializer(where(number)).data)
