"""Who pays for the call, and by which terms: the one it is billed to, every reseller above, and who only reckons."""

from __future__ import annotations

from decimal import Decimal

from apps.pricing.engine import MILLION, Terms, commission_share
from switch.call.causes import NO_PRICE
from switch.call.model import Caller, Commission, Payer, Rejection
from switch.call.stages.state import Call, above
from switch.call.stages.tolls import discount, fixed_price, is_free, ppm, priced_number
from switch.world.price_lists import Tariff
from switch.world.world import World

#: Prices that are written into the call record, but paid by nobody while the call runs.
RECKONED = ("sales", "company")


def prices(call: Call, world: World) -> Call | Rejection:
    """Sets `payers`, `other_prices`, `commission`, `destination` and `reseller_id`.

    0. A call that stays inside, and a short number with a fixed price, cost what the settings say: nothing, or a price
       that the caller alone pays.
    1. The retail price is paid by the caller; an extension's by the subscriber that it belongs to.
    2. Every reseller above pays by its own reseller tariff: without one the call would be a gift, so it is refused.
    3. Sales and company prices are noted where such a tariff is given to somebody on the way up. Without a sales tariff
       the sales person who brought the account earns its commission of the list price.
    """
    chain = above(call, world)
    billing = next((one for one in chain if one.kind != "extension"), call.caller)
    call.billing = billing
    resellers = [one for one in chain if one.kind == "reseller" and one.id != billing.id]
    call.reseller_id = resellers[0].id if resellers else None
    settings = world.settings_of(call.caller)
    if call.local:
        return _outside_lists(
            call, world, billing, settings.internal_endusercost, "a call between our subscribers"
        )
    if is_free(call.called, settings):
        return _outside_lists(call, world, billing, "0", f"a number of {len(call.called)} digits")
    fixed = fixed_price(call.called, settings, settings.shortnum_endusercost)
    if fixed:
        return _outside_lists(call, world, billing, fixed, f"a short number of {len(call.called)} digits")
    refused = _pays(call, world, billing, "retail", call.caller)
    for reseller in resellers:
        refused = refused or _pays(call, world, reseller, "reseller", reseller)
    if refused:
        return call.refuse(NO_PRICE, refused)
    for kind in RECKONED:
        _reckon(call, world, kind)
    return call


def _outside_lists(call: Call, world: World, payer: Caller, price: str, what: str) -> Call | Rejection:
    """Lets the payer pay a price per minute that the settings give such calls."""
    if not Decimal(price):
        call.note(f"Nobody pays for {what}.")
        return call
    terms = world.fixed(price, call.now, currency=payer.currency, vat_ppm=payer.vat_ppm)
    if isinstance(terms, str):
        return call.refuse(NO_PRICE, f"{payer.username} cannot pay for {what}: {terms}")
    call.payers.append(Payer(payer.id, "retail", terms))
    call.note(f"{payer.username} pays {price} {world.settings.currency} a minute for {what}.")
    return call


def _pays(call: Call, world: World, payer: Caller, kind: str, by: Caller) -> str:
    """Adds a payer; answers why that cannot be, or nothing. `by` is the account whose tariff it is."""
    found = world.tariff(by, kind, call.caller_number, call.now)
    settings = world.settings_of(call.caller)
    off = discount(call.called, settings) if kind == "retail" else 0
    terms = _terms(call, world, found[0], payer, off) if found else f"{by.username} has no {kind} tariff"
    if isinstance(terms, str):
        default = settings.defaultenduserprice
        if kind != "retail" or not default:
            return f"{payer.username} cannot pay the {kind} price: {terms}" if found else terms
        call.note(f"No {kind} price: {terms}. The setting defaultenduserprice has one.")
        refused = _outside_lists(call, world, payer, default, "a call without a price in a list")
        return refused.detail if isinstance(refused, Rejection) else ""
    assert found is not None
    if kind == "retail":
        call.destination = world.destination(found[0], terms)
    call.payers.append(Payer(payer.id, kind, terms))
    less = f", less {Decimal(off) / 10_000:f} %" if off else ""
    call.note(f"{payer.username} pays the {kind} price of tariff {found[0].name}, {_priced(terms)}{less}.")
    return ""


def _reckon(call: Call, world: World, kind: str) -> None:
    found = world.tariff(call.caller, kind, call.caller_number, call.now)
    holder = world.account(found[1]) if found else None
    if kind == "sales" and found is None:
        _commission(call, world)
    if found is None or holder is None:
        return
    terms = _terms(call, world, found[0], holder)
    if isinstance(terms, str):
        call.note(f"No {kind} price: {terms}.")
        return
    call.other_prices.append((kind, holder.id, terms))
    call.note(f"The {kind} price is that of tariff {found[0].name}.")


def _commission(call: Call, world: World) -> None:
    """What the sales person who brought the account earns: of the list price, or of the profit that it leaves."""
    settings = world.settings_of(call.caller)
    seller = world.named(settings.addedby) if settings.addedby else None
    found = world.tariff(call.caller, "retail", call.caller_number, call.now)
    if seller is None or found is None:
        return
    earned, granted = ppm(world.settings_of(seller).commission), ppm(settings.reduction)
    from_profit = settings.salescomissionfromprofit
    share = earned if from_profit else commission_share(earned, granted)
    if not share:
        return
    terms = world.terms(
        found[0],
        priced_number(call.called, settings),
        call.now,
        currency=settings.currency if from_profit else seller.currency,
        vat_ppm=0,
        discount_ppm=0 if from_profit else MILLION - share,
    )
    if isinstance(terms, str):
        call.note(f"No commission for {seller.username}: {terms}.")
    elif from_profit:
        call.commission = Commission(seller.id, share, granted, terms)
        call.note(f"{seller.username} earns {Decimal(share) / 10_000:f} % of the profit.")
    else:
        call.other_prices.append(("sales", seller.id, terms))
        call.note(f"{seller.username} earns {Decimal(share) / 10_000:f} % of the list price.")


def _terms(call: Call, world: World, tariff: Tariff, payer: Caller, discount_ppm: int = 0) -> Terms | str:
    number = priced_number(call.called, world.settings_of(call.caller))
    return world.terms(
        tariff,
        number,
        call.now,
        currency=payer.currency,
        vat_ppm=payer.vat_ppm,
        discount_ppm=discount_ppm,
    )


def _priced(terms: Terms) -> str:
    return f"prefix {terms.bands[0].prefix or '*'}"
