"""Whose call features somebody may see and set: their own and those of the accounts below that have phones."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.pbx.models import Forward, RingGroup, SpeedDial
from apps.users.models import Account
from apps.users.queries import visible_to
from apps.users.rules import REGISTERING


def accounts_of(user: Account) -> QuerySet[Account]:
    """The accounts whose call features the user may see and set."""
    return visible_to(user).filter(kind__in=REGISTERING)


def forwards_of(user: Account) -> QuerySet[Forward]:
    return Forward.objects.filter(account__in=accounts_of(user).values("id"))


def ring_groups_of(user: Account) -> QuerySet[RingGroup]:
    return RingGroup.objects.filter(account__in=accounts_of(user).values("id")).prefetch_related("members")


def speed_dials_of(user: Account) -> QuerySet[SpeedDial]:
    return SpeedDial.objects.filter(account__in=accounts_of(user).values("id"))
