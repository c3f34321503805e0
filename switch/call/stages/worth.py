"""Whether a priced call may be carried at its prices: prices that are not strict enough, levels that lose, carriers too dear."""

from __future__ import annotations

from decimal import Decimal

from apps.pricing.engine.payers import Payer
from apps.pricing.engine.tolls import fixed_price
from switch.call.causes import BELOW_COST, NO_PRICE, NOT_PROFITABLE
from switch.call.model import Rejection, Target
from switch.call.stages.caps import micros
from switch.call.stages.state import Call, origin_of
from switch.world.minutes import minute_cost
from switch.world.world import World

BILLIONTHS = 1000
"""`minute_cost` counts a thousandth of a micro."""


def worth(call: Call, world: World) -> Call | Rejection:
    """Refuses what the settings do not let be carried at such prices, and leaves out carriers that cost too much.

    1. Prices: is each strict enough (`blocknotbilledcalls`, `vgetpriceexactmatch`; guide 9095-9101)?
    2. Margin: nobody sells a minute for less than it pays for it (`allow_sellbelowcost`).
    3. Carriers: what the call brings the house against what each costs (`blocknotprofitablecalls`, `blockhighcostcalls`).
    Calls that stay inside, and short numbers with a fixed price, are priced by settings: they are left alone. Of calls that
    the called account pays for the margin is looked at.
    """
    settings = call.settings
    if call.by_callee and (lost := loss(call, world)):
        return call.refuse(BELOW_COST, lost)
    if call.local or call.service or fixed_price(call.called, settings, settings.shortnum_endusercost):
        return call
    for payer in call.payers:
        if loose := _loose(call, payer, world):
            return call.refuse(NO_PRICE, loose)
    if lost := loss(call, world):
        return call.refuse(BELOW_COST, lost)
    return _affordable(call, world)


def _loose(call: Call, payer: Payer, world: World) -> str:
    """Why the price that the payer has does not count, in words; "": it does."""
    level, exact = call.settings.blocknotbilledcalls, call.settings.vgetpriceexactmatch
    account = world.account(payer.account_id) if level or exact else None
    if account is None:
        return ""
    band, retail = payer.terms.bands[0], payer.kind == "retail"
    name = f"the {payer.kind} price of {account.username}"
    if not band.rate_id:
        return f"{name} stands in no list (blocknotbilledcalls)" if retail and level >= 1 else ""
    if not band.prefix and level >= (2 if retail else 4):
        return f"{name} is for any number (blocknotbilledcalls)"
    if not band.prefix and (exact == 2 or (exact == 1 and not retail)):
        return f"{name} is for any number (vgetpriceexactmatch)"
    if level < (3 if retail else 5):
        return ""
    holder = call.caller if retail else account
    found = world.tariff(holder, payer.kind, origin_of(call, world), call.now)
    if found and found.holder != account.id:
        return f"{name} is that of a list of somebody above (blocknotbilledcalls)"
    return ""


def loss(call: Call, world: World) -> str:
    """Which level would sell below what it pays, in words; "": none."""
    for buyer, seller in zip(call.payers, call.payers[1:], strict=False):
        account = world.account(seller.account_id)
        if account is None or world.settings_of(account).allow_sellbelowcost:
            continue
        asked, paid = minute_of(buyer, world, call.now), minute_of(seller, world, call.now)
        if asked is not None and paid is not None and asked < paid:
            return f"{account.username} pays {_said(paid)} a minute and asks {_said(asked)}"
    return ""


def _affordable(call: Call, world: World) -> Call | Rejection:
    """Leaves out the carriers that cost too much."""
    if not call.targets or call.targets[0].kind != "carrier":
        return call
    settings = call.settings
    level, most = settings.blocknotprofitablecalls, micros(settings.blockhighcostcalls) * BILLIONTHS
    if not level and not most:
        return call
    top = call.payers[-1] if call.payers else None
    brought = minute_of(top, world, call.now) if top else None
    priced = top is not None and bool(top.terms.bands[0].rate_id)
    kept: list[Target] = []
    for target in call.targets:
        if why := _too_dear(target, call.now, brought, priced, level, most):
            call.note(f"Not {target.account.username}: {why}.")
        else:
            kept.append(target)
    if not kept:
        return call.refuse(NOT_PROFITABLE, f"no carrier is cheap enough for {call.called}")
    call.targets = kept
    return call


def _too_dear(target: Target, now: float, brought: int | None, priced: bool, level: int, most: int) -> str:
    if target.cost is None:
        return ""
    cost = minute_cost(target.cost, now)
    if most and cost > most:
        return f"it costs {_said(cost)} a minute (blockhighcostcalls)"
    if level >= 3 and not (priced and target.cost.bands[0].rate_id):
        return "its cost or the call's price stands in no list (blocknotprofitablecalls)"
    if level and brought is not None and (cost > brought or (level >= 2 and cost == brought)):
        return f"it costs {_said(cost)} a minute, the call brings {_said(brought)} (blocknotprofitablecalls)"
    return ""


def minute_of(payer: Payer, world: World, now: float) -> int | None:
    """What a minute begun now costs the payer without VAT, in billionths of the installation's currency."""
    ratio = world.exchange(payer.terms.currency, world.settings.currency, now)
    return minute_cost(payer.terms, now) * ratio[0] // ratio[1] if ratio else None


def _said(billionths: int) -> str:
    return f"{Decimal(billionths).scaleb(-9).normalize():f}"
