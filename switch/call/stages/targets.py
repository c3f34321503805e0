"""Where the call goes: to a subscriber of ours, or out by the carriers that the route rules give."""

from __future__ import annotations

from functools import partial
from zlib import crc32

from apps.pricing.engine import Terms
from apps.routing import engine
from apps.routing.engine import Facts, Offer
from switch.call.causes import (
    ACCOUNT_DISABLED,
    BAD_NUMBER,
    CARRIERS_FAILED,
    NO_ROUTE,
    NOT_AUTHORISED,
)
from switch.call.model import Caller, Rejection, Target, TrunkAddress
from switch.call.stages.state import Call
from switch.call.stages.tolls import fixed_price, priced_number
from switch.world.world import World, minute_cost

Details = tuple[Caller, TrunkAddress, Terms]


def find(call: Call, world: World) -> Call | Rejection:
    """Sets `local` and its one target when a subscriber of ours is called. Such calls need no route and no price."""
    account_id = world.local(call.called)
    account = world.account(account_id) if account_id is not None else None
    if account is None:
        if call.caller.kind == "carrier":
            return call.refuse(
                NOT_AUTHORISED, f"{call.called} is not ours, and a carrier brings only calls to us"
            )
        if not call.called.strip("*#").isdigit():
            return call.refuse(BAD_NUMBER, f"{call.called} is neither a number nor a service of ours")
        return call
    if not account.enabled:
        return call.refuse(ACCOUNT_DISABLED, f"{account.username}, who is called, is disabled")
    call.local = account
    call.destination = account.username
    why = f"{call.called} is {account.username}, a subscriber of ours: the call stays inside and is free"
    call.targets = [Target("local", account, call.called, why=why)]
    call.note(f"{why}.")
    return call


def plan(call: Call, world: World) -> Call | Rejection:
    """Sets `targets` to the carriers in the order in which they are tried, unless the call stays inside."""
    if call.local:
        return call
    caller = call.caller
    facts = Facts(caller.path, call.caller_number, call.called, caller.time_zone)
    chance = crc32(call.request.call_id.encode())
    found = engine.plan(world.routes, facts, call.now, partial(_offer, call, world), chance)
    for carrier, rule, reason in found.skipped:
        account = world.account(carrier)
        call.note(f"Not {account.username if account else carrier} (rule {rule.name}): {reason}.")
    if not found.rules:
        return call.refuse(NO_ROUTE, f"no route rule takes {call.called}")
    if not found.targets:
        names = ", ".join(rule.name for rule in found.rules)
        cause = CARRIERS_FAILED if any(_full(reason) for *_, reason in found.skipped) else NO_ROUTE
        return call.refuse(cause, f"rule {names} has no carrier that can take {call.called}")
    most = world.settings_of(call.caller).maxreroute + 1
    for place, one in enumerate(found.targets[:most], 1):
        account, trunk, cost = one.offer.details
        number = trunk.prefix + call.called[trunk.strip_digits :]
        call.targets.append(Target("carrier", account, number, trunk, one.rule.name, cost, one.why))
        call.note(f"{place}. {account.username}: {one.why}.")
    return call


_FULL = "its lines are full"


def _full(reason: str) -> bool:
    return reason.startswith(_FULL)


def _offer(call: Call, world: World, carrier: int) -> Offer[Details] | str:
    """What the carrier asks for this call, in the installation's currency, or in words why it cannot have it."""
    account, trunk = world.account(carrier), world.trunk(carrier)
    if account is None or trunk is None or not account.enabled:
        return "it is disabled" if trunk else "it has no trunk"
    if account.id in call.caller.path:
        return "the call comes from it"
    lines = min((most for most in (trunk.max_calls, account.max_calls) if most), default=0)
    if lines and call.usage.carrier_calls(carrier) >= lines:
        return f"{_FULL} ({lines})"
    terms = _carrier_terms(call, world, account)
    if isinstance(terms, str):
        return terms
    return Offer(minute_cost(terms, call.now), (account, trunk, terms))


def _carrier_terms(call: Call, world: World, carrier: Caller) -> Terms | str:
    """By which terms the carrier charges for the call, in the installation's currency, or why it has no price."""
    settings, currency = world.settings, world.settings.currency
    fixed = fixed_price(call.called, settings, settings.shortnum_providercost)
    if fixed:
        return world.fixed(fixed, call.now, currency=currency, vat_ppm=0)
    tariff = world.tariff(carrier, "carrier", call.caller_number, call.now)
    number = priced_number(call.called, settings)
    terms = (
        world.terms(tariff[0], number, call.now, currency=currency, vat_ppm=0)
        if tariff
        else "it has no carrier tariff"
    )
    if isinstance(terms, str) and settings.defaultproviderprice:
        return world.fixed(settings.defaultproviderprice, call.now, currency=currency, vat_ppm=0)
    return terms
