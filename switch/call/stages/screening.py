"""Whether the called number may be called: lists of numbers, premium rate, satellites."""

from __future__ import annotations

from apps.screening.engine.filtering import blocking, objection
from apps.screening.engine.special import PREMIUM, SATELLITE, kind_of
from apps.screening.engine.standing import BY_HAND, IS_GOOD, PRESSED, SPECIAL, keys_of, own_key
from switch.call.causes import (
    CALLER_BANNED,
    NUMBER_BLOCKED,
    OVERLOAD,
    PREMIUM_NUMBER,
    SATELLITE_NUMBER,
    SCANNING,
    WRONG_NUMBERS,
)
from switch.call.model import Rejection
from switch.call.stages.state import Call
from switch.world.screening import NO_LISTS
from switch.world.world import World

_GOOD = frozenset((PRESSED, IS_GOOD))
SCANNING_AUTO = 45
"""What -1 of the setting blockscanning_treshold stands for."""


def callers(call: Call, world: World) -> Call | Rejection:
    """Who may not call out because of how its calls went (`autoban`); not from an address that the firewall lets in by a rule.

    With `autoban_askkey` it may, once it has pressed a key: then the pair of number and address does not count (guide 14147),
    and who has pressed it is not asked again. Whom an operator has refused by hand is not asked.
    """
    ask = world.settings.autoban_askkey
    if call.service or call.local is not None or not (world.bad_callers or ask == "undecided"):
        return call
    settings, request = call.settings, call.request
    if settings.autoban in _FOR_NOBODY or world.firewall.allows(request.source_host):
        return call
    keys = keys_of(
        call.caller_number, request.source_host, call.caller.id, call.caller.kind, settings.autoban_numlength
    )
    bad = next((key for key in keys if world.bad_callers.get(key, 0.0) > call.now), "")
    if ask == "no":
        return call.refuse(CALLER_BANNED, f"{bad} {_BAD}") if bad else call
    known = {key: what for key in keys if (what := _known(key, call, world))}
    if by_hand := next((key for key, what in known.items() if what == BY_HAND), ""):
        return call.refuse(CALLER_BANNED, f"{by_hand} is refused by hand")
    bad = (
        bad
        if bad != keys[1]
        else next((key for key in keys[2:] if world.bad_callers.get(key, 0.0) > call.now), "")
    )
    if PRESSED in known.values():
        return call
    if bad:
        call.ask = f"{bad} {_BAD}"
    elif ask == "undecided" and not known:
        call.ask = f"{keys[0]} is not known to be a good caller"
    return call


_FOR_NOBODY = frozenset(("no", "carriers"))
"""Values of `autoban` by which callers are let through here."""
_BAD = "is a bad caller by its statistics, or by hand"


def _known(key: str, call: Call, world: World) -> str:
    what, until = world.known_callers.get(key, ("", 0.0))
    return what if until > call.now else ""


def unwanted(call: Call, world: World, how: str) -> str:
    """Why a carrier does not get this caller, by the caller's standing and its `autoban_special`; "": it does (guide 14162-14291).

    Not heeded for addresses that the firewall lets in by a rule. The standing for such carriers goes before the general one, but
    not before whom an operator has refused.
    """
    if how == "no" or world.firewall.allows(call.request.source_host):
        return ""
    caller = call.caller
    key = own_key(call.caller_number, caller.id, caller.kind, world.settings.autoban_numlength)
    by_hand = _known(key, call, world) == BY_HAND
    for one in (key,) if by_hand else (f"{SPECIAL}:{key}", key):
        if _known(one, call, world) in _GOOD:
            return ""
        if world.bad_callers.get(one, 0.0) > call.now:
            return f"{one} is a bad caller (autoban_special)"
    return f"{key} is not known to be a good caller (autoban_special)" if how == "unknown" else ""


def to_ask(call: Call, world: World, how: str) -> str:
    """Why the caller has to press a key before a carrier with `autoban_special` gets the call; "": it has not (guide 14174-14177)."""
    return unwanted(call, world, "unknown") if how == "ask" else ""


def scanning(call: Call, world: World) -> Call | Rejection:
    """Who tries a range of numbers, dials nearly the same wrong number again and again, or asks more than there is time for."""
    if call.service:
        return call
    settings, habits = call.settings, call.usage.habits
    if settings.maxrouterreqpermin and habits.minute() > settings.maxrouterreqpermin:
        return call.refuse(
            OVERLOAD, f"more than {settings.maxrouterreqpermin} calls in a minute (maxrouterreqpermin)"
        )
    most = settings.blockscanning_treshold
    most = SCANNING_AUTO if most < 0 else most
    if most and habits.run(call.caller.id, call.called, settings.blockscanning_mode) > most:
        return call.refuse(SCANNING, f"more than {most} similar numbers were called one after the other")
    if settings.usewrongnumfilter:
        wrong = habits.wrong(call.caller.id, call.called)
        if wrong >= settings.wrongnumdropcount:
            return call.refuse(WRONG_NUMBERS, f"{wrong} wrong numbers like this one were called before")
    return call


def numbers(call: Call, world: World) -> Call | Rejection:
    """The lists hold for everybody who is called; kinds of numbers only for calls that leave us. Codes are not screened."""
    if call.service:
        return call
    settings = call.settings
    known = False
    if world.called_lists is not NO_LISTS:
        standing = world.called_lists.standing(
            call.called,
            call.caller.path,
            call.now,
            black=settings.numfiltering,
            white=settings.checkknownnumbers,
        )
        known = standing.white is not None
        if why := objection(settings.filtering, standing):
            smart = standing.automatic and blocking(settings.filtering, standing) is not None
            play = settings.smartblacklist_voice if smart else ""
            return call.refuse(NUMBER_BLOCKED, f"{call.called} may not be called: {why}", play=play)
    if call.local is None and not known and (settings.blockpremiumnumbers or settings.blocksatellitecalls):
        kind = kind_of(call.called)
        if kind == SATELLITE and settings.blocksatellitecalls:
            return call.refuse(SATELLITE_NUMBER, f"{call.called} is a satellite phone (blocksatellitecalls)")
        if kind == PREMIUM and settings.blockpremiumnumbers:
            return call.refuse(
                PREMIUM_NUMBER, f"{call.called} is a premium-rate number (blockpremiumnumbers)"
            )
    return call


def not_for_carriers(call: Call, world: World, filtering: str) -> str:
    """Why carriers with this setting `filtering` are not given the call; "": they may have it."""
    if filtering == "no" or world.called_lists is NO_LISTS:
        return ""
    mine = call.settings
    standing = world.called_lists.standing(
        call.called, call.caller.path, call.now, black=mine.numfiltering, white=mine.checkknownnumbers
    )
    return objection(filtering, standing)
