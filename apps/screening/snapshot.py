"""What the switch has to know to screen calls, as rows in the order in which `switch.world` reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from apps.config.queries import get
from apps.screening.build import copy_list
from apps.screening.engine.standing import BY_HAND, IS_GOOD, PRESSED, SPECIAL
from apps.screening.models import Book, CallerStanding, FirewallRule, Good

LISTS = tuple(f"listed:{book}" for book in Book.values)
"""The parts of the snapshot that are lists of numbers; each is a file of its own."""


def write_list(part: str, path: Path) -> int:
    """Write one of them; the number of its entries."""
    book = Book(part.partition(":")[2])
    with connection.cursor() as cursor:
        return copy_list(cursor, book.value, path)


def firewall() -> Iterator[tuple[str, bool]]:
    """(source, heard) of the rules in force."""
    rows = FirewallRule.objects.filter(enabled=True).order_by("source")
    return rows.values_list("source", "allowed").iterator()


def known_callers() -> Iterator[tuple[str, str, float]]:
    """(key, what is known, until): who is bad by hand, who has pressed the key, and who is good, where that matters."""
    rows = CallerStanding.objects.filter(expires_at__gt=timezone.now()).order_by("key")
    wanted = Q(good=Good.BAD, by_hand=True) | Q(good=Good.KEY)
    wanted |= Q(good__gte=Good.GOOD) & (Q(by_hand=True) | Q(key__startswith=f"{SPECIAL}:"))
    if get("autoban_askkey") == "undecided":
        wanted |= Q(good__gte=Good.GOOD)
    for key, good, until in rows.filter(wanted).values_list("key", "good", "expires_at").iterator():
        what = BY_HAND if good == Good.BAD else PRESSED if good == Good.KEY else IS_GOOD
        yield key, what, until.timestamp()


def bad_callers() -> Iterator[tuple[str, float]]:
    """(key, until: epoch seconds) of callers that are refused."""
    rows = CallerStanding.objects.filter(good=Good.BAD, expires_at__gt=timezone.now()).order_by("key")
    for key, until in rows.values_list("key", "expires_at").iterator():
        yield key, until.timestamp()
