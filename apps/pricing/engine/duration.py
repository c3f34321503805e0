"""How long a budget lasts: the exact inverse of `rate`; and how milliseconds become billed seconds."""

from collections.abc import Iterator

from apps.core.values.money import Rounding, divide
from apps.pricing.engine.rating import (
    amounts,
    band_at,
    band_for,
    call_total,
    numerator_for,
    rate,
    step_price,
    tier_price,
    usage_of,
)
from apps.pricing.engine.terms import Band, Crossing, Terms

LONGEST = 7 * 86_400
"""The longest duration that terms with several bands are searched for: no call is authorised for longer."""


def duration_seconds(milliseconds: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Whole seconds of a measured duration, before any increment."""
    return max(0, divide(milliseconds, 1000, rounding))


def max_duration(terms: Terms, started_at: float, budget: int) -> int | None:
    """The longest whole seconds for which the gross is within the budget, as it is for all shorter calls.

    None when nothing more will ever be charged; 0 when not even one second can be paid. Terms
    whose price depends on the hour are searched up to `LONGEST`, which is then the answer.

    "As it is for all shorter calls" matters where a longer call can be the cheaper one: when all of a call has the
    price of its middle, it may cost less once its middle has moved on to a cheap hour. Either party may hang up before,
    so a budget lasts only until the first second that it could not pay, whatever comes after.
    """
    if budget < 0:
        return 0
    if not terms.basis.factor:
        return None
    limit = numerator_for(terms, budget)
    plain = terms.basis.plain
    if plain is not None:
        connect, price, first, following = plain
        spent = connect + first * price
        if spent > limit:
            return 0
        return None if price <= 0 else first + (limit - spent) // (price * following) * following
    if terms.crossing is Crossing.CALL_MIDDLE and not terms.simple:
        return _by_middle(terms, int(started_at), limit)
    return _from_start(terms, int(started_at), limit)


def highest(terms: Terms, started_at: float, seconds: int) -> int:
    """The highest gross of all calls of up to so many seconds: what must be set aside for them.

    It is the price of the longest one, unless the middle decides (prices below zero, which no service lets in, apart).
    """
    if terms.crossing is not Crossing.CALL_MIDDLE or terms.simple or seconds <= 0:
        return max(0, rate(terms, started_at, seconds).gross)
    dearest = 0
    for band, first, last in _stretches(terms, int(started_at), seconds):
        for begin, end in _pieces(band, first, last):
            dearest = max(dearest, _total(band, terms.basis.unit, begin), _total(band, terms.basis.unit, end))
    return sum(amounts(terms, dearest))


def _from_start(terms: Terms, started_at: int, limit: int) -> int | None:
    """By the band that the call begins in: what is counted once, then step after step."""
    own = band_for(terms, started_at, 1)
    left = limit - own.surcharge * terms.basis.unit
    if own.minimum_charge and own.minimum_charge * terms.basis.unit > left:
        return own.grace_seconds
    if own.maximum_charge and own.maximum_charge * terms.basis.unit <= left:
        return None
    return _walked(terms, started_at, left, own, own if terms.basis.one_band else None)


def _walked(terms: Terms, started_at: int, limit: int, own: Band, only: Band | None) -> int | None:
    """Takes the steps that `rate` takes, as many at once as tier and band are sure to last."""
    spent = own.connect_fee * terms.basis.unit
    endless = only is not None
    if not endless and _certainly_affordable(terms, limit - spent):
        return LONGEST
    begin = 0
    while endless or begin < LONGEST:
        step, cost, sure = _step(terms, started_at, begin, only)
        graced = (
            own.grace_seconds - begin
        ) // step  # steps that are over within the grace, whatever they cost
        affordable = graced if graced > 0 else _affordable(cost, limit - spent)
        if affordable is None and sure is None:
            return None
        count = min(number for number in (affordable, sure) if number is not None)
        begin += step * count
        spent += cost * count
        if graced <= 0 and count == affordable and count != sure:
            break
    lasting = max(begin, own.grace_seconds)
    return lasting if endless else min(lasting, LONGEST)


def _step(terms: Terms, started_at: int, begin: int, only: Band | None) -> tuple[int, int, int | None]:
    """The step that begins there: its seconds, its cost, and how many just like it are sure to follow on."""
    band, band_end = (only, None) if only else band_at(terms, started_at, begin)
    tier, tier_end = band.place(begin)
    step = tier.step if tier_end is None else min(tier.step, tier_end - begin)
    certain = min((end for end in (band_end, tier_end) if end is not None), default=None)
    if certain is not None and certain < begin + step:  # it reaches into what comes after its band
        return step, step_price(terms, started_at, begin, begin + step, tier), 1
    return (
        step,
        tier_price(tier, terms.basis.unit, step),
        None if certain is None else (certain - begin) // step,
    )


def _affordable(cost: int, left: int) -> int | None:
    """How many steps of that cost fit into what is left; None: any number, as the first one does."""
    if cost > left:
        return 0
    return left // cost if cost > 0 else None


def _certainly_affordable(terms: Terms, left: int) -> bool:
    """Whether even the dearest price of all could be paid for the longest call (saves the walk for the rich)."""
    every = [tier for band in terms.bands for tier in band.tiers]
    dearest = max(tier_price(tier, terms.basis.unit, 1) for tier in every)
    return max(dearest, 0) * (LONGEST + max(tier.step for tier in every)) <= left


def _by_middle(terms: Terms, started_at: int, limit: int) -> int:
    """Durations in rising order, by stretches whose middle lies in one band and pieces in which the price only rises or only falls."""
    for band, first, last in _stretches(terms, started_at, LONGEST):
        for begin, end in _pieces(band, first, last):
            if _total(band, terms.basis.unit, begin) > limit:
                return begin - 1
            if _total(band, terms.basis.unit, end) > limit:
                return _last_within(band, terms.basis.unit, begin, end, limit)
    return LONGEST


def _stretches(terms: Terms, started_at: int, longest: int) -> Iterator[tuple[Band, int, int]]:
    """(band, shortest, longest duration) with the middle second in that band."""
    first = 1
    while first <= longest:
        band, band_end = band_at(terms, started_at, (first - 1) // 2)
        last = longest if band_end is None else min(longest, 2 * band_end)
        yield band, first, last
        first = last + 1


def _pieces(band: Band, first: int, last: int) -> Iterator[tuple[int, int]]:
    """The durations from first to last, cut where the grace ends and where a tier begins."""
    cuts = {band.grace_seconds, *(tier.start for tier in band.tiers)}
    for cut in sorted(cut for cut in cuts if first <= cut < last):
        yield first, cut
        first = cut + 1
    yield first, last


def _last_within(band: Band, unit: int, low: int, high: int, limit: int) -> int:
    """The last duration within the limit between one that is and one that is not, where the price only rises."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _total(band, unit, middle) > limit else (middle, high)
    return low


def _total(band: Band, unit: int, seconds: int) -> int:
    """What a call of so many seconds costs by this band alone, in 1/unit micros."""
    if seconds <= band.grace_seconds:
        return 0
    return call_total(band, unit, usage_of(band, unit, seconds)[0])
