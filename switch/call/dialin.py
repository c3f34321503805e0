"""Access numbers: who calls one says by PIN who pays, and dials a number (guide 2126, 2190-2215, 6615-6630).

1. We answer; that call is its caller's, and free. A caller that is one of our subscribers, by its phone or by the number it calls
   from, is asked for no PIN; with `anumberhandling` only nobody is, and strangers are refused.
2. "pin" is played, and digits are taken until # or a pause (`dtmfdigittimeout`). Wrong ones are counted (`pins.Guesses`); after
   `dialintries` in one call it is hung up.
3. "number" is played, digits are taken likewise, and the number is called for the account and its money, in a call of its own.
4. Nobody answers: a notice, and another number may be dialled.
Until somebody answers the caller hears a ringing tone. It goes on with the description that it has of us, so the called party
is offered no other codec.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from switch.call import dtmf, media, ourselves, pins
from switch.call.alarms import Alarm
from switch.call.board import new_call_id
from switch.call.causes import NORMAL, NOT_AUTHORISED, of_status
from switch.call.model import Target
from switch.call.onward import Onward
from switch.call.playing import Playing, speech_of
from switch.call.stages.identify import KNOWN
from switch.sip.codecs import telephone_event
from switch.sip.message import Request
from switch.sip.sdp import Sdp

if TYPE_CHECKING:
    from switch.call.branch import Branch
    from switch.call.call import Call
    from switch.call.causes import Cause
    from switch.call.leg import Leg
    from switch.call.model import Caller, CallRequest
    from switch.call.reliable import Owed
    from switch.call.sound import Sound
    from switch.sip.message import Response
    from switch.sip.server import ServerTransaction

log = logging.getLogger("switch.call")

FIRST = 15.0
"""Seconds from the end of a prompt to the first digit."""
LONGEST = 40
"""Digits that are taken."""


def begin(call: Call, target: Target) -> None:
    """The call is for an access number."""
    account = call.account if call.account.kind in KNOWN else None
    if account is None and call.board.world().settings.anumberhandling == "only":
        call.refuse(
            NOT_AUTHORISED,
            comment="nobody is known by that number, and no PIN is asked for (anumberhandling)",
        )
        return
    if not media.has_sdp(call.invite) or not ourselves.open_sound(call):
        if call.state != "over":
            call.refuse(of_status(488), comment="who calls an access number must offer G.711")
        return
    body = ourselves.description(call, call.invite)
    if body is None:
        call.refuse(of_status(488), comment="who calls an access number must offer G.711 without SRTP")
        return
    call.reached = target
    if ourselves.answer(call, body):
        DialIn(call, account).ask()


class DialIn:
    """The conversation with one caller, until it is connected."""

    __slots__ = ("_alarm", "_digits", "_listening", "_playing", "_tries", "account", "call", "guest")

    def __init__(self, call: Call, account: Caller | None) -> None:
        self.call, self.account = call, account
        self.guest: DialledOn | None = None
        self._digits = ""
        self._tries = 0
        self._alarm = Alarm(self._silence)
        self._playing: Playing | None = None
        assert call.sound is not None
        call.sound.guest = self
        self._listening: Callable[[], None] = dtmf.listen(call, call.caller, self.pressed)

    def ask(self) -> None:
        """For a PIN while nobody is known, else for a number."""
        self._digits = ""
        self._play("pin" if self.account is None else "number", self._wait)

    def _wait(self) -> None:
        self._set(FIRST)

    def _set(self, seconds: float) -> None:
        self.call.board.alarms.set(self._alarm, self.call.board.now + seconds)

    def _play(self, name: str, done: Callable[[], None]) -> None:
        """The prompt; what cannot be heard is over at once."""
        self._still()
        self.call.board.alarms.cancel(self._alarm)
        self._playing = Playing(self.call, self.call.caller, done)
        if not self._playing.start(name):
            done()

    def _still(self) -> None:
        if self._playing is not None:
            self._playing.stop()

    # --- digits -------------------------------------------------------------------------------------------------------------------

    def pressed(self, digit: str) -> None:
        """A digit, # for the end, * to begin anew; not while somebody is called."""
        board = self.call.board
        board.now = board.clock()
        if self.guest is not None or self.call.state != "up" or self._tries >= self._most:
            return
        self._still()
        if digit == "#":
            self._entered()
            return
        self._digits = "" if digit == "*" else (self._digits + digit)[:LONGEST]
        self._set(board.world().settings_of(self.call.account).dtmfdigittimeout)

    def _silence(self) -> None:
        """Nothing more is dialled."""
        if self.call.state == "up" and self.guest is None:
            self._entered()

    def _entered(self) -> None:
        digits, self._digits = self._digits, ""
        self.call.board.alarms.cancel(self._alarm)
        if self.account is not None and digits:
            self._dial(self.account, digits)
            return
        if self.account is None and digits:
            self.account = self._known(digits)
        if self.account is not None and digits:
            self._tries = 0
            self.ask()
        else:
            self._again()

    def _known(self, digits: str) -> Caller | None:
        call, board = self.call, self.call.board
        found = pins.known(board, digits, call.account, call.request, board.world())
        if found is not None:
            log.info("call=%s account=%s calls as %s", call.id, call.account.username, found.username)
        return found

    def _again(self) -> None:
        """What was dialled is nobody's PIN, or led to nobody."""
        self._tries += 1
        if self._tries >= self._most:
            self._play("failed", self._enough)
        else:
            self._play("failed", self.ask)

    @property
    def _most(self) -> int:
        return self.call.board.world().settings.dialintries

    def _enough(self) -> None:
        cause = NOT_AUTHORISED if self.account is None else NORMAL
        self.call.hang_up(cause, comment="the caller had no more tries at the access number")

    # --- the call to the number ---------------------------------------------------------------------------------------------------

    def _dial(self, account: Caller, number: str) -> None:
        """Call the number for the account."""
        self._playing = Playing(self.call, self.call.caller)
        self._playing.start("ring", again=True)
        self.guest = DialledOn(self, account, number)
        self.guest.begin()

    def failed(self, _guest: Onward, cause: Cause, status: int) -> None:
        """Nobody answered, or the account may not call there."""
        self.guest = None
        if self.call.state == "up":
            log.info("call=%s dialled on in vain: %s %s", self.call.id, status, cause.name)
            self._again()

    def connected(self) -> None:
        """Somebody answered: the two hear each other."""
        self.leave()
        if self.call.sound is not None:
            self.call.sound.guest = None
        media.watch(self.call)

    # --- what others tell ---------------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """It is over, or there is nothing more to ask."""
        self._still()
        self._listening()
        self._listening = _nothing
        self.call.board.alarms.end(self._alarm)

    def asked(self, leg: Leg, tx: ServerTransaction, request: Request) -> None:
        """A request of the caller while it is alone with us."""
        ourselves.asked(self.call, leg, tx, request)


