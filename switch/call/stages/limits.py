"""What the caller may do at all: calls at once, calls per second, being enabled, not going round in circles."""

from __future__ import annotations

from switch.call.causes import ACCOUNT_DISABLED, LIMIT_CALLS, LIMIT_RATE, LOOP, NOT_AUTHORISED
from switch.call.model import Rejection
from switch.call.stages.state import Call, above
from switch.world.world import World

#: Kinds that may place calls; a carrier may only bring calls for numbers of ours (see `find`).
CALLERS = frozenset(
    {"subscriber", "extension", "agent", "calling_card", "customer_trunk", "reseller", "carrier"}
)


def limits(call: Call, world: World) -> Call | Rejection:
    """The caller's limits, and those of everybody above it for all that is below them; sets `max_seconds`."""
    for account in above(call, world):
        if account.max_calls and call.usage.calls(account.id) >= account.max_calls:
            return call.refuse(LIMIT_CALLS, f"{account.username} has its {account.max_calls} calls up")
        if account.calls_per_second and call.usage.attempts(account.id) >= account.calls_per_second:
            return call.refuse(
                LIMIT_RATE, f"{account.username} began {account.calls_per_second} calls this second"
            )
    call.max_seconds = call.caller.max_call_seconds or world.settings.maxcallduration
    call.note(f"The caller is {call.caller.username} ({call.caller.kind}), within its limits.")
    return call


def screen(call: Call, world: World) -> Call | Rejection:
    """Whether such an account may call now."""
    if call.request.max_forwards <= 0:
        return call.refuse(LOOP, "Max-Forwards is used up")
    if not call.caller.enabled:
        off = [one.username for one in above(call, world) if not one.enabled]
        return call.refuse(ACCOUNT_DISABLED, f"{off[-1] if off else call.caller.username} is disabled")
    if call.caller.kind not in CALLERS:
        return call.refuse(
            NOT_AUTHORISED, f"{call.caller.username} is {call.caller.kind}: such accounts do not call"
        )
    return call
