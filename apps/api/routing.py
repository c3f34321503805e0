"""Route rules and the figures of the best route through the API, and where a call would go."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.paging import ById
from apps.api.permissions import Office, Simulate
from apps.api.problems import Unavailable
from apps.api.serializers import RouteSerializer
from apps.routing import services
from apps.routing.models import BestRoute, RouteRule
from apps.routing.simulation import Question, SwitchUnavailable, simulate
from apps.users.choices import Kind
from apps.users.models import Account


class QuestionSerializer(serializers.Serializer):
    """A call: its account, or the address (address:port) and caller number by which the switch would know it."""

    called = serializers.CharField(max_length=64)
    account = serializers.PrimaryKeyRelatedField(
        queryset=Account.objects.all(), required=False, allow_null=True
    )
    caller_number = serializers.CharField(max_length=64, required=False, allow_blank=True)
    address = serializers.RegexField(r"^[0-9A-Fa-f.:\[\]]+:[0-9]{1,5}\Z", max_length=64, required=False)
    at = serializers.DateTimeField(required=False, allow_null=True)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not data.get("account") and not data.get("address"):
            raise serializers.ValidationError("Say which account calls, or from which address.")
        return data


class RuleAskedSerializer(serializers.Serializer):
    """A rule for this number and caller; `why_not` is empty when it takes the call. Negative ids: rules that settings make."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    priority = serializers.IntegerField()
    final = serializers.BooleanField()
    why_not = serializers.CharField()


class WaySerializer(serializers.Serializer):
    """A way in its place, what a minute costs by it, why it stands there, and why before the next."""

    place = serializers.IntegerField()
    account = serializers.CharField()
    account_id = serializers.IntegerField()
    rule = serializers.CharField()
    number = serializers.CharField()
    dialled = serializers.BooleanField()
    cost = serializers.CharField()
    why = serializers.CharField()
    before_next = serializers.CharField()
    best_route = serializers.DictField()
    standing = serializers.DictField()


class SkippedSerializer(serializers.Serializer):
    """A carrier that cannot have the call."""

    account = serializers.CharField()
    rule = serializers.CharField()
    why = serializers.CharField()


class DecisionSerializer(serializers.Serializer):
    """What the switch would do with the call, and all that led to it."""

    world = serializers.CharField()
    at = serializers.FloatField()
    currency = serializers.CharField()
    caller = serializers.SerializerMethodField()
    refused = serializers.SerializerMethodField()
    trace = serializers.ListField(child=serializers.CharField())
    called = serializers.CharField(required=False)
    caller_number = serializers.CharField(required=False)
    destination = serializers.CharField(required=False)
    rules = RuleAskedSerializer(many=True, required=False)
    targets = WaySerializer(many=True, required=False)
    skipped = SkippedSerializer(many=True, required=False)
    payers = serializers.SerializerMethodField()

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_caller(self, found: dict[str, Any]) -> Any:
        return found["caller"]

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_refused(self, found: dict[str, Any]) -> Any:
        return found["refused"]

    @extend_schema_field({"type": "array", "items": {"type": "object"}})
    def get_payers(self, found: dict[str, Any]) -> Any:
        return found.get("payers", [])


def decision(question: Question) -> Any:
    """The switch's answer as the API tells it; 503 when there is none."""
    try:
        return DecisionSerializer(simulate(question)).data
    except SwitchUnavailable as error:
        raise Unavailable(str(error)) from error


class RouteViewSet(viewsets.ModelViewSet):
    """Route rules with their targets."""

    queryset = RouteRule.objects.prefetch_related("targets", "calendars", "groups")
    serializer_class = RouteSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["enabled", "caller", "groups", "strategy", "service"]

    def perform_destroy(self, instance: RouteRule) -> None:
        services.remove_rule(rule=instance)

    @extend_schema(request=QuestionSerializer, responses=DecisionSerializer)
    @action(
        detail=False,
        methods=["post"],
        pagination_class=None,
        filterset_fields=[],
        permission_classes=[Simulate],
    )
    def explain(self, request: Request) -> Response:
        """Where would this call go, and why? A switch worker decides it as a real one, and dials nobody."""
        wanted = QuestionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response(decision(Question(**wanted.validated_data)))


class BestRouteSerializer(serializers.ModelSerializer):
    carrier = serializers.PrimaryKeyRelatedField(queryset=Account.objects.filter(kind=Kind.CARRIER))

    class Meta:
        model = BestRoute
        fields = ["id", "carrier", "prefix", "quality_percent", "accuracy", "min_asr", "max_asr", "min_acd", "max_acd",
                  "min_price", "max_price", "asr_day", "acd_day", "asr_month", "acd_month", "measured_at", "tried",
                  "next_try", "next_try_count", "try_count", "is_best"]  # fmt: skip
        read_only_fields = fields[11:]

    def create(self, values: dict[str, Any]) -> BestRoute:
        return services.save_best_route(**values)

    def update(self, best: BestRoute, values: dict[str, Any]) -> BestRoute:
        return services.save_best_route(best=best, **values)


class BestRouteViewSet(viewsets.ModelViewSet):
    """What price and quality of a carrier are worth for a destination; what was measured is read only."""

    queryset = BestRoute.objects.all()
    serializer_class = BestRouteSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["carrier", "prefix", "is_best"]

    def perform_destroy(self, instance: BestRoute) -> None:
        services.remove_best_route(best=instance)
