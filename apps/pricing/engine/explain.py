"""A price step by step, for whoever wants to check it with paper: what `rate` does, told instead of done at once.

Amounts are exact fractions of micros in the price list's currency until the exchange. The tests hold its end to `rate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from apps.pricing.engine.rating import Charge, band_at, band_for, rate
from apps.pricing.engine.terms import MILLION, Band, Terms, Tier


class Stretch(NamedTuple):
    """Seconds of the call that have one price: free when `tier.per` is 0. Elapsed seconds [begin, end)."""

    band: Band
    tier: Tier
    begin: int
    end: int

    @property
    def amount(self) -> Fraction:
        """Micros."""
        tier = self.tier
        return Fraction((self.end - self.begin) * tier.price, tier.per) if tier.per else Fraction(0)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Each amount as it is after the step that its name says; `charge` is what `rate` answers."""

    terms: Terms
    seconds: int
    own: Band  # to which the call belongs: what is counted once is its
    graced: bool  # so short that it costs nothing
    stretches: tuple[Stretch, ...]
    usage: Fraction  # the price of the seconds
    with_connect: Fraction
    limited: Fraction  # kept between the least and the highest price
    with_surcharge: Fraction
    without_vat: Fraction  # what the prices include is taken out
    discounted: Fraction
    increased: Fraction  # by the account's surcharge
    exchanged: Fraction  # micros of the payer's currency
    charge: Charge
    recorded: Charge | None  # what stands in the call record, if that is in another currency


def explain(terms: Terms, started_at: float, seconds: int) -> Explanation:
    """The steps of `rate` for the same call."""
    begin = int(started_at)
    own = band_for(terms, begin, seconds)
    graced = seconds <= own.grace_seconds
    stretches = () if graced else tuple(_merged(_walk(terms, begin, seconds, own)))
    usage = sum((one.amount for one in stretches), Fraction(0))
    charged = not graced and seconds > 0
    connected = usage + own.connect_fee if charged else usage
    limited = connected
    if charged and own.maximum_charge:
        limited = min(limited, Fraction(own.maximum_charge))
    if charged and own.minimum_charge:
        limited = max(limited, Fraction(own.minimum_charge))
    surcharged = limited + own.surcharge if charged else limited
    net = surcharged * Fraction(MILLION, MILLION + terms.included_ppm)
    discounted = net * Fraction(MILLION - terms.discount_ppm, MILLION)
    increased = discounted * Fraction(MILLION + terms.surcharge_ppm, MILLION)
    other = terms.as_recorded()
    return Explanation(
        terms=terms,
        seconds=seconds,
        own=own,
        graced=graced,
        stretches=stretches,
        usage=usage,
        with_connect=connected,
        limited=limited,
        with_surcharge=surcharged,
        without_vat=net,
        discounted=discounted,
        increased=increased,
        exchanged=increased * Fraction(*terms.exchange),
        charge=rate(terms, started_at, seconds),
        recorded=rate(other, started_at, seconds) if other else None,
    )


def _walk(terms: Terms, started_at: int, seconds: int, own: Band) -> Iterator[Stretch]:
    """Step after step until the call's end; a step that crosses into another band is split where each second has its own."""
    begin = 0
    while begin < seconds:
        band, band_end = (own, None) if terms.basis.one_band else band_at(terms, started_at, begin)
        tier, tier_end = band.place(begin)
        limit = min(seconds, band_end or seconds, tier_end or seconds)
        end = begin - (begin - limit) // tier.step * tier.step
        if tier_end is not None:
            end = min(end, tier_end)
        if terms.basis.split:
            yield from _split(terms, started_at, begin, end)
        else:
            yield Stretch(band, tier, begin, end)
        begin = end


def _split(terms: Terms, started_at: int, begin: int, end: int) -> Iterator[Stretch]:
    while begin < end:
        band, band_end = band_at(terms, started_at, begin)
        tier, tier_end = band.place(begin)
        until = min(end, band_end or end, tier_end or end)
        yield Stretch(band, tier, begin, until)
        begin = until


def _merged(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """What follows at the same price is one stretch, whatever its steps."""
    last: Stretch | None = None
    for one in stretches:
        if (
            last
            and last.band is one.band
            and last.tier.price == one.tier.price
            and last.tier.per == one.tier.per
        ):
            last = last._replace(end=one.end)
            continue
        if last:
            yield last
        last = one
    if last:
        yield last
