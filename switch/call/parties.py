"""Who talks in a call: who takes whose place, and how the others hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call import engine, media
from switch.call.branch import Branch
from switch.call.causes import of_status
from switch.call.offers import Origin, Reoffer, place_of
from switch.sip.message import Request
from switch.sip.sdp import BadSdp

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.sip.message import Response

    Told = Callable[[Response, bytes], None]


def take_place(call: Call, leg: Leg, new: Branch) -> None:
    """`new` talks in the place of `leg` from now on."""
    new.call = call
    leg.aside = True
    call.asides = (*call.asides, leg)
    if leg is call.caller:
        call.caller = new
        call.leave_line()
    else:
        call.called = new
    if isinstance(leg, Branch):
        leg.free_line()


def introduce(call: Call, source: Leg, target: Leg, body: bytes, told: Told) -> None:
    """Offer one party's description to another. `told(answer, body)`: what that one said, as the first shall see it.

    A description that cannot be led on is not offered; an answer that comes when the call has gone on with other media concerns nobody.
    """
    described, sound = source.described, call.sound
    if target.origin is None:
        target.origin = Origin(described)
    message = Request("INVITE", "sip:introduced", [("Content-Type", media.SDP_TYPE)], body)

    def offer() -> None:
        try:
            passed = media.passed(call, message, source)
        except BadSdp:
            return
        finally:
            source.described = described
        Reoffer(target, passed, answered).send()

    def answered(answer: Response) -> None:
        if answer.status >= 300:
            told(answer, b"")
        elif call.sound is sound:
            engine.rewritten(call, answer, target, lambda: settle(answer))

    def settle(answer: Response) -> None:
        try:
            told(answer, media.passed(call, answer, target))
        except BadSdp:
            told(answer, b"")

    engine.rewritten(call, message, source, offer)


def settled(call: Call, new: Leg, offered: tuple[str, int] | None, answer: Response, body: bytes) -> None:
    """A party took the newcomer's description, or the call ends; when it now wants its media elsewhere than the newcomer was told
    (`offered`), that one is told.
    """
    if answer.status >= 300:
        call.hang_up(of_status(answer.status), comment="a party did not take the new description")
    elif new.unacked is not None:
        new.acknowledge((("Content-Type", media.SDP_TYPE),) if body else (), body)
    elif body and offered != place_of(answer.body):
        Reoffer(new, body, lambda response: None).send()
