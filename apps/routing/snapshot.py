"""Route rules, and the figures of the best route, as rows for the switch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from apps.pricing.snapshot import windows
from apps.routing.models import BestRoute, RouteRule, RouteTarget

Row = tuple[Any, ...]
Spans = list[list[int]]
BILLIONTHS = 10**9


def rules(only: Collection[int] | None = None) -> Iterator[Row]:
    """Enabled rules, in the order of `switch.world.rows.rule_of`; windows as spans (day mask, first minute, first outside).

    `only`: the rules with these ids instead, enabled or not.
    """
    hours: dict[int, Spans] = dict(windows())
    chosen = RouteRule.objects.filter(enabled=True) if only is None else RouteRule.objects.filter(pk__in=only)
    targets, inside = _targets(hours, chosen), _inside(hours, chosen)
    calendars = _linked(RouteRule.calendars.through, "calendar_id")
    groups = _linked(RouteRule.groups.through, "accountgroup_id")
    rows = chosen.order_by("priority", "id")
    for rule, name, priority, strategy, final, caller, *lists, window, service, together in rows.values_list(
        "id", "name", "priority", "strategy", "final", "caller_id", "caller_prefixes", "called_prefixes",
        "tech_prefixes", "window_id", "service", "together",
    ).iterator(1000):  # fmt: skip
        from_list, to_list, tech = map(prefixes, lists)
        yield (
            rule, name, priority, targets[rule], strategy, final, caller, from_list, to_list, hours.get(window),
            tech, service, groups[rule], calendars[rule], inside[rule], together,
        )  # fmt: skip


def _linked(links: Any, other: str) -> dict[int, list[int]]:
    """What each rule has many of, by the table between."""
    found: dict[int, list[int]] = defaultdict(list)
    for rule, one in links.objects.order_by("routerule_id", other).values_list("routerule_id", other):
        found[rule].append(one)
    return found


def _targets(hours: dict[int, Spans], chosen: QuerySet[RouteRule]) -> dict[int, list[Row]]:
    """The enabled carriers of the chosen rules, in the order of `apps.routing.engine.RuleTarget`."""
    found: dict[int, list[Row]] = defaultdict(list)
    rows = _enabled(chosen).filter(carrier__isnull=False).order_by("rule_id", "priority", "carrier_id")
    for rule, *limits, window, full_until, last in rows.values_list(
        "rule_id", "carrier_id", "priority", "weight", "id", "share", "max_calls", "calls_per_second", "window_id",
        "full_until", "last_resort",
    ).iterator(2000):  # fmt: skip
        until = int(full_until.timestamp()) if full_until else 0
        found[rule].append((*limits, hours.get(window), until, last))
    return found


def _inside(hours: dict[int, Spans], chosen: QuerySet[RouteRule]) -> dict[int, list[Row]]:
    """The enabled subscribers and groups, in the order of `apps.routing.engine.Inside`."""
    found: dict[int, list[Row]] = defaultdict(list)
    rows = _enabled(chosen).filter(carrier=None).order_by("rule_id", "priority", "id")
    for rule, subscriber, group, priority, window in rows.values_list(
        "rule_id", "subscriber_id", "group_id", "priority", "window_id"
    ):
        found[rule].append((subscriber or 0, group or 0, priority, hours.get(window)))
    return found


def _enabled(chosen: QuerySet[RouteRule]) -> QuerySet[RouteTarget]:
    return RouteTarget.objects.filter(enabled=True, rule__in=chosen)


def figures() -> Iterator[Row]:
    """(carrier, prefix, then the fields of `apps.routing.engine.brs.Figures`)."""
    for one in BestRoute.objects.order_by("carrier_id", "prefix").iterator(2000):
        left = max(0, one.next_try_count - one.try_count)
        yield (
            one.carrier_id, one.prefix, one.quality_percent, one.accuracy, one.min_asr, one.max_asr, one.min_acd,
            one.max_acd, _billionths(one.min_price), _billionths(one.max_price), _measured(one.asr_day, one.acd_day),
            _measured(one.asr_month, one.acd_month), one.next_try.timestamp() if one.next_try else 0, left,
        )  # fmt: skip


def _measured(asr: float | None, acd: float | None) -> list[float] | None:
    return None if asr is None or acd is None else [asr, acd]


def _billionths(price: Decimal) -> int:
    return int(price * BILLIONTHS)


def prefixes(listed: str) -> list[str]:
    """The prefixes of a list with commas; longer ones that a shorter one covers stay, they rank the rule."""
    return list(dict.fromkeys(part.strip() for part in listed.split(",") if part.strip()))
