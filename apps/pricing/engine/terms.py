"""What one payer pays for one call, small enough to travel in the journal and to rate from later."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from math import lcm
from typing import Any, NamedTuple

from apps.core.values.money import Rounding, quantum
from apps.core.values.windows import Days, Schedule, TimeWindow, Windows, schedule

MILLION = 1_000_000
PLANNED_DAYS = 16
ONE_TO_ONE = (1, 1)

Recorded = tuple[str, int, int]
"""A currency, and the exact ratio that leads to it from the price list's."""


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


class Band(NamedTuple):
    """The price while a window is open; `window` None is the rest of the time (a tuple: the switch makes thousands a second).

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

    def place(self, second: int) -> tuple[Tier, int | None]:
        """The tier of that elapsed second, and the second at which the next tier begins."""
        following = None
        for tier in reversed(self.tiers):
            if tier.start <= second:
                return tier, following
            following = tier.start
        raise AssertionError("a tier begins at 0")


def checked(band: Band) -> Band:
    """The band, unless it has no sense: ValueError."""
    if band.grace_seconds < 0 or band.minimum_charge < 0 or band.maximum_charge < 0 or band.surcharge < 0:
        raise ValueError(f"rate {band.rate_id} has a negative grace, least or most charge, or surcharge")
    if len(band.tiers) == 1:  # most prices
        ((start, _, per, step),) = band.tiers
        if start == 0 <= per and step >= 1:
            return band
    starts = [tier.start for tier in band.tiers]
    if not starts or starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
        raise ValueError(f"the tiers of rate {band.rate_id} must begin at 0 and rise, not {starts}")
    if any(tier.per < 0 or tier.step < 1 for tier in band.tiers):
        raise ValueError(f"rate {band.rate_id} has a step below one second")
    return band


@lru_cache(maxsize=16384)
def tiers(
    price: int,
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


class Basis(NamedTuple):
    """What is computed of a price before any call is priced by it."""

    unit: int  # numerators count 1/unit micros
    factor: int  # numerator * factor / divisor: quanta of net
    divisor: int
    quantum: int
    plain: tuple[int, int, int, int] | None  # (connect, price a second, first, next) of the usual case
    one_band: bool  # all of a call has one band, whichever it is
    split: bool  # every second has the price of its own band


Shape = tuple[tuple[Any, ...], ...]
"""Of each band whether it is the rest of the time, and its fields from the connect fee on."""


@lru_cache(maxsize=16384)
def _basis(
    shape: Shape,
    rounding: Rounding,
    decimals: int,
    included_ppm: int,
    exchange: tuple[int, int],
    crossing: Crossing,
    discount_ppm: int,
    surcharge_ppm: int,
) -> Basis:
    """Remembered by price: a list has thousands of prefixes, but few prices."""
    above, below = exchange
    if above <= 0 or below <= 0:
        raise ValueError("an exchange rate is a ratio of positive integers")
    if included_ppm < 0:
        raise ValueError("VAT is not negative")
    if not 0 <= discount_ppm <= MILLION:
        raise ValueError("a discount takes off between nothing and everything")
    if surcharge_ppm < 0:
        raise ValueError("a surcharge is not negative")
    unit = lcm(*[tier.per or 1 for _, _, tiers, *_ in shape for tier in tiers])
    step = 1 if rounding is Rounding.NONE else quantum(decimals)
    factor, divisor = above * MILLION, below * (MILLION + included_ppm) * unit * step
    if discount_ppm:
        factor, divisor = factor * (MILLION - discount_ppm), divisor * MILLION
    if surcharge_ppm:
        factor, divisor = factor * (MILLION + surcharge_ppm), divisor * MILLION
    simple = len(shape) == 1 or shape[0][0]
    whole = simple or crossing in (Crossing.CALL_START, Crossing.CALL_MIDDLE)
    plain = _plain(shape[0], unit) if simple and factor else None
    return Basis(
        unit, factor, divisor, step, plain, whole, split=not whole and crossing is Crossing.PER_SECOND
    )


def _plain(shape: tuple[Any, ...], unit: int) -> tuple[int, int, int, int] | None:
    """(connect, price a second, first, next) of one band without free time or limits."""
    _, connect_fee, tiers, grace, least, most, surcharge = shape
    first, last = tiers[0], tiers[-1]
    if len(tiers) > 2 or not first.per or not last.per or grace or least or most:
        return None
    price = first.price * unit // first.per
    if price != last.price * unit // last.per:
        return None
    if last is not first and last.start != first.step:
        return None
    return (connect_fee + surcharge) * unit, price, first.step, last.step


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
    list_currency: str = ""  # the price list's; empty: as `currency`
    exchanged_on: tuple[int, ...] = ()  # from when the exchange rates are that were used; epoch seconds
    recorded: Recorded | None = (
        None  # in what the net price stands in the call record; None: as it is charged
    )
    because: tuple[tuple[str, str], ...] = ()  # conditions that the tariff was given for (`Assignment`)
    surcharge_ppm: int = 0  # of the account: comes on top of what the discount leaves, millionths

    basis: Basis = field(init=False, repr=False, compare=False)
    plans: dict[int, Schedule] = field(
        init=False, repr=False, compare=False
    )  # by UTC day, as they are asked for

    def __post_init__(self) -> None:
        if not self.bands:
            raise ValueError("terms without a band have no price")
        if self.vat_ppm < 0:
            raise ValueError("VAT is not negative")
        shape = tuple([(band.window is None, *band[3:]) for band in self.bands])
        basis = _basis(
            shape,
            self.rounding,
            self.decimals,
            self.included_ppm,
            self.exchange,
            self.crossing,
            self.discount_ppm,
            self.surcharge_ppm,
        )
        object.__setattr__(self, "basis", basis)
        object.__setattr__(self, "plans", {})

    @property
    def windows(self) -> Windows:
        """Of each band, in their order."""
        return tuple(band.window for band in self.bands)

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
        foreign = self.list_currency or self.exchanged_on or self.recorded
        why = self.because or self.surcharge_ppm
        if foreign or why or self.crossing is not Crossing.PER_SECOND or self.discount_ppm or self.days:
            packed += [str(self.crossing), self.discount_ppm, [list(day) for day in self.days]]
        if foreign or why:
            recorded = list(self.recorded) if self.recorded else None
            packed += [self.list_currency, list(self.exchanged_on), recorded]
        if why:
            packed.append([list(one) for one in self.because])
        if self.surcharge_ppm:
            packed.append(self.surcharge_ppm)
        return packed

    def as_recorded(self) -> Terms | None:
        """The terms of the amount in the call record: net, in its own currency. None: it is the net that is charged."""
        if self.recorded is None:
            return None
        currency, above, below = self.recorded
        return replace(self, currency=currency, exchange=(above, below), vat_ppm=0, recorded=None)

    @classmethod
    def from_list(cls, packed: list[Any]) -> Terms:
        """Terms from what `as_list` gave, through JSON or not."""
        bands, currency, zone, rounding, decimals, vat, included, exchange = packed[:8]
        crossing, discount, days = packed[8:11] or (Crossing.PER_SECOND, 0, ())
        listed, exchanged, recorded = packed[11:14] or ("", (), None)
        because, surcharge = (*packed[14:16], 0)[:2] if packed[14:] else ((), 0)
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
            list_currency=listed,
            exchanged_on=tuple(exchanged),
            recorded=(recorded[0], recorded[1], recorded[2]) if recorded else None,
            because=tuple((what, which) for what, which in because),
            surcharge_ppm=surcharge,
        )


def _packed(band: Band) -> list[Any]:
    window = [band.window.weekdays, band.window.start, band.window.end] if band.window else None
    once = [band.grace_seconds, band.minimum_charge, band.maximum_charge, band.surcharge]
    found = [window, band.rate_id, band.prefix, band.connect_fee, [list(tier) for tier in band.tiers]]
    return found + once if any(once) else found


def _unpacked(packed: list[Any]) -> Band:
    window, rate_id, prefix, connect_fee, steps, *once = packed
    return checked(
        Band(
            TimeWindow(*window) if window else None,
            rate_id,
            prefix,
            connect_fee,
            tuple([Tier(*tier) for tier in steps]),
            *once,
        )
    )