def _nothing() -> None:
    pass


class DialledOn(Onward):
    """The account's call to the number, over the ports that the caller knows."""

    own_relay = True
    __slots__ = ("by",)

    def __init__(self, by: DialIn, account: Caller, number: str) -> None:
        self.by = by
        whole = by.call
        super().__init__(whole, account, _request(whole, number), by.failed, invite=_offer(whole))

    @property
    def sound(self) -> Sound | None:
        return self.whole.sound if self.state != "over" else None

    @sound.setter
    def sound(self, planned: Sound | None) -> None:
        if planned is None or planned is self.whole.sound:
            return
        before = self.whole.sound
        if (
            before is not None and planned.session is not None
        ):  # the caller goes on with what it has, and hears our tone
            planned.sides[0].events = before.sides[0].events
            planned.listeners, planned.guest = before.listeners, self.by
            planned.session.let(False, False)
        self.whole.sound = planned

    def progress(self, response: Response, branch: Branch, owed: Owed | None = None) -> bool:
        if self.state in {"trying", "ringing"}:
            self.state = "ringing"
            if self.ringing_at is None and response.status in {180, 183}:
                self.ringing_at = self.wall_now()
        return False

    def answer(self, branch: Branch, response: Response) -> None:
        whole = self.whole
        media.passed(whole, response, branch)
        if not self.taken(branch, response):
            return
        branch.call, whole.called = whole, branch
        if media.has_sdp(response):
            branch.theirs = response.body
        self.by.connected()


def _request(whole: Call, number: str) -> CallRequest:
    return replace(
        whole.request, call_id=new_call_id(whole.wall_now()), received_at=whole.wall_now(), called=number, original="",
        max_forwards=whole.request.max_forwards - 1, digest_username="", dialled=False, diversions=(), from_display="",
        shown_number="", trunk=0, steps=(),
    )  # fmt: skip


def _offer(whole: Call) -> Request:
    """What the caller has agreed with us, as its offer."""
    named = [one for one in whole.invite.headers if one[0] in {"From", "Call-ID", "CSeq"}]
    return Request("INVITE", "sip:dialled", [*named, ("Content-Type", media.SDP_TYPE)], _agreed(whole.caller))


def _agreed(caller: Leg) -> bytes:
    """Its description, with the one codec that we speak with it."""
    offered = Sdp.parse(caller.described)
    for stream in offered.media:
        if stream is offered.audio:
            digits = telephone_event(stream)
            own = [str(speech_of(caller.described)), *([] if digits is None else [str(digits)])]
            stream.set_formats(own)
        else:
            stream.refuse()
    return offered.encode()
