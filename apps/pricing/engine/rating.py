"""What a call costs: integers all the way, one division and one rounding at the very end."""

from typing import NamedTuple

from apps.core.values.money import Rounding, divide
from apps.core.values.windows import DAY, schedule
from apps.pricing.engine.terms import Band, Terms


class Charge(NamedTuple):
    """Micros of the payer's currency (a tuple: half a million of them are made per second)."""

    net: int
    vat: int
    gross: int
    billed_seconds: int


NOTHING = Charge(0, 0, 0, 0)


def rate(terms: Terms, started_at: float, seconds: int) -> Charge:
    """The charge for a call of so many whole seconds that was answered at `started_at`.

    1. No seconds, no charge.
    2. Walk the tiers from the start in full steps until the call's end: the billed seconds. A
       step is taken from the band in force when it begins.
    3. Price every billed second by the band in force on the wall clock in that second: a call
       that crosses a boundary is split there, one that ends on it never saw the later band, and
       two calls in the same step cost the same.
    4. Add the connect fee of the first band, take included VAT out, convert, round once: the net.
       VAT and gross come from that rounded net.
    """
    if seconds <= 0:
        return NOTHING
    plain = terms.plain
    if plain is not None:
        connect, price, first, following = plain
        billed = first if seconds <= first else first - (first - seconds) // following * following
        numerator = connect + billed * price
    else:
        numerator, billed = _walked(terms, int(started_at), seconds)
    net, vat = amounts(terms, numerator)
    return Charge(net, vat, net + vat, billed)


def amounts(terms: Terms, numerator: int) -> tuple[int, int]:
    """Net and VAT of a sum in 1/unit micros of the price list's currency."""
    quanta = divide(numerator * terms.factor, terms.divisor, terms.rounding)
    step = terms.quantum
    if not terms.vat_ppm:
        return quanta * step, 0
    # Both amounts are whole quanta, so the VAT of the quanta is the VAT of the amount.
    return quanta * step, divide(quanta * terms.vat_ppm, 1_000_000, terms.rounding) * step


def numerator_for(terms: Terms, budget: int) -> int:
    """The largest sum in 1/unit micros whose gross amount is within the budget: `amounts` inverted."""
    quanta = budget * 1_000_000 // ((1_000_000 + terms.vat_ppm) * terms.quantum)
    while _gross(terms, quanta + 1) <= budget:
        quanta += 1
    while _gross(terms, quanta) > budget:
        quanta -= 1
    return largest_within(quanta, terms.divisor, terms.rounding) // terms.factor


def _gross(terms: Terms, quanta: int) -> int:
    return (quanta + divide(quanta * terms.vat_ppm, 1_000_000, terms.rounding)) * terms.quantum


def largest_within(quotient: int, denominator: int, rounding: Rounding) -> int:
    """The largest numerator that `divide` still rounds to the quotient, or less."""
    if rounding is Rounding.HALF_UP:
        half = (2 * quotient + 1) * denominator
        return (half - 1) // 2 if quotient >= 0 else half // 2
    if (rounding is Rounding.UP) == (quotient >= 0):
        return quotient * denominator
    return (quotient + 1) * denominator - 1


def band_at(terms: Terms, started_at: int, second: int) -> tuple[Band, int | None]:
    """The band of that elapsed second, and until which elapsed second that is certain (None: for ever)."""
    if terms.simple:
        return terms.bands[0], None
    instant = started_at + second
    index, until = schedule(terms.windows, terms.zone, instant // DAY).at(instant)
    return terms.bands[index], until - started_at  # -1, nothing open: the last band


def price_between(terms: Terms, started_at: int, begin: int, end: int) -> int:
    """The price of elapsed seconds `[begin, end)` in 1/unit micros, split by band and tier."""
    total = 0
    while begin < end:
        band, band_end = band_at(terms, started_at, begin)
        tier, tier_end = band.place(begin)
        until = min(end, band_end or end, tier_end or end)
        if tier.per:
            total += (until - begin) * tier.price * (terms.unit // tier.per)
        begin = until
    return total


def _walked(terms: Terms, started_at: int, seconds: int) -> tuple[int, int]:
    numerator = band_at(terms, started_at, 0)[0].connect_fee * terms.unit
    begin = billed = 0
    while begin < seconds:
        band, band_end = band_at(terms, started_at, begin)
        tier, tier_end = band.place(begin)
        limit = min(seconds, band_end or seconds, tier_end or seconds)
        end = begin - (begin - limit) // tier.step * tier.step
        if tier_end is not None and end > tier_end:
            end = tier_end
        if tier.per:
            billed += end - begin
        # Only the last step can reach over the band's end, so pricing all of it costs no more walks.
        numerator += price_between(terms, started_at, begin, end)
        begin = end
    return numerator, billed
