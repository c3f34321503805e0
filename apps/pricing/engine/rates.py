"""Which rate of a price list holds: the longest prefix that fits, its version of the day, its windows."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from apps.core.values.windows import TimeWindow
from apps.pricing.engine.terms import Band, checked, tiers

ALWAYS = -(2**63)
"""`valid_from` of a rate that has always held."""

NEVER = 2**63 - 1
"""`valid_until` of a rate that does not end."""


class Rate(NamedTuple):
    """One version of the price of a prefix (a tuple: decks decode them by the thousand)."""

    id: int
    prefix: str
    price: int  # micros per minute, may be negative (revenue share)
    connect_fee: int = 0  # micros
    first_increment: int = 1
    next_increment: int = 1
    minimum_seconds: int = 0
    free_seconds: int = 0  # at the start
    free_after: int = 0  # elapsed seconds; 0: never
    min_digits: int = 0
    max_digits: int = 0  # 0: any
    valid_from: int = ALWAYS  # half-open, epoch seconds
    valid_until: int = NEVER
    window: int | None = None  # id of its time window; None: the rest of the time
    grace_seconds: int = 0  # and what else is counted once per call: see `Band`; micros
    minimum_charge: int = 0
    maximum_charge: int = 0
    surcharge: int = 0


Manner = tuple[int, ...]
"""What else a rate says of an amount: its fields from the connect fee to `free_after`, then those from `grace_seconds` on."""

Price = tuple[int, Manner]
"""A price per minute, micros, and the manner in which it is charged. A list has thousands of prices, and few manners."""


@lru_cache(maxsize=4096)
def shared(manner: Manner) -> Manner:
    """The same for all that are equal: so whoever looks one up finds it without comparing its fields."""
    return manner


def plain_price(rates: Sequence[Rate]) -> Price | None:
    """The price that `select` chose, if it is one for every hour; None: it takes more than that to know what a call costs."""
    if len(rates) != 1 or rates[0].window is not None:
        return None
    return rates[0].price, shared(rates[0][3:9] + rates[0][14:])


def rate_of(price: Price) -> Rate:
    """A rate with this price, of no prefix in particular."""
    amount, manner = price
    return Rate._make((0, "", amount, *manner[:6], 0, 0, ALWAYS, NEVER, None, *manner[6:]))


def select(groups: Iterable[Sequence[Rate]], number: str, at: float) -> tuple[Rate, ...]:
    """The rates that price a call to `number` placed at `at`; empty when there is none.

    `groups` are the rates of each prefix of the number, longest prefix first.

    1. In a prefix a rate fits when the date and the number's length do. Of several versions for
       the same window the one with the latest `valid_from` holds, then the highest id.
    2. A prefix whose rates all belong to windows leaves the rest of the time to shorter prefixes.
    3. A prefix where nothing fits falls back to shorter ones.
    """
    length = len(number)
    chosen: list[Rate] = []
    for group in groups:
        fitting = [one for one in group if _fits(one, length, at)]
        if not fitting:
            continue
        newest: dict[int | None, Rate] = {}
        for one in fitting:
            other = newest.get(one.window)
            if other is None or (one.valid_from, one.id) > (other.valid_from, other.id):
                newest[one.window] = one
        rest = newest.pop(None, None)
        chosen += newest.values()
        if rest is not None:
            chosen.append(rest)
            break
    return tuple(chosen)


def _fits(one: Rate, length: int, at: float) -> bool:
    return (
        one.valid_from <= at < one.valid_until
        and length >= one.min_digits
        and (not one.max_digits or length <= one.max_digits)
    )


def band_of(one: Rate, window: TimeWindow | None = None) -> Band:
    """The band that a rate makes in its window."""
    steps = tiers(
        one.price, one.first_increment, one.next_increment, one.minimum_seconds, one.free_seconds, one.free_after
    )  # fmt: skip
    once = one.grace_seconds, one.minimum_charge, one.maximum_charge, one.surcharge
    return checked(Band(window, one.id, one.prefix, one.connect_fee, steps, *once))


def bands_of(rates: Sequence[Rate], windows: Mapping[int, Sequence[TimeWindow]]) -> tuple[Band, ...]:
    """The bands of what `select` chose, in the order in which they are asked.

    The longer prefix first, then the window that covers less of the week, then the lower id; the
    rest comes last. A rate makes a band of every span of its window; none, when the window is never
    open. Raises KeyError for a window that does not exist.
    """

    def order(one: Rate) -> tuple[int, int, int]:
        minutes = 10**6 if one.window is None else sum(span.minutes() for span in windows[one.window])
        return -len(one.prefix), minutes, one.window or 0

    if len(rates) == 1 and rates[0].window is None:  # the usual case
        return (band_of(rates[0]),)
    return tuple(
        band_of(one, span)
        for one in sorted(rates, key=order)
        for span in ((None,) if one.window is None else windows[one.window])
    )
