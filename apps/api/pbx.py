"""Call features in the API: whoever may see an account may set what becomes of its calls; staff by their rights."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request

from apps.api.paging import ById
from apps.api.permissions import Office
from apps.pbx import services
from apps.pbx.models import Forward, RingGroup, RingMember, SpeedDial
from apps.pbx.queries import accounts_of, forwards_of, ring_groups_of, speed_dials_of
from apps.users.models import Account


class OwnFeatures(Office):
    """Customers set their own (the query sets and `OwnAccount` see to that); staff need the right of the model."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user.is_authenticated and not request.user.is_staff:
            return True
        return super().has_permission(request, view)


class OwnAccount(serializers.PrimaryKeyRelatedField):
    """An account whose features the asking user may set."""

    def get_queryset(self) -> QuerySet[Account]:
        return accounts_of(self.context["request"].user)


class ForwardSerializer(serializers.ModelSerializer):
    """Where calls go on to in one case. Writing it again for the same account and case changes it."""

    account = OwnAccount()

    class Meta:
        model = Forward
        fields = ["id", "account", "kind", "number", "seconds", "enabled"]
        validators: list[Any] = []

    def create(self, values: dict[str, Any]) -> Forward:
        return services.set_forward(**values)


class MemberSerializer(serializers.ModelSerializer):
    class Meta:
        model = RingMember
        fields = ["number", "delay_seconds", "ring_seconds"]


class RingGroupSerializer(serializers.ModelSerializer):
    """Who rings when the account is called, in this order. Writing it again for the same account changes it."""

    account = OwnAccount()
    members = MemberSerializer(many=True)

    class Meta:
        model = RingGroup
        fields = ["id", "account", "mode", "own_phones", "members"]

    def create(self, values: dict[str, Any]) -> RingGroup:
        return services.set_ring_group(**values)


class SpeedDialSerializer(serializers.ModelSerializer):
    """A short number. Writing it again for the same account and code changes it."""

    account = OwnAccount()

    class Meta:
        model = SpeedDial
        fields = ["id", "account", "code", "number", "name"]
        validators: list[Any] = []

    def create(self, values: dict[str, Any]) -> SpeedDial:
        return services.set_speed_dial(**values)


class _Features(
    mixins.CreateModelMixin, mixins.DestroyModelMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin,
    viewsets.GenericViewSet,
):  # fmt: skip
    permission_classes = [OwnFeatures]
    pagination_class = ById
    filterset_fields = ["account"]


class ForwardViewSet(_Features):
    """Call forwards. POST sets the one of an account and a case."""

    queryset = Forward.objects.none()
    serializer_class = ForwardSerializer

    def get_queryset(self) -> QuerySet[Forward]:
        return forwards_of(self.request.user)

    def perform_destroy(self, forward: Forward) -> None:
        services.clear_forward(account=forward.account, kind=forward.kind)


class RingGroupViewSet(_Features):
    """Ring groups. POST sets the one of an account, with all its members."""

    queryset = RingGroup.objects.none()
    serializer_class = RingGroupSerializer

    def get_queryset(self) -> QuerySet[RingGroup]:
        return ring_groups_of(self.request.user)

    def perform_destroy(self, group: RingGroup) -> None:
        services.remove_ring_group(group=group)


class SpeedDialViewSet(_Features):
    """Short numbers. POST sets the one of an account and a code."""

    queryset = SpeedDial.objects.none()
    serializer_class = SpeedDialSerializer

    def get_queryset(self) -> QuerySet[SpeedDial]:
        return speed_dials_of(self.request.user)

    def perform_destroy(self, dial: SpeedDial) -> None:
        services.remove_speed_dial(account=dial.account, code=dial.code)
