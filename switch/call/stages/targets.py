"""By which carriers a call goes out that does not stay inside (`find`), as the route rules give them."""

from __future__ import annotations

from functools import partial
from zlib import crc32

from apps.pricing.engine import Terms
from apps.pricing.engine.payers import carrier_terms
from apps.routing import engine
from apps.routing.engine import NO_WAYS, Facts, Limits, Offer, Ways
from switch.call.causes import CARRIERS_FAILED, NO_ROUTE
from switch.call.model import Caller, Direct, Rejection, Target, TrunkAddress
from switch.call.stages.gates import Carrier, carrier_of, person, standing
from switch.call.stages.outgoing import sent
from switch.call.stages.porting import direct_carrier
from switch.call.stages.screening import not_for_carrier, to_ask, unwanted
from switch.call.stages.state import Call, origin_of
from switch.world.settings import Settings
from switch.world.world import Minute, World, minute_cost

Details = tuple[Carrier, Minute | None]


def plan(call: Call, world: World) -> Call | Rejection:
    """Sets `plan`, and `targets` to the carriers in the order in which they are tried, unless the call stays inside."""
    if call.local or call.service:
        return call
    call.facts = facts_of(call, world)
    _ahead(call, world)
    call.plan = found = ways(call, world, call.facts)
    if not found.targets and any(reason.startswith(_AWAY) for *_, reason in found.skipped):
        call.note("All that could take it are away: they are tried all the same.")
        call.plan = found = ways(call, world, call.facts, hopeless=True)
    for carrier, rule, reason in found.skipped:
        account = world.account(carrier)
        call.note(f"Not {account.username if account else carrier} (rule {rule.name}): {reason}.")
    if not found.rules and not call.targets:
        return call.refuse(NO_ROUTE, f"no route rule takes {call.called}")
    if not found.targets and not call.targets:
        names = ", ".join(rule.name for rule in found.rules)
        cause = CARRIERS_FAILED if any(_full(reason) for *_, reason in found.skipped) else NO_ROUTE
        return call.refuse(cause, f"rule {names} has no carrier that can take {call.called}")
    most = _most(call, world)
    del call.targets[most:]
    others = [one for one in found.targets if call.first is None or one.carrier != call.first.id]
    for place, one in enumerate(others[: most - len(call.targets)], len(call.targets) + 1):
        (account, trunk, settings, *_), minute = one.offer.details
        cost = _terms(call, world, account, minute)
        ask = to_ask(call, world, settings.autoban_special)
        number = sent(call, world, account, trunk, call.inserted + call.called)
        why = one.why
        call.targets.append(
            Target(
                "carrier", account, number, trunk, one.rule.name, cost, why,
                route=one.candidate.target.id, ask=ask,
            )
        )  # fmt: skip
        call.note(f"{place}. {account.username}: {why}.{f' A key is asked for: {ask}.' if ask else ''}")
    return call


def _terms(call: Call, world: World, carrier: Caller, minute: Minute | None) -> Terms:
    """By which terms a carrier charges that has been found to have a price."""
    if minute is None:
        found = carrier_terms(world, carrier, call.called, origin_of(call, world), call.now)
    else:
        found = world.terms_of(
            minute.given, minute.rates, call.called, call.now, currency=world.currency, vat_ppm=0
        )
    assert not isinstance(found, str), "it has been offered at a price"
    return found


def _most(call: Call, world: World) -> int:
    """How many carriers are tried at most."""
    return call.settings.maxreroute + 1


def facts_of(call: Call, world: World) -> Facts:
    """What route rules ask about the call: who calls, or (`anumberhandlingforrouting`) the trunk that brought it."""
    trunk = None
    if call.request.trunk and not world.settings.anumberhandlingforrouting:
        trunk = world.account(call.request.trunk)
    caller = trunk or call.caller
    return Facts(
        caller.path,
        call.caller_number,
        call.called,
        caller.time_zone,
        call.tech_prefix,
        groups=origin_of(call, world).groups,
    )


def ways(call: Call, world: World, facts: Facts, *, hopeless: bool = False) -> engine.Plan[Details]:
    """The carriers that can take the call, in order; `hopeless`: those that are away too."""
    settings, usage = call.settings, call.usage
    return engine.plan(
        world.routes,
        facts,
        call.now,
        partial(_offer, call, world, facts, hopeless=hopeless),
        crc32(call.request.call_id.encode()),
        algorithm=settings.brs_lcr,
        limits=Limits(usage.target_calls, usage.target_attempts),
        ways=by_settings(world, settings, facts),
        most=None if call.curious else _most(call, world) + (call.first is not None),
    )


def by_settings(world: World, settings: Settings, facts: Facts) -> Ways:
    """The ways that settings give: for emergencies, instead of all rules, after them (guide 3261, 4667, 4672, 4736)."""
    emergency = settings.emergencydir if facts.called in settings.emergencynumbers else ""
    if not (emergency or settings.onlyroutealias or settings.fakegwalias):
        return NO_WAYS
    named = (emergency, settings.onlyroutealias, settings.fakegwalias)
    return Ways(*[person(world, one) if one else None for one in named])


