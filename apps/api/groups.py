"""Groups of accounts in the API: for staff by their rights; each account that is put in must be one that they may see."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.paging import ById
from apps.api.permissions import Office
from apps.groups import services
from apps.groups.models import AccountGroup
from apps.groups.queries import counted
from apps.users.models import Account
from apps.users.queries import visible_to


class AccountGroupSerializer(serializers.ModelSerializer):
    """A group; who is in it is asked for and changed at `members`."""

    size = serializers.IntegerField(read_only=True, default=0)

    class Meta:
        model = AccountGroup
        fields = ["id", "name", "comment", "size", "created_at"]
        read_only_fields = ["created_at"]

    def create(self, values: dict[str, Any]) -> AccountGroup:
        return services.create_group(**values)

    def update(self, group: AccountGroup, values: dict[str, Any]) -> AccountGroup:
        return services.change_group(group=group, **values)


class MembersSerializer(serializers.Serializer):
    """Accounts by their ids, at most 10,000 in one request."""

    accounts = serializers.ListField(child=serializers.IntegerField(), max_length=10_000)

    def validate_accounts(self, ids: list[int]) -> list[Account]:
        found = visible_to(self.context["request"].user).in_bulk(ids)
        if missing := sorted(set(ids) - found.keys()):
            raise serializers.ValidationError(f"There is no account {missing[0]}.")
        return list(found.values())


class AccountGroupViewSet(viewsets.ModelViewSet):
    """Groups of accounts: conditions of route rules, lists and exports name them."""

    queryset = AccountGroup.objects.none()
    serializer_class = AccountGroupSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["name"]

    def get_queryset(self) -> QuerySet[AccountGroup]:
        return counted()

    def perform_destroy(self, instance: AccountGroup) -> None:
        services.remove_group(group=instance)

    @extend_schema(request=MembersSerializer, responses=MembersSerializer)
    @action(detail=True, methods=["get", "post", "delete"], pagination_class=None)
    def members(self, request: Request, pk: str | None = None) -> Response:
        """Who was put into the group: read it, put accounts in (POST), take accounts out (DELETE)."""
        group = self.get_object()
        if request.method != "GET":
            wanted = MembersSerializer(data=request.data, context={"request": request})
            wanted.is_valid(raise_exception=True)
            change = services.add_members if request.method == "POST" else services.remove_members
            change(group=group, accounts=wanted.validated_data["accounts"])
        ids = group.members.order_by("account_id").values_list("account_id", flat=True)
        return Response({"accounts": list(ids)})
