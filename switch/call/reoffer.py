"""A call goes on at another rtpengine when its own has died.

1. The caller's last SDP is offered to another node, and what that makes of it by re-INVITE to the called.
2. The called's answer is given to the node, and what that makes of it goes to the caller by re-INVITE.
3. Who does not take a re-INVITE, or when no node is left: the call is ended, for nobody hears anything.
A party that is just asking something itself is asked a moment later.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from switch.call import recording
from switch.call.alarms import Alarm
from switch.call.asked import Asked, free
from switch.call.causes import MEDIA_TIMEOUT
from switch.call.engine import SDP_TYPE, fields_of
from switch.sip.sdp import BadSdp, Sdp

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.media.rtpengine import Node
    from switch.sip.message import Header, Response

log = logging.getLogger("switch.call")

LATER = 1.0
TRIES = 10
_TYPE: Header = ("Content-Type", SDP_TYPE)


def node_down(board: Board, node: Node) -> None:
    """Every call that it carried goes to another."""
    board.now = board.clock()
    for call in list(board.calls.values()):
        ng = call.sound.ng if call.sound is not None else None
        if call.state == "up" and ng is not None and ng.node == node:
            Move(call).begin()


class Move:
    """One call on its way."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.tries = 0
        self.alarm = Alarm(self.begin)

    def begin(self, *, leave: bool = True) -> None:
        """Now, or as soon as both parties can be asked. `leave`: the call is still with its old node."""
        call = self.call
        sound, called = call.sound, call.called
        if call.state != "up" or sound is None or sound.ng is None or called is None:
            return
        if not (free(call.caller) and free(called)) or sound.waiting:
            self._later()
            return
        own = sound.ng.last_of_caller
        if own is None or (leave and not sound.ng.leave()):
            self._fail("no rtpengine is left")
            return
        log.warning(
            "call=%s goes on at rtpengine %s port %s", call.id, sound.ng.node.host, sound.ng.node.port
        )
        sdp = Sdp.parse(own.sdp)
        fields = fields_of(call, sound, sdp, call.caller, offer=True)
        sound.ng.offer(own.sdp, True, fields, partial(self._ask, called, self._called_answered))

    def _later(self) -> None:
        self.tries += 1
        if self.tries > TRIES:
            self._fail("the parties cannot be asked for another rtpengine")
            return
        self.call.board.alarms.set(self.alarm, self.call.board.now + LATER)

    def _ask(self, leg: Leg, answered: object, body: bytes | None, why: str) -> None:
        """A re-INVITE with what the node has made of the other party's SDP."""
        call = self.call
        call.board.now = call.board.clock()
        if call.state != "up":
            return
        if body is None or not free(leg):
            self._fail(why or "a party asks something itself")
            return
        leg.shown = newer(body)
        Asked(leg, "INVITE", (_TYPE,), leg.shown, answered).send()  # type: ignore[arg-type]

    def _called_answered(self, response: Response | None) -> None:
        call, called = self.call, self.call.called
        if response is None or response.status >= 300 or called is None:
            self._fail("the called does not take another rtpengine")
            return
        sound = call.sound
        assert sound is not None and sound.ng is not None
        try:
            sdp = Sdp.parse(response.body)
        except BadSdp as error:
            self._fail(str(error))
            return
        fields = fields_of(call, sound, sdp, called, offer=False)
        told = partial(self._ask, call.caller, self._caller_answered)
        sound.ng.answer(response.body, False, fields, told)

    def _caller_answered(self, response: Response | None) -> None:
        if response is None or response.status >= 300:
            self._fail("the caller does not take another rtpengine")
            return
        recording.moved(self.call)

    def _fail(self, why: str) -> None:
        self.call.hang_up(MEDIA_TIMEOUT, comment=f"rtpengine died: {why}")


def newer(body: bytes) -> bytes:
    """The SDP with a higher version in o=: what comes from another node is a changed one (RFC 3264 §8)."""
    sdp = Sdp.parse(body)
    fields = (sdp.session.first("o=") or "").split()
    if len(fields) == 6 and fields[2].isdecimal():
        fields[2] = str(int(fields[2][:18]) + 1)
        sdp.session.replace("o=", "o=" + " ".join(fields))
    return sdp.encode()
