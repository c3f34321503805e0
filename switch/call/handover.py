"""Transfers that a phone asks for by digits, in the call itself (guide 6155-6171, 6264-6295, 14039-14050).

1. `*9*number#` connects the other party, R, to the number; `*8*number#` lets the phone, T, talk with it first. `digits` has heard them.
2. R waits and hears what `playtransfertone` says, T too until somebody answers. X is called for T's account and money, in a call of its own.
3. X answers: R and X are connected and T is let go; or (`*8*`, or 1 pressed meanwhile) T talks with X.
4. Then T presses 1 to talk with X, 3 to talk with R, 2 to hang up X and have R back; T hangs up, and R and X are connected.
5. Nobody answers: T hears a notice, and has R back.
T hears one of two conversations, R's or X's; who is not heard waits with music.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from switch.call import hold, media
from switch.call.board import new_call_id
from switch.call.branch import Branch
from switch.call.causes import NORMAL, of_status
from switch.call.identity import escaped
from switch.call.offers import Origin, Reoffer, awake, on_hold
from switch.call.onward import Apart
from switch.call.parties import introduce, take_place
from switch.call.playing import Playing
from switch.call.sound import CALLED, CALLER
from switch.sip.message import Request
from switch.sip.sdp import BadSdp

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.call import Call
    from switch.call.causes import Cause
    from switch.call.leg import Leg
    from switch.call.model import Caller, CallRequest
    from switch.call.onward import Onward
    from switch.call.reliable import Owed
    from switch.sip.message import Header, Response

CALLING, WITH_NEW, WITH_OLD, OVER = "calling", "with new", "with old", "over"


class Consulted(Apart):
    """T's call to X. Until the two others are connected it ends without ending theirs."""

    __slots__ = ("by", "connected")
    by: Handover
    connected: bool

    def told(self, own: str) -> tuple[Header, ...]:
        return (("Referred-By", f"<sip:{escaped(self.account.username)}@{own}>"),)

    def progress(self, response: Response, branch: Branch, owed: Owed | None = None) -> bool:
        self.state = "ringing"
        if self.ringing_at is None and response.status in {180, 183}:
            self.ringing_at = self.wall_now()
        return False

    def answer(self, branch: Branch, response: Response) -> None:
        if self.taken(branch, response):
            self.by.answered(branch, response)

    def hung_up(self, leg: Leg, cause: Cause, *, reason: str = "") -> None:
        """X is gone."""
        leg.leave()
        self.over(cause, by="called", status=200)
        self.by.alone()

    def hang_up(self, cause: Cause, *, comment: str = "", ended: float | None = None) -> None:
        if self.state != "up" or self.connected:
            super().hang_up(cause, comment=comment, ended=ended)
            return
        if self.called is not None:
            self.called.hang_up(f'Q.850;cause={cause.q850};text="{cause.text}"')
        self.over(cause, by="switch", status=cause.status, comment=comment, ended=ended)
        self.by.alone()


class Line:
    """T's conversation with one party: R's in the call, X's in the guest. T takes part in one at a time, the other party waits."""

    __slots__ = ("call", "other", "playing", "t", "waits")

    def __init__(self, call: Call, t: Leg, other: Leg) -> None:
        self.call, self.t, self.other = call, t, other
        self.playing: Playing | None = None
        self.waits = False

    def wait(self, tone: str) -> None:
        """The party waits: with music over our relay without being asked, else as it is put on hold by others."""
        sound = self.call.sound
        if self.waits or sound is None:
            return
        self.waits = True
        if sound.session is not None:
            sound.session.held = True
            self.playing = Playing(self.call, self.other)
            self.playing.start(tone, again=True)
        else:
            self._tell_other(on_hold)

    def back(self) -> None:
        """It waits no more."""
        sound = self.call.sound
        if not self.waits or self.call.state != "up" or sound is None:
            return
        self.waits = False
        if sound.session is not None:
            sound.session.held = False
            self.still()
        else:
            self._tell_other(awake)

    def still(self) -> None:
        if self.playing is not None:
            self.playing.stop()

    def leave(self) -> None:
        """T hears nothing here any more."""
        self._away(frozenset((CALLER if self.t.is_caller else CALLED,)))

    def enter(self, took: Callable[[Response, bytes], None]) -> None:
        """T gets the party's description, and hears it."""
        self.open()
        introduce(self.call, self.other, self.t, awake(self.other.described), took)

    def open(self) -> None:
        """Whoever has T's place hears the party."""
        self._away(frozenset())

    def _away(self, who: frozenset[int]) -> None:
        if self.call.sound is not None:
            self.call.sound.away = who
            self.call.sound.mute(True)

    def _tell_other(self, how: Callable[[bytes], bytes]) -> None:
        try:
            introduce(self.call, self.t, self.other, how(self.t.described), lambda _answer, _body: None)
        except BadSdp:
            return


