"""Route rules as rows for the switch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from apps.pricing.snapshot import windows
from apps.routing.models import RouteRule, RouteTarget

Row = tuple[Any, ...]


def rules() -> Iterator[Row]:
    """Enabled rules: (id, name, priority, targets, strategy, final, caller, caller prefixes, called prefixes, window).

    Targets are (carrier, priority, weight), the enabled ones. A window is a list of spans (day mask, first minute, first outside).
    """
    targets: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for rule, *target in (
        RouteTarget.objects.filter(enabled=True, rule__enabled=True)
        .order_by("rule_id", "priority", "carrier_id")
        .values_list("rule_id", "carrier_id", "priority", "weight")
    ):
        targets[rule].append((target[0], target[1], target[2]))
    hours: dict[int, list[list[int]]] = dict(windows())
    rows = RouteRule.objects.filter(enabled=True).order_by("priority", "id")
    for rule, name, priority, strategy, final, caller, from_list, to_list, window in rows.values_list(
        "id",
        "name",
        "priority",
        "strategy",
        "final",
        "caller_id",
        "caller_prefixes",
        "called_prefixes",
        "window_id",
    ):
        yield (
            rule, name, priority, targets[rule], strategy, final, caller,
            prefixes(from_list), prefixes(to_list), hours.get(window),
        )  # fmt: skip


def prefixes(listed: str) -> list[str]:
    """The prefixes of a list with commas; longer ones that a shorter one covers stay, they rank the rule."""
    return list(dict.fromkeys(part.strip() for part in listed.split(",") if part.strip()))
