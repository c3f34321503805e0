"""Price lists without their rates, as the switch knows them: who pays by which, and what dates they heed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from apps.core.values.money import Rounding
from apps.core.values.windows import Days, local_date
from apps.pricing.engine import ALWAYS, LONGEST, NEVER, Crossing

REACH = LONGEST // 86_400 + 1
"""Days after the one on which a call begins that its price may depend on."""


class Tariff(NamedTuple):
    """A price list without its rates."""

    id: int
    name: str
    kind: str
    currency: str
    included_ppm: int
    zone: str
    rounding: Rounding
    decimals: int
    crossing: Crossing = Crossing.PER_SECOND
    calendars: tuple[int, ...] = ()


class Assignment(NamedTuple):
    """That an account pays by a tariff: for callers' numbers that begin so, in `[valid_from, valid_until)`."""

    tariff_id: int
    caller_prefix: str = ""
    valid_from: int = ALWAYS
    valid_until: int = NEVER


class Calendar(NamedTuple):
    """Dates (days since 1970) that do not count as their weekday, for called numbers that begin so; none: for any."""

    called_prefixes: tuple[str, ...]
    dates: dict[int, int]

    def reach(self, number: str) -> int:
        """The length of the longest prefix that the number has; -1: the calendar is not for it."""
        if not self.called_prefixes:
            return 0
        return max((len(one) for one in self.called_prefixes if number.startswith(one)), default=-1)


def holding(assignments: Sequence[Assignment], caller_number: str, at: float) -> int | None:
    """The tariff in force: of the longest beginning of the caller's number, then the one that began last."""
    if len(assignments) == 1 and not assignments[0].caller_prefix:  # the usual case
        one = assignments[0]
        return one.tariff_id if one.valid_from <= at < one.valid_until else None
    fitting = [
        one
        for one in assignments
        if one.valid_from <= at < one.valid_until and caller_number.startswith(one.caller_prefix)
    ]
    best = max(fitting, key=lambda one: (len(one.caller_prefix), one.valid_from, one.tariff_id), default=None)
    return best.tariff_id if best else None


def special_days(calendars: Iterable[Calendar], number: str, zone: str, at: float) -> Days:
    """The dates around a call that do not count as their weekday. The calendar for the longest prefix has the last word."""
    today = local_date(int(at), zone)
    found: dict[int, int] = {}
    for _, calendar in sorted(
        ((reach, one) for one in calendars if (reach := one.reach(number)) >= 0), key=lambda pair: pair[0]
    ):
        for date in range(today - 1, today + REACH + 1):
            if date in calendar.dates:
                found[date] = calendar.dates[date]
    return tuple(sorted(found.items()))
