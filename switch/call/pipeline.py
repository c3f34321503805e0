"""How a call is decided, from top to bottom. Deterministic: the same request, world, moment and usage decide alike."""

from __future__ import annotations

from collections.abc import Callable

from switch.call import rerouting
from switch.call.model import Caller, CallRequest, Decision, Rejection
from switch.call.rewriting import after_routing, before_routing
from switch.call.stages.dids import shows
from switch.call.stages.features import codes, treat
from switch.call.stages.find import find
from switch.call.stages.identify import identify
from switch.call.stages.limits import limits, screen
from switch.call.stages.money import caps, first_hold, seconds_paid, with_floors
from switch.call.stages.numbers import TRUNKS, normalise
from switch.call.stages.permitted import permitted
from switch.call.stages.porting import by_enum, ported
from switch.call.stages.prices import prices
from switch.call.stages.promotions import promotions
from switch.call.stages.screening import callers, numbers, scanning
from switch.call.stages.state import Call, Usage
from switch.call.stages.targets import plan
from switch.call.stages.worth import worth
from switch.world.world import World

__all__ = [
    "STAGES",
    "Call",
    "Usage",
    "caps",
    "decide",
    "first_hold",
    "identify",
    "run",
    "seconds_paid",
    "with_floors",
]

Stage = Callable[[Call, World], Call | Rejection]

#: What happens to a call between knowing who calls (`identify`) and dialling, in this order.
STAGES: tuple[Stage, ...] = (
    limits,  # calls at once and calls per second, of the caller and of everybody above
    codes,  # is it a code for the switch itself
    normalise,  # what was dialled → digits, after rules that change it as it came
    screen,  # may such an account call now
    before_routing,  # rules that change what prices and routes go by
    find,  # is it a subscriber of ours, or a number that we have given to one
    callers,  # is it a bad caller
    scanning,  # does the caller try one number after the other
    numbers,  # may it be called: lists, premium rate, satellites
    permitted,  # may these two call each other, or the caller that number
    shows,  # by which number of ours
    treat,  # then: what does that one want done with its calls
    ported,  # else: has the number gone to another operator
    by_enum,  # can it be called past the telephone network
    plan,  # which carriers, in which order
    after_routing,  # rules that change what one way of the call is told
    prices,  # who pays, by which terms
    worth,  # may it be carried at such prices
    promotions,  # what it may use before money
)


def decide(
    request: CallRequest, caller: Caller, world: World, now: float, usage: Usage
) -> Decision | Rejection:
    """Who calls whom, who pays, which ways to try in which order; or why not."""
    call, rejection = run(request, caller, world, now, usage)
    return rejection or _decision(call, world)


def run(
    request: CallRequest, caller: Caller, world: World, now: float, usage: Usage, *, curious: bool = False
) -> tuple[Call, Rejection | None]:
    """What the stages have found, all of them or up to the one that refused. `curious`: every way is looked at."""
    settings = world.settings_of(caller)
    call = Call(request, caller, settings, now, usage, curious=curious, trace=list(request.steps))
    for stage in STAGES:
        result = stage(call, world)
        if isinstance(result, Rejection):
            return call, result
        call = result
    return call, None


def _decision(call: Call, world: World) -> Decision:
    named = call.settings.parseidentity == "name" and call.caller.kind in TRUNKS
    return Decision(
        caller=call.caller,
        caller_number=call.caller_number,
        caller_display=call.caller_display
        or (call.request.asserted_display if named else "")
        or ("" if call.nameless else call.request.from_display),
        called=call.called,
        destination=call.destination,
        payers=call.payers,
        targets=call.targets,
        max_seconds=call.max_seconds,
        world_version=world.version,
        failover_statuses=rerouting.statuses(call.settings),
        reseller_id=call.reseller_id,
        other_prices=call.other_prices,
        commission=call.commission,
        free=call.free,
        trace=call.trace,
        privacy=call.privacy,
        shown=call.shown,
        trunk=call.request.trunk,
        tech_prefix=call.tech_prefix,
        by_callee=call.by_callee,
        ask=call.ask,
    )
