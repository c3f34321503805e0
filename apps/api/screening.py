"""What is screened, in the API. It is for staff with the rights of the models."""

from __future__ import annotations

from typing import Any

import django_filters as df
from rest_framework import mixins, serializers, viewsets

from apps.api.paging import ById
from apps.api.permissions import Office
from apps.screening import services
from apps.screening.models import Ban, FirewallRule, ScreenedNumber


class ScreenedNumberSerializer(serializers.ModelSerializer):
    """A called number, or the beginning of many, that is blocked or known to be good."""

    class Meta:
        model = ScreenedNumber
        fields = [
            "id",
            "book",
            "number",
            "account",
            "level",
            "expires_at",
            "enabled",
            "reason",
            "found_by",
            "changed_at",
        ]
        read_only_fields = ["found_by", "changed_at"]
        validators: list[Any] = []  # the service says what is there already

    def create(self, values: dict[str, Any]) -> ScreenedNumber:
        return services.list_number(**values)

    def update(self, listed: ScreenedNumber, values: dict[str, Any]) -> ScreenedNumber:
        return services.change_number(listed=listed, **values)


class ScreenedNumberFilter(df.FilterSet):
    """`number_of` finds the entries that a called number begins with."""

    number_startswith = df.CharFilter(field_name="number", lookup_expr="startswith")
    number_of = df.CharFilter(method="covering")

    class Meta:
        model = ScreenedNumber
        fields = ["book", "number", "account", "level", "enabled"]

    def covering(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(number__in=[value[:length] for length in range(1, min(len(value), 16) + 1)])


class ScreenedNumberViewSet(viewsets.ModelViewSet):
    """The lists of called numbers."""

    queryset = ScreenedNumber.objects.all()
    serializer_class = ScreenedNumberSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_class = ScreenedNumberFilter

    def perform_destroy(self, instance: ScreenedNumber) -> None:
        services.unlist_number(listed=instance)


class FirewallRuleSerializer(serializers.ModelSerializer):
    """Who is heard at all: an address, a network, `U:name` or `*`."""

    class Meta:
        model = FirewallRule
        fields = ["id", "source", "allowed", "enabled", "comment", "changed_at"]
        read_only_fields = ["changed_at"]

    def create(self, values: dict[str, Any]) -> FirewallRule:
        return services.create_rule(**values)

    def update(self, rule: FirewallRule, values: dict[str, Any]) -> FirewallRule:
        return services.change_rule(rule=rule, **values)


class FirewallRuleViewSet(viewsets.ModelViewSet):
    """The rules of the firewall."""

    queryset = FirewallRule.objects.all()
    serializer_class = FirewallRuleSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["source", "allowed", "enabled"]

    def perform_destroy(self, instance: FirewallRule) -> None:
        services.remove_rule(rule=instance)


class BanSerializer(serializers.ModelSerializer):
    class Meta:
        model = Ban
        fields = ["id", "source", "reason", "worker", "banned_at", "until", "lifted_at", "lifted_by"]


class LiftBans(Office):
    """Reading is for staff who may see bans, lifting for staff with that right."""

    perms_map = Office.perms_map | {"DELETE": ["screening.lift_ban"]}


class BanViewSet(mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet):
    """Who was banned; `DELETE` lets it be heard again. The ban stays in the history."""

    queryset = Ban.objects.all()
    serializer_class = BanSerializer
    permission_classes = [LiftBans]
    pagination_class = ById
    filterset_fields = ["source"]

    def perform_destroy(self, instance: Ban) -> None:
        services.lift_ban(ban=instance, by=self.request.user)
