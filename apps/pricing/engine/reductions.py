"""What comes off the list price of a subscriber (guide 1613-1615, 1722-1732), and what a sales person earns (guide 10586-10590)."""

from collections.abc import Iterable

from apps.core.values.money import Rounding, divide
from apps.pricing.engine.terms import MILLION


def discount_for(number: str, directions: Iterable[tuple[str, int]], reduction_ppm: int = 0) -> int:
    """The discount on a call to the number, millionths of its price.

    `directions` are (beginning of the number, discount in millionths); the longest that fits counts, of equal ones the
    higher. The reduction that a sales person grants is another share of the same list price, so the two add up; more
    than everything cannot come off.
    """
    fitting = [(len(prefix), ppm) for prefix, ppm in directions if ppm > 0 and number.startswith(prefix)]
    found = max(fitting, default=(0, 0))[1]
    return min(MILLION, found + reduction_ppm)


def commission_share(commission_ppm: int, reduction_ppm: int) -> int:
    """What a sales person earns of the list price, millionths: the reductions that it grants come off its commission."""
    return max(0, commission_ppm - reduction_ppm)


def commission_from_profit(list_net: int, cost_net: int, commission_ppm: int, reduction_ppm: int) -> int:
    """Its share of what the list price leaves above the cost, less the reduction that it granted; micros, never below zero."""
    earned = (list_net - cost_net) * commission_ppm - list_net * reduction_ppm
    return max(0, divide(earned, MILLION, Rounding.HALF_UP))
