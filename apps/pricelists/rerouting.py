"""What calls come to with the routes and prices there are, and with others: by carrier and by destination. Whole micros, net, in the
installation's currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from apps.core.values.money import from_micros

SHOWN = 200
"""Destinations on the page, those that move most."""
EXAMPLES = 20


class Way(NamedTuple):
    """Where a call goes first, for how much, and what it brings. Without a carrier `why` is the cause of the refusal."""

    carrier: int | None
    cost: int = 0
    revenue: int = 0
    why: str = ""


@dataclass(slots=True)
class Sum:
    """Some calls together."""

    calls: int = 0
    seconds: int = 0
    revenue: int = 0
    cost: int = 0

    def add(self, seconds: int, revenue: int, cost: int) -> None:
        """One more call."""
        self.calls += 1
        self.seconds += seconds
        self.revenue += revenue
        self.cost += cost

    def figures(self, share: int, total: int) -> dict[str, Any]:
        """For a page: amounts as texts; `percent` of all calls."""
        revenue, cost = (Decimal(from_micros(micros * share)) for micros in (self.revenue, self.cost))
        percent = round(Decimal(100 * self.calls) / total, 1) if total else Decimal(0)
        return {"calls": self.calls * share, "seconds": self.seconds * share, "revenue": str(revenue), "cost": str(cost),
                "margin": str(revenue - cost), "percent": str(percent)}  # fmt: skip


@dataclass(slots=True)
class Pair:
    """The same calls, before and after."""

    before: Sum = field(default_factory=Sum)
    after: Sum = field(default_factory=Sum)


@dataclass(slots=True)
class Outcome:
    """What came of a replay. Of `share` calls one was taken.

    Calls that have no way stay out of the sums of that side, and are counted by the cause of their refusal.
    """

    share: int = 1
    total: Pair = field(default_factory=Pair)
    carriers: dict[int, Pair] = field(default_factory=dict)
    destinations: dict[str, Pair] = field(default_factory=dict)
    recorded: dict[int, Sum] = field(default_factory=dict)
    refused: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    moved: int = 0
    lost: list[tuple[str, str]] = field(default_factory=list)

    def add(self, call: str, destination: str, seconds: int, before: Way, after: Way) -> None:
        """One call and where it would go."""
        if before.carrier is not None and after.carrier is None and len(self.lost) < EXAMPLES:
            self.lost.append((call, after.why))
        self.moved += before.carrier is not None and after.carrier not in (None, before.carrier)
        for side, way in enumerate((before, after)):
            if way.carrier is None:
                self.refused[side][way.why] += 1
                continue
            pairs = (
                self.total,
                self.carriers.setdefault(way.carrier, Pair()),
                self.destinations.setdefault(destination, Pair()),
            )
            for pair in pairs:
                (pair.after if side else pair.before).add(seconds, way.revenue, way.cost)

    def as_json(self, names: Mapping[int, str]) -> dict[str, Any]:
        """Figures for a page; `names` of carriers."""
        carriers = [(names.get(one, str(one)), one, pair) for one, pair in self.carriers.items()]
        recorded = sum(one.calls for one in self.recorded.values())
        rows = sorted(self.destinations.items(), key=lambda row: (-abs(_moved(row[1])), row[0]))
        return {
            "share": self.share,
            "total": self._both(self.total),
            "moved": self.moved * self.share,
            "carriers": [
                {"name": name, **self._both(pair), "recorded": self.recorded.get(one, Sum()).figures(self.share, recorded)}
                for name, one, pair in sorted(carriers)
            ],
            "destinations": [{"name": name, **self._both(pair)} for name, pair in rows[:SHOWN]],
            "more": max(0, len(rows) - SHOWN),
            "refused": [
                {"cause": cause, "before": self.refused[0][cause] * self.share, "after": self.refused[1][cause] * self.share}
                for cause in sorted(self.refused[0] | self.refused[1])
            ],
            "lost": [{"call": call, "cause": cause} for call, cause in self.lost],
        }  # fmt: skip

    def _both(self, pair: Pair) -> dict[str, Any]:
        difference = Decimal(from_micros(_moved(pair) * self.share))
        before, after = self.total.before.calls, self.total.after.calls
        return {"before": pair.before.figures(self.share, before), "after": pair.after.figures(self.share, after),
                "difference": str(difference)}  # fmt: skip


def _moved(pair: Pair) -> int:
    """What the margin gains."""
    return (pair.after.revenue - pair.after.cost) - (pair.before.revenue - pair.before.cost)
