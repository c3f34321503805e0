"""Numbers as rows for the switch (`apps.dids.engine.Dids`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from apps.dids.models import Contact, Did, Holding, ShortNumber, State

Row = tuple[Any, ...]
CHUNK = 2000


def dids() -> Iterator[Row]:
    """(number, shared, holders, company, carrier) of those that somebody has or that are shared."""
    holders: dict[int, list[int]] = defaultdict(list)
    for did, account in Holding.objects.filter(until=None).order_by("id").values_list("did_id", "account_id"):
        holders[did].append(account)
    rows = Did.objects.filter(state__in=(State.ASSIGNED, State.SHARED)).order_by("number")
    for pk, number, state, company, carrier in rows.values_list(
        "id", "number", "state", "company_id", "carrier_id"
    ).iterator(CHUNK):
        yield number, state == State.SHARED, holders.get(pk, []), company, carrier


def did_stock() -> Iterator[str]:
    """Numbers that nobody has."""
    rows = Did.objects.exclude(state__in=(State.ASSIGNED, State.SHARED)).order_by("number")
    return rows.values_list("number", flat=True).iterator(CHUNK)


def held() -> Iterator[Row]:
    """(account, its numbers, the one that it shows first)."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = Holding.objects.filter(until=None).order_by("account_id", "place", "id")
    for account, number in rows.values_list("account_id", "did__number").iterator(CHUNK):
        found[account].append(number)
    yield from found.items()


def short_numbers() -> Iterator[Row]:
    """(short number, account)."""
    rows = ShortNumber.objects.order_by("id")
    return rows.values_list("number", "account_id").iterator(CHUNK)


def contacts() -> Iterator[Row]:
    """(account, shared number or nothing, user name and numbers)."""
    rows = Contact.objects.order_by("account_id", "id").values_list(
        "account_id", "did__number", "username", "number", "second_number"
    )
    for account, did, *ways in rows.iterator(CHUNK):
        yield account, did or "", ways
