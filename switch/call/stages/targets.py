"""By which carriers a call goes out that does not stay inside (`find`), as the route rules give them."""

from __future__ import annotations

from zlib import crc32

from apps.pricing.engine import Terms
from apps.pricing.engine.payers import carrier_terms
from apps.pricing.engine.price_lists import Given
from apps.pricing.engine.tolls import priced_number
from apps.routing import engine
from apps.routing.engine import NO_WAYS, Facts, Limits, Ways
from switch.call.causes import CARRIERS_FAILED, NO_ROUTE
from switch.call.model import Caller, Direct, Rejection, Target, TrunkAddress
from switch.call.stages.gates import person
from switch.call.stages.offers import AWAY, Details, Offers
from switch.call.stages.outgoing import sent
from switch.call.stages.porting import direct_carrier
from switch.call.stages.screening import to_ask
from switch.call.stages.state import Call, origin_of
from switch.world.settings import Settings
from switch.world.world import World


def plan(call: Call, world: World) -> Call | Rejection:
    """Sets `plan`, and `targets` to the carriers in the order in which they are tried, unless the call stays inside."""
    if call.local or call.service:
        return call
    call.facts = facts_of(call, world)
    _ahead(call, world)
    call.plan = found = ways(call, world, call.facts)
    if not found.targets and any(reason.startswith(AWAY) for *_, reason in found.skipped):
        call.note("All that could take it are away: they are tried all the same.")
        call.plan = found = ways(call, world, call.facts, hopeless=True)
    for carrier, rule, reason in found.skipped:
        account = world.account(carrier)
        call.note(f"Not {account.username if account else carrier} (rule {rule.name}): {reason}.")
    if not found.rules and not call.targets:
        return call.refuse(NO_ROUTE, f"no route rule takes {call.called}")
    if not found.targets and not call.targets:
        names = ", ".join(rule.name for rule in found.rules)
        full = any(reason.startswith(engine.FULL) for *_, reason in found.skipped)
        cause = CARRIERS_FAILED if full else NO_ROUTE
        return call.refuse(cause, f"rule {names} has no carrier that can take {call.called}")
    most = _most(call, world)
    del call.targets[most:]
    others = [one for one in found.targets if call.first is None or one.carrier != call.first.id]
    for place, one in enumerate(others[: most - len(call.targets)], len(call.targets) + 1):
        (account, trunk, settings, *_), given = one.offer.details
        cost = _terms(call, world, account, given)
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


def _terms(call: Call, world: World, carrier: Caller, given: Given | None) -> Terms:
    """By which terms a carrier charges that has been found to have a price; `given`: by that tariff."""
    if given is None:
        found = carrier_terms(world, carrier, call.called, origin_of(call, world), call.now)
    else:
        number = priced_number(call.called, world.settings)
        found = world.terms(given, number, call.now, currency=world.currency, vat_ppm=0)
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
        Offers(call, world, facts, hopeless=hopeless),
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
    [found] = Offers(call, world, call.facts)((call.first.id,))
    if isinstance(found, str):
        call.note(f"Not first by {call.first.username}: {found}.")
        call.first = None
        return
    (account, first, settings, *_), given = found.details
    cost = _terms(call, world, account, given)
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
