"""Reads of groups that more than one place needs."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import StrIndex

from apps.groups.models import AccountGroup, GroupMember
from apps.users.models import Account
from apps.users.queries import path_ids


def groups_of(account: Account) -> QuerySet[AccountGroup]:
    """The groups that hold the account: it was put in, or somebody above it."""
    return AccountGroup.objects.filter(members__account__in=path_ids(account)).distinct()


def accounts_in(group: AccountGroup) -> QuerySet[Account]:
    """Everybody whom the group holds: its members, and who stands below them."""
    member = group.members.annotate(place=StrIndex(OuterRef("path"), "account__path"))
    return Account.objects.filter(Exists(member.filter(place=Value(1))))


def counted() -> QuerySet[AccountGroup]:
    """All groups with the number of their members."""
    return AccountGroup.objects.annotate(size=Count("members"))


def without_group() -> Q:
    """Accounts that were put into no group themselves."""
    return ~Q(pk__in=GroupMember.objects.values("account"))
