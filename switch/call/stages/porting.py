"""Ported numbers: which number is called after all, and who gets the call first (`apps.portability.engine`)."""

from __future__ import annotations

from apps.portability import engine
from apps.portability.engine import Porting
from switch.call.causes import CARRIERS_FAILED
from switch.call.model import Ask, Caller, Direct, Rejection, Unanswered
from switch.call.stages.state import Call
from switch.world.world import World


def ported(call: Call, world: World) -> Call | Rejection:
    """Sets `called`, `inserted`, `first` and `direct` for a number that has gone to another operator.

    A new number, or one with another beginning, is the called number from here on: for routes, prices and the record.
    """
    settings, portability = world.settings, world.portability
    if call.local or call.service or settings.checknumport == "no":
        return call
    mode = engine.mode_of(settings.checknumport, portability, asked=bool(settings.numporturl))
    number = call.called
    if mode == "no" or (settings.checknumportpx and not number.startswith(settings.checknumportpx)):
        return call
    if not number.isdigit() or number in settings.emergencynumbers:
        return call
    found = portability.look_up(number, settings.numporttype)
    if found is None and settings.numporturl:
        answer = call.usage.looked_up(Ask("http", number))
        if answer is None:
            return ask(call, Ask("http", number))
        found = answer[0] if answer else None
    if found is None:
        return call
    return apply(call, world, found, mode)


def by_enum(call: Call, world: World) -> Call | Rejection:
    """Sets `direct` to the places where a number can be called by SIP, past the telephone network (guide 3638-3640)."""
    settings = world.settings
    if call.local or call.service or not settings.enumsuffixes or not call.called.isdigit():
        return call
    if call.called in settings.emergencynumbers or direct_carrier(world) is None:
        return call
    question = Ask("enum", call.called)
    answer = call.usage.looked_up(question)
    if answer is None:
        return ask(call, question)
    for place in answer:
        to_domain(call, world, place)
    return call


def ask(call: Call, question: Ask) -> Unanswered:
    """The call waits for the answer."""
    return Unanswered(
        CARRIERS_FAILED, f"{question.kind} was not asked", call.caller, tuple(call.trace), question=question
    )


def apply(call: Call, world: World, found: Porting, mode: str) -> Call:
    """Let the call go where its number has gone."""
    number = call.called
    change = engine.change(found, number, mode, world.portability.operators, world.settings.numporttype)
    what = "was ported" if found.ported else "is in a block of an operator's"
    call.note(f"{number} {what}{f', {found.code}' if found.code else ''}.")
    if change.number:
        call.called = change.number
        call.note(f"The called number is {change.number} now.")
    call.inserted = change.insert
    carrier = world.account(change.carrier) if change.carrier else None
    if carrier is not None:
        call.first = carrier
    if change.domain:
        to_domain(call, world, Direct(change.domain, change.port, "udp", ""))
    return call


def to_domain(call: Call, world: World, place: Direct) -> bool:
    """Have the call go to a place outside the telephone network first, in the name of `directcarrier`; whether it can."""
    carrier = direct_carrier(world)
    if carrier is None:
        call.note(f"Not to {place.host}: the setting directcarrier names no carrier.")
        return False
    call.direct = (*call.direct, place)
    return True


def direct_carrier(world: World) -> Caller | None:
    """The carrier in whose name calls leave for other domains."""
    name = world.settings.directcarrier
    carrier = world.named(name) if name else None
    return carrier if carrier is not None and carrier.kind == "carrier" and carrier.enabled else None
