"""What a call costs: integers all the way, one division and one rounding at the very end."""

from typing import NamedTuple

from apps.core.values.money import Rounding, divide
from apps.core.values.windows import DAY
from apps.pricing.engine.terms import Band, Crossing, Terms, Tier


class Charge(NamedTuple):
    """Micros of the payer's currency (a tuple: half a million of them are made per second)."""

    net: int
    vat: int
    gross: int
    billed_seconds: int


NOTHING = Charge(0, 0, 0, 0)


def rate(terms: Terms, started_at: float, seconds: int) -> Charge:
    """The charge for a call of so many whole seconds that was answered at `started_at`.

    1. No seconds, no charge; none either within the grace.
    2. Walk the tiers from the start in full steps until the call's end: the billed seconds. A
       step is taken from the band in force when it begins.
    3. Price them as `Terms.crossing` says. By default every billed second has the price of the band in
       force on the wall clock in that second: a call that crosses a boundary is split there, one that
       ends on it never saw the later band, and two calls in the same step cost the same.
    4. Add the connect fee, keep the sum between the least and the most that a call costs, add the
       surcharge: all of the band that the call belongs to (`band_for`).
    5. Take included VAT and discounts out, convert, round once: the net. VAT and gross come from
       that rounded net.
    """
    if seconds <= 0:
        return NOTHING
    plain = terms.basis.plain
    if plain is not None:
        connect, price, first, following = plain
        billed = first if seconds <= first else first - (first - seconds) // following * following
        numerator = connect + billed * price
    else:
        begin = int(started_at)
        own = band_for(terms, begin, seconds)
        if seconds <= own.grace_seconds:
            return NOTHING
        if terms.basis.one_band:
            usage, billed = usage_of(own, terms.basis.unit, seconds)
        else:
            usage, billed = _walked(terms, begin, seconds)
        numerator = call_total(own, terms.basis.unit, usage)
    net, vat = amounts(terms, numerator)
    return Charge(net, vat, net + vat, billed)


def band_for(terms: Terms, started_at: int, seconds: int) -> Band:
    """The band that a call of so many seconds belongs to: the first, or that of its middle second.

    Of an even number of seconds the earlier of the two in the middle counts, so that a call whose middle lies on a
    boundary belongs to the earlier band, as one that ends on a boundary does.
    """
    if terms.crossing is Crossing.CALL_MIDDLE and seconds > 0:
        return band_at(terms, started_at, (seconds - 1) // 2)[0]
    return band_at(terms, started_at, 0)[0]


def call_total(own: Band, unit: int, usage: int) -> int:
    """What is charged for a call in 1/unit micros, from the price of its seconds in the same."""
    total = own.connect_fee * unit + usage
    if own.maximum_charge and total > own.maximum_charge * unit:
        total = own.maximum_charge * unit
    if own.minimum_charge and total < own.minimum_charge * unit:
        total = own.minimum_charge * unit
    return total + own.surcharge * unit


def amounts(terms: Terms, numerator: int) -> tuple[int, int]:
    """Net and VAT of a sum in 1/unit micros of the price list's currency."""
    basis = terms.basis
    quanta = divide(numerator * basis.factor, basis.divisor, terms.rounding)
    step = basis.quantum
    if not terms.vat_ppm:
        return quanta * step, 0
    # Both amounts are whole quanta, so the VAT of the quanta is the VAT of the amount.
    return quanta * step, divide(quanta * terms.vat_ppm, 1_000_000, terms.rounding) * step


def numerator_for(terms: Terms, budget: int) -> int:
    """The largest sum in 1/unit micros whose gross amount is within the budget: `amounts` inverted."""
    quanta = budget * 1_000_000 // ((1_000_000 + terms.vat_ppm) * terms.basis.quantum)
    while _gross(terms, quanta + 1) <= budget:
        quanta += 1
    while _gross(terms, quanta) > budget:
        quanta -= 1
    return largest_within(quanta, terms.basis.divisor, terms.rounding) // terms.basis.factor


def _gross(terms: Terms, quanta: int) -> int:
    return (quanta + divide(quanta * terms.vat_ppm, 1_000_000, terms.rounding)) * terms.basis.quantum


def largest_within(quotient: int, denominator: int, rounding: Rounding) -> int:
    """The largest numerator that `divide` still rounds to the quotient, or less."""
    if rounding is Rounding.HALF_UP or rounding is Rounding.NONE:
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
    index, until = terms.plan(instant // DAY).at(instant)
    return terms.bands[index], until - started_at  # -1, nothing open: the last band


def tier_price(tier: Tier, unit: int, seconds: int) -> int:
    """The price of so many seconds of a tier in 1/unit micros."""
    return seconds * tier.price * (unit // tier.per) if tier.per else 0


def step_price(terms: Terms, started_at: int, begin: int, end: int, tier: Tier) -> int:
    """The price of elapsed seconds `[begin, end)`, billed in steps of `tier`, in 1/unit micros."""
    if terms.basis.split:
        return price_between(terms, started_at, begin, end)
    return tier_price(tier, terms.basis.unit, end - begin)


def price_between(terms: Terms, started_at: int, begin: int, end: int) -> int:
    """The price of elapsed seconds `[begin, end)` in 1/unit micros, split by band and tier."""
    total = 0
    while begin < end:
        band, band_end = band_at(terms, started_at, begin)
        tier, tier_end = band.place(begin)
        until = min(end, band_end or end, tier_end or end)
        total += tier_price(tier, terms.basis.unit, until - begin)
        begin = until
    return total


def usage_of(band: Band, unit: int, seconds: int) -> tuple[int, int]:
    """The price of a call's seconds in 1/unit micros and the billed ones, all by one band."""
    total = billed = begin = 0
    while begin < seconds:
        tier, tier_end = band.place(begin)
        limit = seconds if tier_end is None else min(seconds, tier_end)
        end = begin - (begin - limit) // tier.step * tier.step
        if tier_end is not None and end > tier_end:
            end = tier_end
        if tier.per:
            billed += end - begin
        total += tier_price(tier, unit, end - begin)
        begin = end
    return total, billed


def _walked(terms: Terms, started_at: int, seconds: int) -> tuple[int, int]:
    """The same by the bands in force as the call goes on."""
    total = billed = begin = 0
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
        total += step_price(terms, started_at, begin, end, tier)
        begin = end
    return total, billed
