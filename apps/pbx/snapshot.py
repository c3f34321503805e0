"""Call features as rows for the switch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from apps.pbx.models import Forward, RingGroup, RingMember, SpeedDial

Row = tuple[Any, ...]
CHUNK = 2000


def forwards() -> Iterator[Row]:
    """(account, kind, number, seconds), those that are in force."""
    rows = Forward.objects.filter(enabled=True).order_by("account_id", "kind")
    return rows.values_list("account_id", "kind", "number", "seconds").iterator(CHUNK)


def ring_groups() -> Iterator[Row]:
    """(account, mode, own phones too, members as (number, delay, ring seconds))."""
    members: dict[int, list[Row]] = defaultdict(list)
    for group, *member in RingMember.objects.order_by("group_id", "place", "id").values_list(
        "group_id", "number", "delay_seconds", "ring_seconds"
    ):
        members[group].append(tuple(member))
    for group, account, mode, own in RingGroup.objects.order_by("account_id").values_list(
        "id", "account_id", "mode", "own_phones"
    ):
        if members[group]:
            yield account, mode, own, members[group]


def speed_dials() -> Iterator[Row]:
    """(account, short number, number)."""
    rows = SpeedDial.objects.order_by("account_id", "code")
    return rows.values_list("account_id", "code", "number").iterator(CHUNK)
