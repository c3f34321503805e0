"""What one payer pays for one call, small enough to travel in the journal and to rate from later."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from math import lcm
from typing import Any, NamedTuple

from apps.core.values.money import Rounding, quantum
from apps.core.values.windows import Days, Schedule, TimeWindow, Windows, schedule

MILLION = 1_000_000
PLANNED_DAYS = 16


class Crossing(StrEnum):
    """How a call is priced that is up while one band ends and the next begins."""

    PER_SECOND = "per_second"  # every second by the band in force in it
    INCREMENT_START = "increment_start"  # every increment by the band in force when it begins
    CALL_START = "call_start"  # all of the call by the band in force when it is answered
    CALL_MIDDLE = "call_middle"  # all of it by the band in force in its middle second (guide 4082-4116)


class Tier(NamedTuple):
    """From elapsed second `start` on: `price` micros per `per` seconds, counted in steps of `step` seconds.

    `per` 0: these seconds are free and not billed at all. A step never reaches into the next tier.
    """

    start: int
    price: int
    per: int
    step: int


@dataclass(frozen=True, slots=True)
class Band:
    """The price while a window is open; `window` None is the rest of the time.

    What is counted once per call (all fields after `tiers`, and the connect fee) comes from the band that the call
    belongs to: the first, or the one of its middle where that decides (`Crossing`). Amounts are micros.
    """

    window: TimeWindow | None
    rate_id: int
    prefix: str
    connect_fee: int  # charged when the call lasts longer than the grace
    tiers: tuple[Tier, ...]
    grace_seconds: int = 0  # a call of no more costs nothing at all
    minimum_charge: int = 0  # what it costs at least, even if that is more than
    maximum_charge: int = 0  # what it costs at most, the surcharge apart; 0: no limit
    surcharge: int = 0  # comes on top of every call that is charged

    def __post_init__(self) -> None:
        if self.grace_seconds < 0 or self.minimum_charge < 0 or self.maximum_charge < 0 or self.surcharge < 0:
            raise ValueError(f"rate {self.rate_id} has a negative grace, least or most charge, or surcharge")
        if len(self.tiers) == 1:  # most prices; the switch makes thousands of bands a second
            ((start, _, per, step),) = self.tiers
            if start == 0 <= per and step >= 1:
                return
        starts = [tier.start for tier in self.tiers]
        if not starts or starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
            raise ValueError(f"the tiers of rate {self.rate_id} must begin at 0 and rise, not {starts}")
        if any(tier.per < 0 or tier.step < 1 for tier in self.tiers):
            raise ValueError(f"rate {self.rate_id} has a step below one second")

    def place(self, second: int) -> tuple[Tier, int | None]:
        """The tier of that elapsed second, and the second at which the next tier begins."""
        following = None
        for tier in reversed(self.tiers):
            if tier.start <= second:
                return tier, following
            following = tier.start
        raise AssertionError("a tier begins at 0")


@lru_cache(maxsize=16384)
def tiers(
    price: int,
    *,
    first_increment: int = 1,
    next_increment: int = 1,
    minimum_seconds: int = 0,
    free_seconds: int = 0,
    free_after: int = 0,
) -> tuple[Tier, ...]:
    """The tiers of a rate as price lists write it (guide 3794-3800).

    1. Free seconds come off first: a call that ends within them is billed no time at all.
    2. What is left is billed in the first increment, then in next ones, on the rest. A minimum
       above the first increment only makes the first one longer, to the next full increment.
    3. From `free_after` elapsed seconds on (0: never) nothing more is billed.
    """
    if first_increment < 1 or next_increment < 1:
        raise ValueError("an increment is at least one second")
    if minimum_seconds > first_increment:
        first_increment -= -(minimum_seconds - first_increment) // next_increment * next_increment
    found = [Tier(0, 0, 0, 1)] if free_seconds else []
    found.append(Tier(free_seconds, price, 60, first_increment))
    if next_increment != first_increment:
        found.append(Tier(free_seconds + first_increment, price, 60, next_increment))
    if free_after:
        found = [tier for tier in found if tier.start < free_after] + [Tier(free_after, 0, 0, 1)]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Terms:
    """The bands of the chosen prefix, and how their price becomes an amount of the payer's money.

    The first band whose window is open prices a second. The last band also prices what no
    window covers: `covers` tells whether a call may start at all.
    """

    bands: tuple[Band, ...]
    currency: str = ""
    zone: str = "UTC"  # whose wall clock the windows follow
    rounding: Rounding = Rounding.HALF_UP
    decimals: int = 6
    vat_ppm: int = 0  # added to the net amount; millionths
    included_ppm: int = 0  # VAT inside the prices, taken out first; millionths
    exchange: tuple[int, int] = (1, 1)  # price currency → `currency`, an exact ratio
    crossing: Crossing = Crossing.PER_SECOND
    discount_ppm: int = 0  # taken off the price of the call, millionths; all of it: the call is free
    days: Days = ()  # dates on the zone's calendar that do not count as their weekday

    # Computed once, because a call is rated many times while it runs.
    windows: Windows = field(init=False, repr=False, compare=False)
    unit: int = field(init=False, repr=False, compare=False)  # numerators count 1/unit micros
    factor: int = field(init=False, repr=False, compare=False)  # numerator * factor / divisor: quanta of net
    divisor: int = field(init=False, repr=False, compare=False)
    quantum: int = field(init=False, repr=False, compare=False)
    plain: tuple[int, int, int, int] | None = field(init=False, repr=False, compare=False)
    one_band: bool = field(
        init=False, repr=False, compare=False
    )  # all of a call has one band, whichever it is
    split: bool = field(init=False, repr=False, compare=False)  # every second has the price of its own band
    plans: dict[int, Schedule] = field(
        init=False, repr=False, compare=False
    )  # by UTC day, as they are asked for

    def __post_init__(self) -> None:
        if not self.bands:
            raise ValueError("terms without a band have no price")
        above, below = self.exchange
        if above <= 0 or below <= 0:
            raise ValueError("an exchange rate is a ratio of positive integers")
        if self.vat_ppm < 0 or self.included_ppm < 0:
            raise ValueError("VAT is not negative")
        if not 0 <= self.discount_ppm <= MILLION:
            raise ValueError("a discount takes off between nothing and everything")
        unit = lcm(*(tier.per or 1 for band in self.bands for tier in band.tiers))
        step = 1 if self.rounding is Rounding.NONE else quantum(self.decimals)
        self._set("windows", tuple(band.window for band in self.bands))
        self._set("unit", unit)
        self._set("quantum", step)
        factor, divisor = above * MILLION, below * (MILLION + self.included_ppm) * unit * step
        if self.discount_ppm:
            factor, divisor = factor * (MILLION - self.discount_ppm), divisor * MILLION
        self._set("factor", factor)
        self._set("divisor", divisor)
        self._set("plain", self._plain())
        whole = self.simple or self.crossing in (Crossing.CALL_START, Crossing.CALL_MIDDLE)
        self._set("one_band", whole)
        self._set("split", not whole and self.crossing is Crossing.PER_SECOND)
        self._set("plans", {})

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _plain(self) -> tuple[int, int, int, int] | None:
        """(connect, price a second, first, next) of one band without free time or limits: the usual case."""
        band = self.bands[0]
        first, last = band.tiers[0], band.tiers[-1]
        if not self.simple or len(band.tiers) > 2 or not first.per or not last.per:
            return None
        if band.grace_seconds or band.minimum_charge or band.maximum_charge or not self.factor:
            return None
        price = first.price * self.unit // first.per
        if price != last.price * self.unit // last.per:
            return None
        if last is not first and last.start != first.step:
            return None
        return (band.connect_fee + band.surcharge) * self.unit, price, first.step, last.step

    @property
    def simple(self) -> bool:
        """Whether one band prices the whole call, whenever it is."""
        return len(self.bands) == 1 or self.bands[0].window is None

    def plan(self, day: int) -> Schedule:
        """Which band is in force through that UTC day."""
        found = self.plans.get(day)
        if found is None:
            if len(self.plans) >= PLANNED_DAYS:
                self.plans.clear()
            found = self.plans[day] = schedule(self.windows, self.zone, day, self.days)
        return found

    def covers(self, instant: float) -> bool:
        """Whether a window (or the rest) has a price at this moment."""
        second = int(instant)
        return any(window is None or window.contains(second, self.zone, self.days) for window in self.windows)

    def as_list(self) -> list[Any]:
        """For JSON; `from_list` reads it back. What most terms do not have is left out: every call carries its own."""
        packed: list[Any] = [
            [_packed(band) for band in self.bands],
            self.currency,
            self.zone,
            str(self.rounding),
            self.decimals,
            self.vat_ppm,
            self.included_ppm,
            list(self.exchange),
        ]
        if self.crossing is not Crossing.PER_SECOND or self.discount_ppm or self.days:
            packed += [str(self.crossing), self.discount_ppm, [list(day) for day in self.days]]
        return packed

    @classmethod
    def from_list(cls, packed: list[Any]) -> Terms:
        """Terms from what `as_list` gave, through JSON or not."""
        bands, currency, zone, rounding, decimals, vat, included, exchange = packed[:8]
        crossing, discount, days = packed[8:] or (Crossing.PER_SECOND, 0, ())
        return cls(
            bands=tuple(_unpacked(band) for band in bands),
            currency=currency,
            zone=zone,
            rounding=Rounding(rounding),
            decimals=decimals,
            vat_ppm=vat,
            included_ppm=included,
            exchange=(exchange[0], exchange[1]),
            crossing=Crossing(crossing),
            discount_ppm=discount,
            days=tuple((date, kind) for date, kind in days),
        )


def _packed(band: Band) -> list[Any]:
    window = [band.window.weekdays, band.window.start, band.window.end] if band.window else None
    once = [band.grace_seconds, band.minimum_charge, band.maximum_charge, band.surcharge]
    found = [window, band.rate_id, band.prefix, band.connect_fee, [list(tier) for tier in band.tiers]]
    return found + once if any(once) else found


def _unpacked(packed: list[Any]) -> Band:
    window, rate_id, prefix, connect_fee, steps, *once = packed
    return Band(
        TimeWindow(*window) if window else None,
        rate_id,
        prefix,
        connect_fee,
        tuple(Tier(*tier) for tier in steps),
        *once,
    )