def _ahead(call: Call, world: World) -> None:
    """Who gets the call before the carriers of route rules: places outside the network, then the carrier that has the number."""
    carrier = direct_carrier(world) if call.direct else None
    if carrier is not None:
        offer = carrier_terms(world, carrier, call.called, origin_of(call, world), call.now)
        if isinstance(offer, str):
            call.note(f"Not by {carrier.username}: {offer}.")
        else:
            own = world.trunk(carrier.id)
            for place in call.direct:
                why = f"{place.host}, in the name of {carrier.username}"
                trunk = _direct_trunk(place, own)
                call.targets.append(
                    Target("carrier", carrier, place.user or call.called, trunk, "direct", offer, why)
                )
                call.note(f"{len(call.targets)}. {why}.")
    if call.first is None:
        return
    assert call.facts is not None
    found = _offer(call, world, call.facts, call.first.id)
    if isinstance(found, str):
        call.note(f"Not first by {call.first.username}: {found}.")
        call.first = None
        return
    (account, first, settings, *_), minute = found.details
    cost = _terms(call, world, account, minute)
    why = f"{account.username} has the number"
    call.targets.append(
        Target(
            "carrier",
            account,
            sent(call, world, account, first, call.inserted + call.called),
            first,
            "ported",
            cost,
            why,
            ask=to_ask(call, world, settings.autoban_special),
        )
    )
    call.note(f"{len(call.targets)}. {why}.")


def _direct_trunk(place: Direct, own: TrunkAddress | None) -> TrunkAddress:
    """A place as a trunk: with the carrier's patience, and none of its secrets."""
    seconds = (own.answer_seconds, own.response_seconds) if own is not None else (60, 5)
    return TrunkAddress(place.host, place.port, place.transport, 0, "", 0, *seconds, "", "", "", "")


_FULL = engine.FULL
_AWAY = "it is away"


def _full(reason: str) -> bool:
    return reason.startswith(_FULL)


def _shows_anothers(call: Call, world: World, carrier: int) -> str:
    """Whether the call shows a number of ours that goes out by another carrier only, in words; "": not."""
    shown = world.dids.of(call.caller_number)
    other = shown is not None and shown.carrier not in (0, carrier)
    return f"calls that show {call.caller_number} go out by another carrier" if other else ""


def _offer(
    call: Call, world: World, facts: Facts, account_id: int, *, hopeless: bool = False
) -> Offer[Details] | str:
    """What the carrier asks for this call, in the installation's currency, or in words why it cannot have it.

    `hopeless`: one that is away has it too.
    """
    carrier = carrier_of(world, account_id)
    if isinstance(carrier, str):
        return carrier
    account, trunk, settings, gate, lines, logins = carrier
    if account_id in call.caller.path and not settings.allownumbersendback:
        return "the call comes from it"
    if why := not_for_carrier(call, world, settings) or _shows_anothers(call, world, account_id):
        return f"it does not take it: {why}"
    if gate is not None and (refusal := gate.refusal(facts)):
        return refusal
    if call.only is not None and account_id != call.only:
        return "a rule sends the call another way"
    used = call.usage.carrier_calls(account_id)
    if lines and used >= lines:
        return f"{_FULL} ({lines})"
    if account.calls_per_second and call.usage.carrier_attempts(account_id) >= account.calls_per_second:
        return f"{_FULL} (it takes {account.calls_per_second} calls per second)"
    if key := world.talked_out(account, call.now):
        return f"it has used up its {key}"
    choosy = settings.refusedcallers or settings.autoban_special != "no"
    if choosy and (why := _refused_caller(call, world, settings)):
        return why
    minute = world.minute(account, call.called, origin_of(call, world), call.now)
    price = minute or _price(call, world, account)
    if isinstance(price, str):
        return price
    away = "" if hopeless or trunk.backup_host else call.usage.unreachable(account_id, logins)
    if away:
        return f"{_AWAY}: {away}"
    return Offer(price[0], (carrier, minute), standing(call, world, facts, carrier, used), price[1])


def _price(call: Call, world: World, carrier: Caller) -> tuple[int, int] | str:
    """What a minute begun now costs by the carrier, and one of an average call; in words why it has no price."""
    terms = carrier_terms(world, carrier, call.called, origin_of(call, world), call.now)
    if isinstance(terms, str):
        return terms
    return minute_cost(terms, call.now), minute_cost(terms, call.now, world.settings.pricecalcsec)


def _refused_caller(call: Call, world: World, settings: Settings) -> str:
    """Why the carrier does not get this caller, in words: its list of callers, or the caller's standing; "": it does (guide 14218)."""
    name = settings.refusedcallers
    found = world.lists.by_name.get(name) if name else None
    if found is not None and found.longest_prefix(call.caller_number):
        return f"its list {name} keeps this caller away"
    why = unwanted(call, world, settings.autoban_special)
    return f"it does not get this caller: {why}" if why else ""
