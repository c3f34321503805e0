"""Price lists without their rates: who pays by which, what dates they heed, what currencies are worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from apps.core.values.money import Rounding
from apps.core.values.windows import Days, TimeWindow, local_date
from apps.pricing.engine.duration import LONGEST
from apps.pricing.engine.rates import ALWAYS, NEVER
from apps.pricing.engine.terms import Crossing

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


VOICE, SMS = "voice", "sms"
INBOUND = "inbound"
"""Calls that the called account pays for."""
NOBODY: frozenset[int] = frozenset()

Condition = tuple[str, str]
"""What a tariff was given for, and which one: ("caller_group", "Wholesale"). Words are those of `Assignment`."""


class Origin(NamedTuple):
    """Where a call comes from and what it is, as far as the conditions of tariffs ask."""

    caller_number: str = ""
    service: str = VOICE
    callers: tuple[int, ...] = ()  # who calls and everybody above, and the trunk that brought the call
    groups: frozenset[int] = NOBODY  # that hold the caller
    tech_prefix: str = ""


class Assignment(NamedTuple):
    """That an account pays by a tariff in `[valid_from, valid_until)`, for calls that all of its conditions fit.

    0 and "" ask nothing. `because` are the conditions in words, for whoever asks why.
    """

    tariff_id: int
    caller_prefix: str = ""
    valid_from: int = ALWAYS
    valid_until: int = NEVER
    caller: int = 0
    caller_group: int = 0
    tech_prefix: str = ""
    because: tuple[Condition, ...] = ()

    def fits(self, origin: Origin, at: float) -> bool:
        """Whether it is for such a call, then."""
        return (
            self.valid_from <= at < self.valid_until
            and origin.caller_number.startswith(self.caller_prefix)
            and (not self.caller or self.caller in origin.callers)
            and (not self.caller_group or self.caller_group in origin.groups)
            and (not self.tech_prefix or self.tech_prefix == origin.tech_prefix)
        )

    @property
    def for_any(self) -> bool:
        """Whether it asks nothing of a call but its time."""
        return not (self.caller_prefix or self.caller or self.caller_group or self.tech_prefix)

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int, int]:
        """Of several that fit, the greatest holds."""
        return (
            bool(self.caller),
            bool(self.caller_group),
            bool(self.tech_prefix),
            len(self.caller_prefix),
            self.valid_from,
            self.tariff_id,
        )


class Given(NamedTuple):
    """By which tariff an account pays, whose it is (its own or somebody's above), and the conditions that it was given for."""

    tariff: Tariff
    holder: int
    because: tuple[Condition, ...] = ()


class Calendar(NamedTuple):
    """Dates (days since 1970) that do not count as their weekday, for called numbers that begin so; none: for any."""

    called_prefixes: tuple[str, ...]
    dates: dict[int, int]

    def reach(self, number: str) -> int:
        """The length of the longest prefix that the number has; -1: the calendar is not for it."""
        if not self.called_prefixes:
            return 0
        return max((len(one) for one in self.called_prefixes if number.startswith(one)), default=-1)


@dataclass(slots=True)
class PriceLists:
    """All there is to know of prices but the rates, from rows of `apps.pricing.snapshot` by section."""

    tariffs: dict[int, Tariff] = field(default_factory=dict)
    assignments: dict[tuple[int, str, str], list[Assignment]] = field(
        default_factory=dict
    )  # (account, kind, service)
    windows: dict[int, tuple[TimeWindow, ...]] = field(default_factory=dict)
    calendars: dict[int, Calendar] = field(default_factory=dict)
    exchange: dict[str, tuple[list[int], list[int]]] = field(
        default_factory=dict
    )  # currency → (first seconds, hundred-millionths of it for one unit of ours)

    def take(self, section: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add the rows of a section; a section that nobody knows is passed over."""
        if section == "tariffs":
            for row in rows:
                typed = (*row[:6], Rounding(row[6]), row[7], Crossing(row[8]), tuple(row[9]))
                self.tariffs[row[0]] = Tariff._make(typed)
        elif section == "assignments":
            for account, kind, *row in rows:
                service, one = assignment(row)
                self.assignments.setdefault((account, kind, service), []).append(one)
        elif section == "windows":
            self.windows.update((row[0], tuple(TimeWindow(*span) for span in row[1])) for row in rows)
        elif section == "calendars":
            for calendar, prefixes, dates in rows:
                self.calendars[calendar] = Calendar(tuple(prefixes), dict(dates))
        elif section == "exchange":
            for currency, begins, units in rows:
                known = self.exchange.setdefault(currency, ([], []))
                known[0].append(begins)
                known[1].append(units)


def assignment(row: Sequence[Any]) -> tuple[str, Assignment]:
    """For which service, and what: from (tariff, prefix, begin, end), and what else it asks for if it asks for more.

    That is (service, (account, name), (group, name), tech prefix); None or "" where it asks nothing.
    """
    tariff, prefix, begins, ends, *more = row
    first, end = ALWAYS if begins is None else begins, NEVER if ends is None else ends
    service, caller, group, tech_prefix = more or (VOICE, None, None, "")
    said = {
        "service": "" if service == VOICE else service,
        "caller": caller[1] if caller else "",
        "caller_group": group[1] if group else "",
        "tech_prefix": tech_prefix,
        "caller_prefix": prefix,
    }
    because = tuple((what, which) for what, which in said.items() if which)
    ids = caller[0] if caller else 0, group[0] if group else 0
    return service, Assignment(tariff, prefix, first, end, *ids, tech_prefix, because)


def holding(assignments: Sequence[Assignment], origin: Origin, at: float) -> Assignment | None:
    """What is in force for such a call: the most particular that fits (`Assignment.rank`)."""
    if len(assignments) == 1:  # the usual case
        one = assignments[0]
        return one if one.fits(origin, at) else None
    fitting = [one for one in assignments if one.fits(origin, at)]
    return max(fitting, key=lambda one: one.rank, default=None)


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
