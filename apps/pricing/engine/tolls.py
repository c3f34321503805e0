"""Numbers whose price does not simply stand in a price list: free ones, short ones, and those that no list has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from apps.core.values.money import to_micros
from apps.pricing.engine.reductions import discount_for

SHORT = "999"
"""Price lists have short numbers with this before them (guide 10796), apart from prefixes of countries."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say of prices, as it holds for one account; meaning and defaults: `apps.config.registry.money`."""

    currency: str
    discount1: str
    direction1: str
    discount2: str
    direction2: str
    discount3: str
    direction3: str
    reduction: str
    accountsurcharge: str
    accountsurcharge_resellers: bool
    addedby: str
    commission: str
    salescomissionfromprofit: bool
    freenumlen: int
    billshortnumlength: int
    shortnumbill_type: str
    shortnum_endusercost: str
    shortnum_providercost: str
    internal_endusercost: str
    defaultenduserprice: str
    defaultproviderprice: str
    currencyconversion: str
    smsprice: str
    smstime: int
    defearlypay: int
    earlypay: bool


def is_free(called: str, settings: Rules) -> bool:
    """A number of so few digits that nobody pays for it."""
    return len(called) <= settings.freenumlen


def is_short(called: str, settings: Rules) -> bool:
    """A number of so few digits that it is no number of a country's network, but a service."""
    return len(called) <= settings.billshortnumlength


def fixed_price(called: str, settings: Rules, price: str) -> str:
    """The one price per minute that the number has whatever price lists say; or nothing."""
    return price if settings.shortnumbill_type == "fixed" and is_short(called, settings) else ""


def priced_number(called: str, settings: Rules) -> str:
    """The number that price lists are asked for."""
    return SHORT + called if is_short(called, settings) else called


def discount(called: str, settings: Rules) -> int:
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


def message_seconds(characters: int, settings: Rules) -> int:
    """As how many seconds of a call a message counts (`smstime`; guide 6846): -1 by its length, a minute up to 160 characters."""
    if settings.smstime >= 0:
        return settings.smstime
    return 60 + 60 * -(-max(0, characters - 160) // 140)


@lru_cache(maxsize=1024)
def ppm(percent: str) -> int:
    """Millionths of a percentage as settings have it."""
    return to_micros(percent) // 100
