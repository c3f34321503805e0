"""Rewrite rules at their stages (`apps.numbers.engine.rules`): what they see of a call, and what becomes of what they set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zlib import crc32

from apps.core.values.digits import prefix_of
from apps.numbers.engine.functions import Scope
from apps.numbers.engine.rules import ANONYMOUS, Outcome, Stage, Where, clock, not_in_its_name, rewrite
from switch.call.causes import RULED_OUT
from switch.call.model import Caller, CallRequest, Rejection, Target
from switch.call.stages.outgoing import sent
from switch.call.stages.state import Call
from switch.world.world import World

PHONES = frozenset(("subscriber", "extension", "agent", "calling_card"))


def before_authentication(request: CallRequest, world: World) -> Rejection | None:
    """Stage 1: changes the request, before anybody asks who it is from; or why it is refused."""
    rules = world.rules.of(Stage.BEFORE_AUTHENTICATION)
    if not rules:
        return None
    fields = _of_request(request)
    scope = Scope(fields, world.lists, (), crc32(request.call_id.encode()))
    outcome = rewrite(rules, Where((), (), request.source_host, request.transport), scope, fields)
    if "called" in outcome.set:
        request.original = request.called
    request.called = outcome.set.get("called", request.called)
    request.from_user = outcome.set.get("caller", request.from_user)
    request.from_display = outcome.set.get("caller_name", request.from_display)
    request.steps = (*request.steps, *outcome.steps)
    if outcome.verdict is None:
        return None
    return Rejection(
        RULED_OUT, f"rule {outcome.verdict.rule} refuses it", None, request.steps, outcome.verdict.play
    )


def in_whose_name(request: CallRequest, caller: Caller, world: World) -> Caller:
    """Whose call it is from now on: limits, prices, holds, the record and all settings go by it (guide 2938-2946).

    Asked once, when the caller has proved who it is, so that no rule leads in a circle; of its rules the first that names an
    account decides. The tech prefix that comes off is that of who brought the call. Calls that somebody forwards or transfers
    stay that one's.
    """
    rules = world.rules.of(Stage.WHO_CALLS)
    if not rules:
        return caller
    fields = _of_request(request) | _of_caller(caller, request.received_at)
    fields["tech_prefix"] = prefix_of(caller.tech_prefix, request.called)
    settings = world.settings_of(caller)
    chance = crc32(request.call_id.encode()) + Stage.WHO_CALLS
    scope = Scope(fields, world.lists, caller.path, chance, settings.cfg_mobileprefixes)
    where = Where(caller.path, (), request.source_host, request.transport)
    outcome = rewrite(rules, where, scope, fields)
    request.steps = (*request.steps, *outcome.steps)
    name = outcome.set.get("caller_account", "")
    account = world.named(name) if name else None
    if account is None:
        why = "is no account" if name else ""
    else:
        why = not_in_its_name(caller.id, account.kind, account.path, fixed=outcome.fixed)
    if why:
        request.steps = (*request.steps, f"{name} {why}: the call stays that of {caller.username}.")
    if account is None or why:
        return caller
    request.trunk = request.trunk or caller.id
    return account


def after_authentication(call: Call, world: World, dialled: str) -> str | Rejection:
    """Stage 2: the number as it is to be normalised; sets what rules say of the caller."""
    if not world.rules.of(Stage.AFTER_AUTHENTICATION):
        return dialled
    outcome = _asked(call, world, Stage.AFTER_AUTHENTICATION, dialled)
    return _refusal(call, outcome) or outcome.set.get("called", dialled)


def before_routing(call: Call, world: World) -> Call | Rejection:
    """Stage 3: the number that prices and routes go by, and who is called."""
    if call.service or not world.rules.of(Stage.BEFORE_ROUTING):
        return call
    outcome = _asked(call, world, Stage.BEFORE_ROUTING, call.called)
    if refused := _refusal(call, outcome):
        return refused
    call.called = outcome.set.get("called", call.called)
    if "called_account" in outcome.set:
        _call_account(call, world, outcome.set["called_account"])
    return call


def after_routing(call: Call, world: World) -> Call | Rejection:
    """Stage 4: each way of the call by itself. A way that a rule refuses is left out; with none left the call is refused."""
    if not call.targets or not world.rules.of(Stage.AFTER_ROUTING):
        return call
    kept, play = [], ""
    for target in call.targets:
        outcome = _asked(call, world, Stage.AFTER_ROUTING, call.called, target)
        if outcome.verdict is None:
            kept.append(_changed(call, world, target, outcome.set) if outcome.set else target)
        else:
            play = play or outcome.verdict.play
    if not kept:
        return _ruled_out(call, "rules refuse every way of it", play)
    call.targets = kept
    return call


# --- what rules see ---------------------------------------------------------------------------------------------------


def _of_request(request: CallRequest) -> dict[str, Any]:
    return {
        "called": request.called,
        "dialled": request.original or request.called,
        "caller": request.from_user,
        "from_user": request.from_user,
        "caller_name": request.from_display,
        "asserted": request.asserted_number,
        "source": request.source_host,
        "source_port": request.source_port,
        "transport": request.transport,
        "domain": request.called_host,
    }


def _of_caller(caller: Caller, now: float) -> dict[str, Any]:
    return clock(now, caller.time_zone) | {
        "caller_account": caller.username,
        "caller_id": caller.id,
        "own_number": caller.caller_number.removeprefix("+"),
        "caller_country": caller.country,
    }


def _asked(call: Call, world: World, stage: Stage, called: str, target: Target | None = None) -> Outcome:
    caller, request = call.caller, call.request
    fields = (
        _of_request(request)
        | _of_caller(caller, call.now)
        | {
            "called": called,
            "caller": call.caller_number,
            "caller_name": call.caller_display or ("" if call.nameless else request.from_display),
            "tech_prefix": call.tech_prefix,
        }
    )
    reached: Caller | None = target.account if target is not None else None
    if target is not None and reached is not None:
        fields |= {
            "sent": target.number,
            "identity": "",
            "called_account": reached.username,
            "called_id": reached.id,
        }
    settings = world.settings_of(caller)
    scope = Scope(
        fields, world.lists, caller.path, crc32(request.call_id.encode()) + stage, settings.cfg_mobileprefixes
    )
    where = Where(caller.path, reached.path if reached else (), request.source_host, request.transport)
    outcome = rewrite(world.rules.of(stage), where, scope, fields)
    way = f" ({reached.username})" if reached is not None else ""
    call.trace += [f"{step}{way}" if way else step for step in outcome.steps]
    if target is None:
        _take(call, outcome.set)
    return outcome


# --- what they set ----------------------------------------------------------------------------------------------------


def _take(call: Call, found: dict[str, str]) -> None:
    """What was set of the caller, for all ways of the call."""
    shown = found.get("caller")
    if shown == ANONYMOUS:
        call.privacy = "hide"
    elif shown is not None:
        call.caller_number = shown.removeprefix("+")
        call.shown = call.caller_number
    call.caller_display = found.get("caller_name", call.caller_display)
    call.tech_prefix = found.get("tech_prefix", call.tech_prefix)


def _call_account(call: Call, world: World, username: str) -> None:
    account = world.named(username)
    if account is None:
        call.note(f"There is no account {username}.")
    elif account.kind == "carrier":
        call.only = account.id
    elif account.kind in PHONES:
        call.wanted = account.id


def _changed(call: Call, world: World, target: Target, found: dict[str, str]) -> Target:
    number = target.number
    if "called" in found and target.trunk is not None:
        number = sent(call, world, target.account, target.trunk, found["called"])
    shown = found.get("caller", "").removeprefix("+")
    return replace(
        target,
        number=found.get("sent", number),
        ruled=shown or target.ruled,
        identity=found.get("identity", "").removeprefix("+"),
        display=found.get("caller_name", ""),
    )


def _refusal(call: Call, outcome: Outcome) -> Rejection | None:
    if outcome.verdict is None:
        return None
    return _ruled_out(call, f"rule {outcome.verdict.rule} refuses it", outcome.verdict.play)


def _ruled_out(call: Call, why: str, play: str) -> Rejection:
    return replace(call.refuse(RULED_OUT, why), play=play)