class Handover:
    """One transfer by digits. `call.transfer` while it lasts."""

    __slots__ = (
        "account",
        "call",
        "consults",
        "guest",
        "left",
        "leg",
        "new",
        "number",
        "old",
        "state",
        "tone",
    )

    def __init__(
        self, call: Call, leg: Leg, other: Leg, account: Caller, number: str, *, consults: bool
    ) -> None:
        self.call, self.leg = call, leg
        self.account, self.number, self.consults = account, number, consults
        self.old = Line(call, leg, other)
        self.new: Line | None = None
        self.guest: Consulted | None = None
        self.tone: Playing | None = None
        self.state = CALLING
        self.left = False

    def begin(self) -> None:
        """Let R wait, and call X."""
        call = self.call
        call.transfer = self
        if self.leg.origin is None:
            self.leg.origin = Origin(self.old.other.described)
        self.old.wait(self._name())
        self._tone(self._name())
        guest = self.guest = Consulted(
            call, self.account, self._request(), self._failed, invite=self._offer(), source=self.leg
        )
        guest.by, guest.connected = self, False
        guest.asks_as_caller = not self.leg.is_caller
        guest.begin()

    def _request(self) -> CallRequest:
        call, decision = self.call, self.call.decision
        assert decision is not None
        shown = decision.called if self.leg.is_caller else decision.caller_number
        return replace(
            call.request, call_id=new_call_id(call.wall_now()), received_at=call.wall_now(), called=self.number,
            max_forwards=call.request.max_forwards - 1, digest_username="", dialled=False, diversions=(), from_display="",
            shown_number="" if self.consults else shown,
        )  # fmt: skip

    def _offer(self) -> Request:
        """What T would offer, if it called X on another line."""
        named = [one for one in self.call.invite.headers if one[0] in {"From", "Call-ID", "CSeq"}]
        return Request(
            "INVITE",
            "sip:transfer",
            [*named, ("Content-Type", media.SDP_TYPE)],
            awake(self.leg.described),
        )

    def _name(self) -> str:
        return hold.recording(self.call, self.leg)

    def _tone(self, name: str, done: Callable[[], None] | None = None) -> None:
        """T hears how it stands."""
        self._still()
        self.tone = Playing(self.call, self.leg, done)
        if not self.tone.start(name, again=done is None) and done is not None:
            done()

    def _still(self) -> None:
        if self.tone is not None:
            self.tone.stop()

    # --- X ----------------------------------------------------------------------------------------------------------------------

    def answered(self, branch: Branch, response: Response) -> None:
        """X is there: T talks with it, or R does."""
        assert self.guest is not None
        self._still()
        branch.described = response.body
        self.new = Line(self.guest, self.leg, branch)
        if self.left or not self.consults:
            self._connect(branch)
        else:
            self.call.asides = (*self.call.asides, branch)  # hung up with the call at the latest
            self._talk_with_new()

    def _failed(self, _guest: Onward, cause: Cause, status: int) -> None:
        """X did not answer: R is told why when T has left, else T is."""
        if self.state == OVER:
            return
        if self.left:
            self._end()
            self.call.hang_up(cause, comment=f"the transfer failed with {status}")
            return
        settings = self.call.board.world().settings_of(self.account)
        self.state = OVER  # no digit changes anything any more
        self._tone("failed" if settings.playtransfertone != "nothing" else "", self._regained)

    def _regained(self) -> None:
        """T and R hear each other again, and another transfer may begin."""
        self.old.back()
        self._end()

    def alone(self) -> None:
        """X has gone before R and X were connected: T has R back."""
        if self.state == WITH_NEW:
            self.old.enter(self._took)
        self._regained()

    def _end(self) -> None:
        self.state = OVER
        self._still()
        self.old.still()
        if self.call.transfer is self:
            self.call.transfer = None

    # --- T's digits -------------------------------------------------------------------------------------------------------------

    def pressed(self, digit: str) -> None:
        """1, 2 or 3 while it lasts."""
        if self.state == CALLING and digit == "1":
            self.consults = True
        elif self.state == CALLING and digit == "2":
            self._give_up()
        elif self.state == WITH_NEW and digit == "3":
            self._talk_with_old()
        elif self.state == WITH_OLD and digit == "1":
            self._talk_with_new()
        elif self.state in {WITH_NEW, WITH_OLD} and digit == "2" and self.guest is not None:
            self.guest.hang_up(NORMAL, comment="who transferred went back to the other party")

    def _give_up(self) -> None:
        assert self.guest is not None
        self.state = OVER
        self.guest.give_up("the transfer was given up")
        self._regained()

    def _talk_with_new(self) -> None:
        assert self.new is not None
        self.state = WITH_NEW
        self.old.wait(self._name())
        self.old.leave()
        self.new.back()
        self.new.enter(self._took_new)

    def _talk_with_old(self) -> None:
        assert self.new is not None
        self.state = WITH_OLD
        self.new.wait(self._name())
        self.new.leave()
        self.old.back()
        self.old.enter(self._took)

    def _took_new(self, answer: Response, body: bytes) -> None:
        self._took(answer, body)
        if answer.status < 300 and self.guest is not None and self.guest.state == "up":
            media.watch(self.guest)  # and to T's digits

    def _took(self, answer: Response, _body: bytes) -> None:
        if answer.status >= 300 and self.call.state == "up":
            self.call.hang_up(of_status(answer.status), comment="a party did not take the new description")

    # --- R and X ----------------------------------------------------------------------------------------------------------------

    def gone(self) -> None:
        """T has hung up: R and X are connected, as soon as X is there; after a failure the call is over."""
        if self.state == OVER:
            self._end()
            self.call.hung_up(self.leg, NORMAL)
            return
        self._still()
        self.left = True
        self.leg.aside = True
        self.leg.leave()
        if self.new is not None and isinstance(self.new.other, Branch):
            self._connect(self.new.other)

    def _connect(self, new: Branch) -> None:
        """X takes T's place in the conversation with R."""
        call, leg, other, guest = self.call, self.leg, self.old.other, self.guest
        assert guest is not None
        self._end()
        self.old.open()
        for one in (other, new):
            if one.origin is None:
                one.origin = Origin(leg.described)
        guest.connected = True
        media.leave(guest)
        call.asides = tuple(one for one in call.asides if one is not new)
        new.is_caller = leg.is_caller
        take_place(call, leg, new)
        media.renew(call, new)
        introduce(call, other, new, awake(other.described), partial(self._connected, new))
        if not self.left:
            self.left = True
            leg.hang_up()

    def _connected(self, new: Branch, answer: Response, body: bytes) -> None:
        """X took R's description: R gets X's."""
        call = self.call
        if answer.status >= 300 or not body:
            call.hang_up(
                of_status(max(answer.status, 400)), comment="a party did not take the new description"
            )
            return
        media.agreed(call, new)
        Reoffer(self.old.other, body, lambda taken: self._took(taken, b"")).send()
