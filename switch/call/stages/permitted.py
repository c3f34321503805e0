"""What the caller and the called account have been allowed (guide 1639-1645, 1856, 2223-2235, 3221-3224, 8590)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from apps.routing.engine.gate import Prefixes
from switch.call.causes import ACCOUNT_DISABLED, NOT_AUTHORISED
from switch.call.model import Caller, Rejection
from switch.call.stages.gates import person
from switch.call.stages.state import Call
from switch.world.world import World

ALL = "*"
GROUP = "g"
"""What stands before the id of a group among names of accounts."""


def permitted(call: Call, world: World) -> Call | Rejection:
    """Refuses what neither of the two has been allowed.

    1. Nobody who is disabled for the time being calls or is called.
    2. Calls to subscribers of ours: where the setting `allowusercalls` drops them; of callers that `allowedusers` leaves out.
    3. Calls to the outside: of accounts that may only call our subscribers; to prefixes that they may not call.
    """
    if call.service:
        return call
    caller, settings = call.caller, call.settings
    if settings.temporarydisabled:
        return call.refuse(ACCOUNT_DISABLED, f"{caller.username} is disabled for the time being")
    refusal = _outside(call, world) if call.local is None else forbidden(call, world, call.local)
    return call.refuse(NOT_AUTHORISED, refusal) if refusal else call


def forbidden(call: Call, world: World, callee: Caller) -> str:
    """Why a subscriber of ours may not be called, in words; "": it may."""
    if call.settings.allowusercalls == "drop":
        return "calls to our subscribers are dropped (allowusercalls)"
    settings = world.settings_of(callee)
    if settings.temporarydisabled:
        return f"{callee.username}, who is called, is disabled for the time being"
    listed = settings.allowedusers
    if not listed or ALL in listed or _among(call.caller, listed, world):
        return ""
    return f"{callee.username} takes no calls of {call.caller.username} (allowedusers)"


def _among(caller: Caller, listed: Sequence[str], world: World) -> bool:
    """Whether the caller, somebody above it, or a group that holds it, is named in the list."""
    groups = {f"{GROUP}{group}" for group in world.groups_of(caller)}
    return any(one in groups or person(world, one) in caller.path for one in listed)


def _outside(call: Call, world: World) -> str:
    """Why the caller may not call that number of somebody else's, in words; "": it may."""
    name, called, settings = call.caller.username, call.called, call.settings
    if settings.onlylocalaccess:
        return f"{name} may call our subscribers only (onlylocalaccess)"
    if has_prefix(settings.checklocalnumberpx, called):
        return f"{called} is of ours, and nobody has it (checklocalnumberpx)"
    if not settings.checkrouterrights or called in settings.emergencynumbers:
        return ""
    if settings.enabledprefixes and not has_prefix(settings.enabledprefixes, called):
        return f"{name} may not call {called} (enabledprefixes)"
    if has_prefix(settings.blockprefixes, called):
        return f"{name} may not call {called} (blockprefixes)"
    return ""


def has_prefix(listed: tuple[str, ...], number: str) -> bool:
    """Whether the number begins with one of the list; * is the beginning of every number."""
    return bool(listed) and (ALL in listed or _compiled(listed).has(number))


@lru_cache(maxsize=1024)
def _compiled(listed: tuple[str, ...]) -> Prefixes:
    return Prefixes(listed)
