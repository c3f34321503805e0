"""Lists of numbers, rewrite rules and prefix rules in the API, for staff with the right of each model."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.paging import ById
from apps.api.permissions import Office
from apps.numbers.models import NumberList, PrefixRule, RewriteRule, Transport
from apps.numbers.services import lists, rules
from apps.numbers.trial import try_number
from apps.users.choices import Kind
from apps.users.models import Account

MOST_NUMBERS = 10_000
"""In one request; longer lists are uploaded in the admin."""


class NumberListSerializer(serializers.ModelSerializer):
    """A list with its numbers. Writing `numbers` replaces all of them; without it they stay."""

    numbers = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=MOST_NUMBERS, required=False, write_only=True
    )
    count = serializers.SerializerMethodField()

    class Meta:
        model = NumberList
        fields = ["id", "name", "purpose", "account", "note", "numbers", "count"]

    def get_count(self, found: NumberList) -> int:
        known = getattr(found, "how_many", None)
        return found.numbers.count() if known is None else int(known)

    def create(self, values: dict[str, Any]) -> NumberList:
        return lists.create_list(**values)

    def update(self, found: NumberList, values: dict[str, Any]) -> NumberList:
        numbers = values.pop("numbers", None)
        lists.change_list(number_list=found, **values)
        if numbers is not None:
            lists.put_numbers(number_list=found, numbers=numbers)
        return NumberList.objects.get(pk=found.pk)


class NumberListViewSet(viewsets.ModelViewSet):
    """Lists of numbers that rules ask, and pools of caller numbers that they draw from."""

    queryset = NumberList.objects.annotate(how_many=Count("numbers"))
    serializer_class = NumberListSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["name", "purpose", "account"]

    @extend_schema(responses=serializers.ListSerializer(child=serializers.CharField()))
    @action(detail=True, pagination_class=None, filterset_fields=None)
    def numbers(self, request: Request, pk: str | None = None) -> Response:
        """The numbers of a list, in order."""
        return Response(list(self.get_object().numbers.order_by("number").values_list("number", flat=True)))

    def perform_destroy(self, instance: NumberList) -> None:
        lists.remove_list(number_list=instance)


class RewriteRuleSerializer(serializers.ModelSerializer):
    class Meta:
        model = RewriteRule
        fields = ["id", "name", "priority", "enabled", "stage", "caller", "called", "source", "transport", "called_prefixes",
                  "caller_prefixes", "when", "data", "check_kind", "against", "action", "find", "put", "target", "last"]  # fmt: skip

    def create(self, values: dict[str, Any]) -> RewriteRule:
        return rules.create_rule(**values)

    def update(self, rule: RewriteRule, values: dict[str, Any]) -> RewriteRule:
        return rules.change_rule(rule=rule, **values)


class TrySerializer(serializers.Serializer):
    """Who calls what, from where, and by which carrier it would go."""

    caller = serializers.PrimaryKeyRelatedField(queryset=Account.objects.all())
    dialled = serializers.CharField(max_length=64)
    shown = serializers.CharField(max_length=64, required=False, allow_blank=True)
    source = serializers.IPAddressField(required=False)
    transport = serializers.ChoiceField(choices=Transport.choices[1:], required=False)
    carrier = serializers.PrimaryKeyRelatedField(
        queryset=Account.objects.filter(kind=Kind.CARRIER), required=False
    )


class StepSerializer(serializers.Serializer):
    title = serializers.CharField()
    called = serializers.CharField()
    caller = serializers.CharField()
    notes = serializers.ListField(child=serializers.CharField())


class TrialSerializer(serializers.Serializer):
    """What became of the number, step by step; `refused` says why the call would not be made."""

    steps = StepSerializer(many=True)
    called = serializers.CharField()
    caller = serializers.CharField()
    sent = serializers.CharField()
    refused = serializers.CharField()


class RewriteRuleViewSet(viewsets.ModelViewSet):
    """Rules that rewrite the numbers of calls."""

    queryset = RewriteRule.objects.all()
    serializer_class = RewriteRuleSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["name", "enabled", "stage", "caller", "called", "target"]

    @extend_schema(parameters=[TrySerializer], responses=TrialSerializer)
    @action(detail=False, url_path="try", pagination_class=None, filterset_fields=None)
    def try_it(self, request: Request) -> Response:
        """What would become of a number, without a call."""
        asked = TrySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(TrialSerializer(try_number(**asked.validated_data)).data)

    def perform_destroy(self, instance: RewriteRule) -> None:
        rules.remove_rule(rule=instance)


class PrefixRuleSerializer(serializers.ModelSerializer):
    class Meta:
        model = PrefixRule
        fields = [
            "id",
            "number",
            "transport",
            "source",
            "account",
            "country",
            "rewrite_from",
            "rewrite_to",
            "priority",
            "enabled",
        ]

    def create(self, values: dict[str, Any]) -> PrefixRule:
        return rules.create_prefix_rule(**values)

    def update(self, rule: PrefixRule, values: dict[str, Any]) -> PrefixRule:
        return rules.change_prefix_rule(rule=rule, **values)


class PrefixRuleViewSet(viewsets.ModelViewSet):
    """Beginnings of numbers that are replaced by others."""

    queryset = PrefixRule.objects.all()
    serializer_class = PrefixRuleSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["enabled", "number", "account"]

    def perform_destroy(self, instance: PrefixRule) -> None:
        rules.remove_prefix_rule(rule=instance)
