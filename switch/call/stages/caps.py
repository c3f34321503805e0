"""What limits the money that a payer may spend, from the settings; the bank heeds it as it grants holds (guide 8993-9060).

An amount that cannot be changed into the payer's currency, because no exchange rate is known, is nothing: such a limit refuses.
"""

from __future__ import annotations

from functools import lru_cache

from apps.core.values.money import to_micros
from apps.invoices.services.holds import Cap
from apps.pricing.engine import highest
from apps.pricing.engine.payers import Payer
from switch.call.model import Caller
from switch.world.settings import Settings
from switch.world.world import World

TRUNK = "customer_trunk"
END_USERS = frozenset(("subscriber", "agent", "calling_card"))


def cap_of(account: Caller, world: World, at: float) -> Cap | None:
    """The limits of a payer; None: it has none.

    1. Of the day: its own, else the one for all subscribers or all customer trunks. An own one of 0 lifts that.
    2. By earlier days, where the setting turns it on for such accounts.
    3. Of the month; unless it is postpaid and such accounts are not checked.
    """
    settings = world.settings_of(account)
    unchecked = _unchecked(account, settings)
    month = None if unchecked and account.billing == "postpaid" else micros(settings.maxmonthlycredit) or None
    cap = Cap(_day(account, settings, world, at), month, unchecked=unchecked)
    dynamic = _dynamic(account, settings)
    if dynamic:
        cap = cap._replace(
            times=settings.maxdyndailycredit_multiplier, floor=_changed(dynamic, account, world, at)
        )
    return None if cap == Cap() else cap


def floor_of(payer: Payer, account: Caller, world: World, at: float) -> int:
    """What a payer must be able to spend before the call is routed at all, micros (guide 1770, 4255, 4879)."""
    settings = world.settings_of(account)
    floor = micros(settings.mincreditonroute)
    if payer.kind == "retail":
        if settings.minusercreditonroute:
            floor = max(floor, _changed(settings.minusercreditonroute, account, world, at))
        if settings.minspeachlenonroute:
            floor = max(floor, highest(payer.terms, at, settings.minspeachlenonroute))
    return floor


def _unchecked(account: Caller, settings: Settings) -> bool:
    if account.kind == TRUNK and not settings.creditcheckforts:
        return True
    return account.billing == "postpaid" and not settings.creditcheckforpostp


def _day(account: Caller, settings: Settings, world: World, at: float) -> int | None:
    if settings.maxdailycredit and settings.maxdailycreditperuser:
        return micros(settings.maxdailycredit) or None
    general = ""
    if account.kind in END_USERS:
        general = settings.maxdailycreditforenduser
    elif account.kind == TRUNK:
        general = settings.maxdailycreditforts
    return _changed(general, account, world, at) if micros(general) else None


def _dynamic(account: Caller, settings: Settings) -> str:
    """The amount up to which the limit by earlier days does not hold; "": there is no such limit."""
    if account.kind in END_USERS and settings.checkmaxdyndailycredit >= 1:
        return settings.maxdyndailycreditforenduser_min or "0"
    if account.kind == TRUNK and settings.checkmaxdyndailycredit == 2:
        return settings.maxdynmaxdailycreditforts_min or "0"
    return ""


def _changed(amount: str, account: Caller, world: World, at: float) -> int:
    """Micros of the account's currency for an amount of the installation's, rounded down."""
    above, below = world.exchange(world.settings.currency, account.currency, at) or (0, 1)
    return micros(amount) * above // below


@lru_cache(maxsize=1024)
def micros(amount: str) -> int:
    """Micros of an amount as settings have it; none is nothing."""
    return to_micros(amount or "0")
