"""Best route selection: price and quality of a way in one figure, `autopriority` (guide 3378-3436).

The guide prints no formula, but one worked example (3396-3412). What stands here gives its three figures, 66, 47 and 18,
exactly; docs/routing.md shows the steps. All figures are whole points, higher is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

POINTS = 100
NEUTRAL = 50
"""Points of a quality that nobody has measured yet: neither good nor bad."""
LONGEST_TRIES = 7
FIRST_TRY = 6 * 3600
LONGEST_WAIT = 30 * 86_400
TRIAL_CALLS = 10
TRIALS = 20
"""Of so many calls one goes to a way whose quality is to be looked at again."""


class Measured(NamedTuple):
    """How calls to a destination went: answered of a hundred attempts, and the mean seconds of an answered one."""

    asr: float
    acd: float


class Figures(NamedTuple):
    """What an operator has set for a carrier and destination, and what was measured there."""

    quality_percent: int = 50
    accuracy: int = 30
    min_asr: int = 20
    max_asr: int = 70
    min_acd: int = 35
    max_acd: int = 240
    min_price: int = 0  # billionths of a minute; from there on it is as good as can be
    max_price: int = 0  # it is as bad as can be; 0: that of the dearest that may have the call
    day: Measured | None = None
    month: Measured | None = None
    try_from: float = 0  # epoch seconds; 0: its quality needs no second look
    try_calls: int = 0  # that it is still to get


DEFAULTS = Figures()


def autoquality(figures: Figures) -> int:
    """Points of quality: the mean of ASR and ACD of the last day and month, each between its worst and best value."""
    parts: list[int] = []
    for measured in (figures.day, figures.month):
        if measured is not None:
            parts.append(_points(measured.asr, figures.min_asr, figures.max_asr))
            parts.append(_points(measured.acd, figures.min_acd, figures.max_acd))
    return sum(parts) // len(parts) if parts else NEUTRAL


def autoprice(figures: Figures, cost: int, dearest: int = 0) -> int:
    """Points of price, in whole steps of the accuracy. `cost` and `dearest` are for a minute of a call of `pricecalcsec`."""
    return _prices(figures, [cost], dearest)[0]


def autopriority(figures: Figures, cost: int, dearest: int = 0) -> int:
    """The figure that ways are compared by: price and quality, weighed by `quality_percent`, in steps of the accuracy."""
    return autopriorities(figures, [cost], dearest)[0]


def autopriorities(figures: Figures, costs: Sequence[int], dearest: int) -> list[int]:
    """`autopriority` of many ways of which the same is known: what does not depend on the cost is reckoned once."""
    weight, step = figures.quality_percent, step_of(figures)
    quality, rest = autoquality(figures) * weight, POINTS - weight
    return [(price * rest + quality) // POINTS // step for price in _prices(figures, costs, dearest)]


def _prices(figures: Figures, costs: Sequence[int], dearest: int) -> list[int]:
    """`autoprice` of each cost: rounded down between the worst, 0 points, and the best."""
    best, worst, step = figures.min_price, figures.max_price or dearest, step_of(figures)
    if worst <= best:
        return [POINTS] * len(costs)
    most, span = POINTS // step * step, worst - best
    return [
        most if cost <= best else 0 if cost >= worst else (worst - cost) * POINTS // span // step * step
        for cost in costs
    ]


def step_of(figures: Figures) -> int:
    """How many points make a difference; the higher the accuracy, the fewer."""
    return max(1, POINTS // max(1, figures.accuracy))


def wait_after(tried: int) -> int:
    """Seconds until a way that is not the best is looked at again: twice as long each time, a month at most."""
    return int(min(FIRST_TRY * 2 ** min(tried, LONGEST_TRIES), LONGEST_WAIT))


def has_its_turn(figures: Figures, at: float, chance: int) -> bool:
    """Whether this call is one of those by which the quality of the way is looked at again."""
    return (
        bool(figures.try_from) and figures.try_from <= at and figures.try_calls > 0 and chance % TRIALS == 0
    )


def _points(value: float, worst: int, best: int) -> int:
    """Where a value stands between the two, in whole points."""
    if best <= worst:
        return POINTS if value >= best else 0
    share = min(max(value - worst, 0), best - worst) * POINTS
    return int(share // (best - worst))
