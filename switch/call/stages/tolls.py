"""Numbers whose price does not simply stand in a price list: free ones, short ones, and those that no list has."""

from __future__ import annotations

from functools import lru_cache

from apps.core.values.money import to_micros
from apps.pricing.engine import discount_for
from switch.world.settings import Settings

SHORT = "999"
"""Price lists have short numbers with this before them (guide 10796), apart from prefixes of countries."""


def is_free(called: str, settings: Settings) -> bool:
    """A number of so few digits that nobody pays for it."""
    return len(called) <= settings.freenumlen


def is_short(called: str, settings: Settings) -> bool:
    """A number of so few digits that it is no number of a country's network, but a service."""
    return len(called) <= settings.billshortnumlength


def fixed_price(called: str, settings: Settings, price: str) -> str:
    """The one price per minute that the number has whatever price lists say; or nothing."""
    return price if settings.shortnumbill_type == "fixed" and is_short(called, settings) else ""


def priced_number(called: str, settings: Settings) -> str:
    """The number that price lists are asked for."""
    return SHORT + called if is_short(called, settings) else called


def discount(called: str, settings: Settings) -> int:
    """What comes off the list price of a call to the number, millionths."""
    reduction = ppm(settings.reduction)
    if settings.discount1 == settings.discount2 == settings.discount3 == "0":
        return reduction
    directions = (
        (settings.direction1, ppm(settings.discount1)),
        (settings.direction2, ppm(settings.discount2)),
        (settings.direction3, ppm(settings.discount3)),
    )
    return discount_for(called, directions, reduction)


@lru_cache(maxsize=1024)
def ppm(percent: str) -> int:
    """Millionths of a percentage as settings have it."""
    return to_micros(percent) // 100
