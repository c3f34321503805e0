"""How long a budget lasts: the exact inverse of `rate`; and how milliseconds become billed seconds."""

from apps.core.values.money import Rounding, divide
from apps.pricing.engine.rating import band_at, numerator_for, price_between
from apps.pricing.engine.terms import Terms

LONGEST = 7 * 86_400
"""The longest duration that terms with several bands are searched for: no call is authorised for longer."""


def duration_seconds(milliseconds: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Whole seconds of a measured duration, before any increment."""
    return max(0, divide(milliseconds, 1000, rounding))


def max_duration(terms: Terms, started_at: float, budget: int) -> int | None:
    """The longest whole seconds for which the gross is within the budget, as it is for all shorter calls.

    None when nothing more will ever be charged; 0 when not even one second can be paid. Terms
    whose price depends on the hour are searched up to `LONGEST`, which is then the answer.
    """
    if budget < 0:
        return 0
    limit = numerator_for(terms, budget)
    plain = terms.plain
    if plain is not None:
        connect, price, first, following = plain
        spent = connect + first * price
        if spent > limit:
            return 0
        return None if price <= 0 else first + (limit - spent) // (price * following) * following
    return _walked(terms, int(started_at), limit)


def _walked(terms: Terms, started_at: int, limit: int) -> int | None:
    """Takes the steps that `rate` takes, as many at once as tier and band are sure to last."""
    spent = band_at(terms, started_at, 0)[0].connect_fee * terms.unit
    if not terms.simple and _certainly_affordable(terms, limit - spent):
        return LONGEST
    horizon = None if terms.simple else LONGEST
    begin = 0
    while horizon is None or begin < horizon:
        step, cost, sure = _step(terms, started_at, begin)
        affordable = _affordable(cost, limit - spent)
        if affordable is None and sure is None:
            return None
        count = min(number for number in (affordable, sure) if number is not None)
        begin += step * count
        spent += cost * count
        if count == affordable and count != sure:
            break
    return begin if horizon is None else min(begin, horizon)


def _step(terms: Terms, started_at: int, begin: int) -> tuple[int, int, int | None]:
    """The step that begins there: its seconds, its cost, and how many just like it are sure to follow on."""
    band, band_end = band_at(terms, started_at, begin)
    tier, tier_end = band.place(begin)
    step = tier.step if tier_end is None else min(tier.step, tier_end - begin)
    certain = min((end for end in (band_end, tier_end) if end is not None), default=None)
    if certain is not None and certain < begin + step:  # it reaches into what comes after its band
        return step, price_between(terms, started_at, begin, begin + step), 1
    cost = step * tier.price * (terms.unit // tier.per) if tier.per else 0
    return step, cost, None if certain is None else (certain - begin) // step


def _affordable(cost: int, left: int) -> int | None:
    """How many steps of that cost fit into what is left; None: any number, as the first one does."""
    if cost > left:
        return 0
    return left // cost if cost > 0 else None


def _certainly_affordable(terms: Terms, left: int) -> bool:
    """Whether even the dearest price of all could be paid for the longest call (saves the walk for the rich)."""
    every = [tier for band in terms.bands for tier in band.tiers]
    dearest = max(tier.price * (terms.unit // tier.per) if tier.per else 0 for tier in every)
    return max(dearest, 0) * (LONGEST + max(tier.step for tier in every)) <= left
