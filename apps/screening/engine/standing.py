"""Good and bad callers, by how many of their calls are answered and how long those last (guide 14132-14160)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

AUTO_CALLS: Final = 150
AUTO_DAYS: Final = 90
AUTO_LASTING: Final = 30
"""What -1 of the settings stands for: calls that are needed, days that are looked back, days that a standing holds."""
SHORT: Final = 5
"""A caller number of so many digits is none that a caller is known by."""
BY_HAND, PRESSED, IS_GOOD = "by hand", "pressed", "good"
"""What the switch is told of a caller, beside that it is bad."""
BAD, UNDECIDED, GOOD = 0, 1, 2
SPECIAL: Final = "special"
"""The kind of keys by which carriers with `autoban_special` know callers: `special:` and who calls (`own_key`)."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Calls that went out, those of them that were answered, and the seconds of those."""

    calls: int
    answered: int
    seconds: int

    @property
    def asr(self) -> float:
        """Per cent that were answered."""
        return 100 * self.answered / self.calls if self.calls else 0.0

    @property
    def acd(self) -> float:
        """Seconds of an answered call on average."""
        return self.seconds / self.answered if self.answered else 0.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is asked of a caller. Kinds that the maps do not name are asked for all of it."""

    asr: float
    acd: float
    good: float
    calls: int
    calls_by: Mapping[str, float] = field(default_factory=dict)
    stat_by: Mapping[str, float] = field(default_factory=dict)


def standing(kind: str, measure: Measure, limits: Thresholds) -> int:
    """Bad, good, or not decided, of a key of this kind (number, number_ip, ip, user, trunk).

    1. With fewer calls than its kind needs nothing is decided.
    2. Bad is who is below the least ASR or the least ACD of its kind.
    3. Good is who is above both by `good`, and by twice that.
    """
    if measure.calls < limits.calls * limits.calls_by.get(kind, 1.0):
        return UNDECIDED
    share = limits.stat_by.get(kind, 1.0)
    asr, acd = limits.asr * share, limits.acd * share
    if measure.asr < asr or measure.acd < acd:
        return BAD
    if measure.asr > asr + limits.good and measure.acd > acd + 2 * limits.good:
        return GOOD
    return UNDECIDED


class Step(NamedTuple):
    """From so many calls on: per cent that are answered, and seconds of an answered call on average."""

    calls: int
    asr: int
    acd: int


Ladder = tuple[Step, ...]


def ladder(steps: Iterable[str]) -> Ladder:
    """Steps written as calls/ASR/ACD, the one with the most calls first."""
    return tuple(sorted((Step(*map(int, one.split("/"))) for one in steps), reverse=True))


def special_standing(measure: Measure, good: Ladder, bad: Ladder) -> int:
    """Bad, good, or not decided, for carriers that look at callers themselves (guide 14226-14251).

    1. Of each ladder that step counts whose calls the caller has made; of several the one with the most.
    2. Good is who is above both of its figures: this is asked first, as the figures may overlap.
    3. Bad is who is below either.
    """
    high, low = _reached(measure, good), _reached(measure, bad)
    if high is not None and measure.asr > high.asr and measure.acd > high.acd:
        return GOOD
    if low is not None and (measure.asr < low.asr or measure.acd < low.acd):
        return BAD
    return UNDECIDED


def _reached(measure: Measure, steps: Ladder) -> Step | None:
    return next((one for one in steps if measure.calls >= one.calls), None)


def own_key(number: str, account: int, kind: str, digits: int) -> str:
    """The key of who calls: its number, if that is long enough to be one, else its account."""
    last = number[-digits:]
    if len(last) > SHORT and last.isdigit():
        return f"number:{last}"
    return f"{'trunk' if kind == 'customer_trunk' else 'user'}:{account}"


def keys_of(number: str, host: str, account: int, kind: str, digits: int) -> tuple[str, ...]:
    """The keys of a call: what standings are looked up by."""
    last = number[-digits:]
    return (
        f"number:{last}",
        f"number_ip:{last}@{host}",
        f"ip:{host}",
        f"{'trunk' if kind == 'customer_trunk' else 'user'}:{account}",
    )
