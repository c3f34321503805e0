"""What the switch has to know of the health of trunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.routing.health.models import TrunkHealth
from apps.routing.health.queries import epoch

Row = tuple[Any, ...]


def standings() -> Iterator[Row]:
    """Those that are not good: (carrier, destination, state, level, until: epoch seconds or None, why)."""
    rows = TrunkHealth.objects.exclude(state="good").order_by("carrier_id", "destination")
    for carrier, destination, state, level, until, why in rows.values_list(
        "carrier_id", "destination", "state", "level", "until", "reason"
    ):
        yield carrier, destination, state, level, epoch(until), why
