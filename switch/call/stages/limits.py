"""What the caller may do at all: calls at once, calls per second, being enabled, not going round in circles."""

from __future__ import annotations

from switch.addresses import CALLS, MICROS, SECONDS
from switch.call.causes import (
    ACCOUNT_DISABLED,
    COUNTRY_BLOCKED,
    LIMIT_ADDRESS,
    LIMIT_CALLS,
    LIMIT_RATE,
    LIMIT_SECONDS,
    LOOP,
    NOT_AUTHORISED,
)
from switch.call.model import Caller, Rejection
from switch.call.sources import abroad
from switch.call.stages.caps import micros
from switch.call.stages.state import Call, above
from switch.world.world import World

#: Kinds that may place calls; a carrier may only bring calls for numbers of ours (see `find`).
CALLERS = frozenset(
    {"subscriber", "extension", "agent", "calling_card", "customer_trunk", "reseller", "carrier"}
)


def limits(call: Call, world: World) -> Call | Rejection:
    """The caller's limits, and those of everybody above it for all that is below them; sets `max_seconds`."""
    for account in above(call, world):
        most = account.max_calls if account.offpeak_calls < 0 else world.lines(account, call.now)
        if most and call.usage.calls(account.id) >= most:
            return call.refuse(LIMIT_CALLS, f"{account.username} has its {most} calls up")
        if account.calls_per_second and call.usage.attempts(account.id) >= account.calls_per_second:
            return call.refuse(
                LIMIT_RATE, f"{account.username} began {account.calls_per_second} calls this second"
            )
        if why := _address_used_up(call, account, world):
            return call.refuse(LIMIT_ADDRESS, why)
        if key := world.talked_out(account, call.now):
            return call.refuse(LIMIT_SECONDS, f"{account.username} has used up its {key}")
    call.max_seconds = call.caller.max_call_seconds or world.settings.maxcallduration
    call.note(f"The caller is {call.caller.username} ({call.caller.kind}), within its limits.")
    return call


def _address_used_up(call: Call, account: Caller, world: World) -> str:
    """Which of the caller's limits per source address is reached, in words; \"\" for none."""
    if account is not call.caller:
        return ""
    settings, host = world.settings_of(account), call.request.source_host
    used = call.usage.addresses.used
    if settings.maxcallperip and used(host, CALLS) >= settings.maxcallperip:
        return f"{host} has begun {settings.maxcallperip} calls in this period (maxcallperip)"
    if settings.maxdurationperip and used(host, SECONDS) >= settings.maxdurationperip:
        return (
            f"calls from {host} have lasted {settings.maxdurationperip} s in this period (maxdurationperip)"
        )
    most = micros(settings.maxcostperip)
    if most and used(host, MICROS) >= most:
        return f"calls from {host} have cost {settings.maxcostperip} in this period (maxcostperip)"
    return ""


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
    if world.countries is not None:
        request = call.request
        why = abroad(call.caller, request.source_host, world, request.source_port, request.named)
        if why:
            return call.refuse(COUNTRY_BLOCKED, why)
    if not call.settings.candial:
        return call.refuse(NOT_AUTHORISED, f"{call.caller.username} may be called, and not call (candial)")
    return call
