"""Rows of the snapshot that become values of the routing engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.core.values.windows import Hours, TimeWindow
from apps.routing.engine import Inside, Rule, RuleTarget
from apps.routing.engine.brs import Figures, Measured

Row = Sequence[Any]


def rule_of(row: Row) -> Rule:
    """A rule from its row (`apps.routing.snapshot.rules`)."""
    return Rule(
        id=row[0],
        name=row[1],
        priority=row[2],
        targets=tuple(_target(target) for target in row[3]),
        strategy=row[4],
        final=row[5],
        caller=row[6],
        caller_prefixes=tuple(row[7]),
        called_prefixes=tuple(row[8]),
        window=_hours(row[9]),
        tech_prefixes=tuple(row[10]),
        service=row[11],
        groups=frozenset(row[12]),
        calendars=tuple(row[13]),
        inside=tuple(Inside(one[0], one[1], one[2], _hours(one[3])) for one in row[14]),
        together=row[15],
    )


def _target(row: Row) -> RuleTarget:
    found = RuleTarget(*row)
    return found if found.window is None else found._replace(window=_hours(row[7]))


def _hours(spans: Sequence[Row] | None) -> Hours | None:
    return None if spans is None else Hours(tuple(TimeWindow(*span) for span in spans))


def figures_of(row: Row) -> tuple[int, str, Figures]:
    """Carrier, beginning of the called number, and what is known there (`apps.routing.snapshot.figures`)."""
    carrier, prefix, *rest, day, month, try_from, try_calls = row
    return carrier, prefix, Figures._make([*rest, _measured(day), _measured(month), try_from, try_calls])


def _measured(pair: Row | None) -> Measured | None:
    return None if pair is None else Measured(*pair)
