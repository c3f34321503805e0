"""Portability as rows for the switch (`apps.portability.engine.Portability`); the big file is `build`'s."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from apps.portability.models import Operator, PortedChange, PortedState
from apps.portability.queries import best_of

Row = tuple[Any, ...]
CHUNK = 2000


def stamp() -> int:
    """When many numbers changed at once last; the big file names the one that it was built from."""
    return PortedState.objects.values_list("stamp", flat=True).first() or 0


def operators() -> Iterator[Row]:
    """(code, carrier, routing number)."""
    return Operator.objects.order_by("code").values_list("code", "carrier_id", "prefix").iterator(CHUNK)


def port_changes(also: Iterable[str] = ()) -> Iterator[Row]:
    """(number, where it has gone or None) of numbers that have changed since the big file was built, and of others."""
    numbers = sorted({*also, *PortedChange.objects.values_list("number", flat=True)})
    for begin in range(0, len(numbers), CHUNK):
        some = numbers[begin : begin + CHUNK]
        found = best_of(some)
        yield from ((number, found.get(number)) for number in some)
