"""How a call is decided, from top to bottom. Deterministic: the same request, world, moment and usage decide alike."""

from __future__ import annotations

from collections.abc import Callable

from switch.call.model import Caller, CallRequest, Decision, Rejection
from switch.call.stages.identify import identify
from switch.call.stages.limits import limits, screen
from switch.call.stages.money import first_hold, seconds_paid
from switch.call.stages.numbers import TRUNKS, rewrite
from switch.call.stages.prices import prices
from switch.call.stages.state import Call, Usage
from switch.call.stages.targets import find, plan
from switch.world.world import World

__all__ = ["STAGES", "Call", "Usage", "decide", "first_hold", "identify", "seconds_paid"]

Stage = Callable[[Call, World], Call | Rejection]

#: What happens to a call between knowing who calls (`identify`) and dialling, in this order.
STAGES: tuple[Stage, ...] = (
    limits,  # calls at once and calls per second, of the caller and of everybody above
    rewrite,  # what was dialled → digits
    screen,  # may such an account call now
    find,  # is it a subscriber of ours
    plan,  # else: which carriers, in which order
    prices,  # who pays, by which terms
)


def decide(
    request: CallRequest, caller: Caller, world: World, now: float, usage: Usage
) -> Decision | Rejection:
    """Who calls whom, who pays, which ways to try in which order; or why not."""
    call = Call(request, caller, now, usage)
    for stage in STAGES:
        result = stage(call, world)
        if isinstance(result, Rejection):
            return result
        call = result
    return _decision(call, world)


def _decision(call: Call, world: World) -> Decision:
    named = world.settings_of(call.caller).parseidentity == "name" and call.caller.kind in TRUNKS
    return Decision(
        caller=call.caller,
        caller_number=call.caller_number,
        caller_display=(call.request.asserted_display if named else "") or call.request.from_display,
        called=call.called,
        destination=call.destination,
        payers=call.payers,
        targets=call.targets,
        max_seconds=call.max_seconds,
        world_version=world.version,
        failover_statuses=world.settings_of(call.caller).reroutedisccodes,
        reseller_id=call.reseller_id,
        other_prices=call.other_prices,
        commission=call.commission,
        trace=call.trace,
    )
