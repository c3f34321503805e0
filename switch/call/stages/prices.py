"""Who pays for the call, and by which terms: the one it is billed to, every reseller above, and who only reckons."""

from __future__ import annotations

from apps.pricing.engine import Terms
from switch.call.causes import NO_PRICE
from switch.call.model import Caller, Payer, Rejection
from switch.call.stages.state import Call, above
from switch.world.world import Tariff, World

#: Prices that are written into the call record, but paid by nobody while the call runs.
RECKONED = ("sales", "company")


def prices(call: Call, world: World) -> Call | Rejection:
    """Sets `payers`, `other_prices`, `destination` and `reseller_id`. A call that stays inside costs nothing.

    1. The retail price is paid by the caller; an extension's by the subscriber that it belongs to.
    2. Every reseller above pays by its own reseller tariff: without one the call would be a gift, so it is refused.
    3. Sales and company prices are noted where such a tariff is given to somebody on the way up.
    """
    chain = above(call, world)
    billing = next((one for one in chain if one.kind != "extension"), call.caller)
    call.billing = billing
    resellers = [one for one in chain if one.kind == "reseller" and one.id != billing.id]
    call.reseller_id = resellers[0].id if resellers else None
    if call.local or call.service:
        return call
    refused = _pays(call, world, billing, "retail", call.caller)
    for reseller in resellers:
        refused = refused or _pays(call, world, reseller, "reseller", reseller)
    if refused:
        return call.refuse(NO_PRICE, refused)
    for kind in RECKONED:
        _reckon(call, world, kind)
    return call


def _pays(call: Call, world: World, payer: Caller, kind: str, by: Caller) -> str:
    """Adds a payer; answers why that cannot be, or nothing. `by` is the account whose tariff it is."""
    found = world.tariff(by, kind)
    if found is None:
        return f"{by.username} has no {kind} tariff"
    terms = _terms(call, world, found[0], payer)
    if isinstance(terms, str):
        return f"{payer.username} cannot pay the {kind} price: {terms}"
    if kind == "retail":
        call.destination = world.destination(found[0], terms)
    call.payers.append(Payer(payer.id, kind, terms))
    call.note(f"{payer.username} pays the {kind} price of tariff {found[0].name}, {_priced(terms)}.")
    return ""


def _reckon(call: Call, world: World, kind: str) -> None:
    found = world.tariff(call.caller, kind)
    holder = world.account(found[1]) if found else None
    if found is None or holder is None:
        return
    terms = _terms(call, world, found[0], holder)
    if isinstance(terms, str):
        call.note(f"No {kind} price: {terms}.")
        return
    call.other_prices.append((kind, holder.id, terms))
    call.note(f"The {kind} price is that of tariff {found[0].name}.")


def _terms(call: Call, world: World, tariff: Tariff, payer: Caller) -> Terms | str:
    return world.terms(tariff, call.called, call.now, currency=payer.currency, vat_ppm=payer.vat_ppm)


def _priced(terms: Terms) -> str:
    return f"prefix {terms.bands[0].prefix or '*'}"
