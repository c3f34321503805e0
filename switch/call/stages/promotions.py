"""What a call may use before money: free seconds, and credit for packets of numbers (guide 4387-4414)."""

from __future__ import annotations

from collections.abc import Sequence

from switch.call.model import Caller, Free, Rejection
from switch.call.stages.state import Call, origin_of
from switch.world.allowances import Allowance
from switch.world.world import World


def promotions(call: Call, world: World) -> Call | Rejection:
    """Sets `free`: the allowances of the caller who pays the retail price that are for this number.

    Free seconds come first; with none left, an allowance of money pays by the account's packet tariff, if that has a price.
    """
    settings = world.settings
    if settings.checkfreeminutes < 2:
        return call
    retail = next((one for one in call.payers if one.kind == "retail"), None)
    payer = world.account(retail.account_id) if retail else None
    if payer is None or call.by_callee:
        return call
    found = allowed(payer, call.called, call.now, world)
    if not found:
        return call
    seconds = tuple(one.id for one in found if one.kind == "seconds")
    free = Free(seconds)
    money = next((one.id for one in found if one.kind == "money"), None)
    origin = origin_of(call, world)
    tariff = world.tariff(call.caller, "packet", origin, call.now) if money is not None else None
    if tariff is not None:
        terms = world.terms(tariff, call.called, call.now, currency=payer.currency, vat_ppm=payer.vat_ppm)
        if not isinstance(terms, str):
            free = Free(seconds, money, terms)
    if free != Free():
        call.free = free
        call.note(f"{payer.username} has an allowance for {call.called}.")
    return call


def allowed(payer: Caller, called: str, at: float, world: World) -> Sequence[Allowance]:
    """The payer's allowances that are for the number, within what `freedirections` bounds."""
    only = tuple(part.strip() for part in world.settings.freedirections.split(",") if part.strip())
    return () if only and not called.startswith(only) else world.allowances(payer, called, at)
