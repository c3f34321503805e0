"""A call that was answered and then breaks goes on by another carrier, while its caller waits (`rerouteconnected`, guide 3516).

1. The carrier's leg breaks: a BYE that names a failure (RFC 3326), no answer (408, 481) to what is asked in its dialog, a session that it
   no longer refreshes, or nothing heard of its side while the caller is heard. Which of that counts say `rerouteon` and its lists.
2. The call ends as it would, for money and record. The caller's dialog passes to a second call of the same caller to the same number,
   with its own decision, holds, clock and record, as when somebody forwards a call (`onward`).
3. That one tries the carriers that were not tried yet, as many as `maxreroute` left. The caller hears nothing meanwhile.
4. A carrier answers: the caller gets its description by re-INVITE. Nobody does, or the money is not there: the caller is hung up.
Calls that somebody forwarded, transferred or joined are not for the caller alone to move, and end.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from switch.call import dial, inbound, lookups, media, money, rerouting, session_timer
from switch.call.alarms import Alarm
from switch.call.board import new_call_id
from switch.call.branch import Branch
from switch.call.call import OVER, RINGING, TRYING, UP, Call
from switch.call.causes import (
    CARRIERS_FAILED,
    LOW_BALANCE,
    NO_MONEY,
    NO_RESPONSE,
    Q850_OF_STATUS,
    REROUTED,
)
from switch.call.model import Rejection
from switch.call.offers import Origin, awake, place_of
from switch.call.parties import introduce, settled
from switch.call.pipeline import decide
from switch.call.reasons import SIP, understood
from switch.call.record import told
from switch.sip.message import Request

if TYPE_CHECKING:
    from typing import Any

    from switch.call.causes import Cause
    from switch.call.leg import Leg
    from switch.call.model import Decision
    from switch.call.reliable import Owed
    from switch.call.sound import Sound
    from switch.sip.message import Header, Response

log = logging.getLogger("switch.call")

SETTLING, TRIES = 0.5, 4
"""Seconds after which what was held for the first call can be spent on the second, for the writer has settled it by then; when it is busy,
so many times.
"""
LOOK = 1.0
"""Seconds between two looks at whether the carrier's side is heard."""
_POOR = frozenset((NO_MONEY.name, LOW_BALANCE.name))
_OFF = frozenset(("no", "auto"))
_OF_Q850 = {
    27: 502,
    34: 503,
    38: 503,
    41: 503,
    42: 503,
    47: 503,
    58: 503,
    79: 501,
    88: 503,
    102: 504,
    111: 500,
}
"""Causes of a release that speak of a network in trouble, as statuses (RFC 3398 §7.2.4.1)."""
_OF_THE_FIRST = frozenset(
    ("supported", "require", "session-expires", "min-se", "content-type", "content-length")
)
"""Headers of the caller's INVITE that were agreed upon with the first carrier."""


class Past(NamedTuple):
    """What the conversation has had before. `left`: carriers that may still be tried."""

    started: float
    talked: float
    tried: frozenset[object]
    left: int
    held: bool


def hung_up(call: Call, leg: Leg, cause: Cause, reason: str) -> bool:
    """Whether the call goes on although the party has hung up, or its dialog is no more; `reason`: as it told."""
    if leg is not call.called or _wanted(call) in _OFF:
        return False
    return after(call, leg, status_of(cause, reason), f"the carrier broke off: {reason or cause.text}")


def status_of(cause: Cause, reason: str) -> int:
    """What the end of a leg amounts to, as a status of `reroutedisccodes`: 408 or a 5xx; 0: it was hung up properly."""
    if cause.name == NO_RESPONSE.name:
        return NO_RESPONSE.status
    named = (one.cause if one.protocol == SIP else _OF_Q850.get(one.cause, 0) for one in understood([reason]))
    return next((one for one in named if one == NO_RESPONSE.status or 500 <= one < 600), 0)


def possible(call: Call, leg: Leg, status: int) -> bool:
    """Whether the call goes on when this leg breaks with such a status."""
    if call.state != UP or leg is not call.called or not isinstance(leg, Branch) or call.decision is None:
        return False
    board, wanted = call.board, _wanted(call)
    if wanted in _OFF or leg.target.kind != "carrier" or not _plain(call, leg) or not _left(call):
        return False
    if board.draining or not board.spool.healthy:
        return False
    carrier = board.world().settings_of(leg.target.account)
    if status not in rerouting.refined(call.decision.failover_statuses, carrier):
        return False
    if wanted == "half":
        return _unheard(call)
    return wanted == "yes" or _past(call, call.wall_now()).talked <= int(wanted)


def _wanted(call: Call) -> str:
    return call.board.world().settings_of(call.account).rerouteconnected


def _plain(call: Call, leg: Branch) -> bool:
    """Whether nobody but the caller and the carrier has a part in it, or is about to, and the caller has its answer."""
    alone = call.transfer is None and not call.asides and all(one.state == OVER for one in call.guests)
    sound = call.sound
    joined = sound is not None and (sound.conference is not None or sound.before is not None)
    return alone and not joined and call.tx.answered and leg.unacked is None and bool(call.caller.described)


def _left(call: Call) -> int:
    """How many carriers were not tried yet, of those that `maxreroute` allows."""
    targets = call.decision.targets if call.decision is not None else []
    return sum(one.kind == "carrier" for one in targets[call.place :])


def _unheard(call: Call) -> bool:
    """Whether nothing has been heard of the carrier's side since its answer; of media that does not pass us nobody knows."""
    sound = call.sound
    if sound is None or sound.session is None:
        return sound is not None and sound.measured.called is not None and sound.measured.rtp[1] == 0
    last = [one.stream.last_packet for _, one in sound.session.streams]
    return all(one is None or one < call.answered_at for one in last)


def packets(sound: Sound) -> tuple[int, int]:
    """RTP packets of the caller and of the called, as far as known."""
    if sound.session is None:
        return sound.measured.rtp[:2]
    streams = sound.session.streams
    return sum(one.report().packets for one, _ in streams), sum(one.report().packets for _, one in streams)


def _past(call: Call, until: float) -> Past:
    before = call.past if isinstance(call, Rescue) else Past(call.started, 0.0, frozenset(), 0, False)
    talked = until - (call.answered if call.answered is not None else until)
    tried = {carrier for carrier, *_ in call.attempts}
    held = bool(call.granted or call.free or call.packet)
    return Past(before.started, before.talked + talked, before.tried | tried, _left(call), held)


def after(call: Call, leg: Leg, status: int, why: str, *, ended: float | None = None) -> bool:
    """Whether the call goes on now that a leg of it has broken, as the status says. `ended`: when that was, if earlier than now."""
    if not status or not possible(call, leg, status):
        return False
    cause = REROUTED._replace(q850=Q850_OF_STATUS.get(status, REROUTED.q850))
    reason = f'Q.850;cause={cause.q850};text="{cause.text}"'
    by = "switch" if leg.keys else "called"
    made = Rescue(call, _past(call, call.wall_now() if ended is None else ended), why)
    leg.hang_up(reason)
    log.info("call=%s account=%s goes on as call=%s: %s", call.id, call.account.username, made.id, why)
    call.over(cause, by=by, status=200, comment=f"{why}; it goes on as {made.id}", ended=ended)
    made.begin()
    return True


class Rescue(Call):
    """The second call, in the dialog of the first one's caller."""

    __slots__ = ("before", "past", "tries", "why")

    def __init__(self, first: Call, past: Past, why: str) -> None:
        self.before, self.past, self.why = first.id, past, why
        self.tries = TRIES if past.held else 1
        now = first.wall_now()
        request = replace(first.request, call_id=new_call_id(now), received_at=now)
        super().__init__(
            first.board, request, first.account, first.tx, _invite(first), phone=first.caller.phone
        )
        self.caller, first.caller = first.caller, self.caller
        self.caller.call = self
        self.extra, self.diverted, self.verdict = first.extra, first.diverted, first.verdict
        if first.timers == session_timer.OURS:
            self.timers = first.timers
        else:
            self._no_timer()
        if self.caller.serving is not None:  # what it asked the first carrier nobody answers any more
            self.caller.serving.reply(491, self.board.now)
            self.caller.serving = None
        if self.longest is not None:
            absolute = self.board.world().settings_of(self.account).absolutetimeout
            self.board.alarms.set(self.longest, self.board.now + max(0.0, past.started + absolute - now))

    def enter_line(self) -> None:
        """Its caller's INVITE was answered long ago; of its transaction only the ACK may still be expected."""
        self.in_line = True
        self.board.usage.take_line(self.account.id)
        if self.tx.context is not None:
            self.tx.context = self

    def _no_timer(self) -> None:
        """What the caller had agreed with the first carrier about the session's refreshes is no more."""
        if self.caller.timer is not None:
            self.caller.timer.stop()
            self.caller.timer = None

    # --- the other carrier ------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Decide, set money aside, dial; when money was set aside for the first call, as soon as that has been settled."""
        if self.past.held:
            self._settling()
        else:
            self._decide()

    def _settling(self) -> None:
        self.board.alarms.set(Alarm(self._decide), self.board.now + SETTLING)

    def _decide(self) -> None:
        if self.state != TRYING:
            return
        self.tries -= 1
        board, world = self.board, self.board.world()
        usage: Any = lookups.Without(board.usage, self.account.path)
        outcome = decide(self.request, self.account, world, self.started, usage)
        self.world_version = world.version
        lookups.wait(self, self.request, self.account, outcome, self.decided)

    def decided(self, outcome: Decision | Rejection) -> None:
        """All that had to be asked is known: only carriers that were not tried yet are, and all calls together last no longer than one."""
        if isinstance(outcome, Rejection):
            self.refuse(outcome.cause, comment=told(outcome.detail, outcome.trace))
            return
        past = self.past
        untried = [
            one for one in outcome.targets if one.kind == "carrier" and one.account.id not in past.tried
        ]
        outcome.targets = untried[: past.left]
        if outcome.max_seconds:
            outcome.max_seconds = max(1, outcome.max_seconds - int(past.talked))
        self.decision = outcome
        if not outcome.targets:
            self.refuse(CARRIERS_FAILED, comment="no other carrier can take it now")
            return
        self.board.live.changed(self)
        inbound.ask_others(self, self.board.world(), partial(money.first, self, dial.begin))

    def progress(self, response: Response, branch: Branch, owed: Owed | None = None) -> bool:
        """The caller's INVITE was answered: there is nothing more to tell it before this is."""
        if self.state not in {TRYING, RINGING}:
            return False
        if self.ringing_at is None and response.status in {180, 183}:
            self.ringing_at = self.wall_now()
        if self.state == TRYING:
            self.state = RINGING
            self.board.live.changed(self)
        return False

    def answer(self, branch: Branch, response: Response) -> None:
        """The caller gets the description of the other carrier's side."""
        if not media.has_sdp(response):
            raise media.BadSdp("it describes nothing")
        media.passed(self, response, branch)
        if not self.taken(branch, response):
            return
        caller = self.caller
        branch.theirs = response.body
        if self.timers == session_timer.OURS:
            session_timer.answered(self, branch, response)
        else:
            self._no_timer()
        if caller.origin is None:
            caller.origin = Origin(caller.shown)
        introduce(
            self, branch, caller, response.body, partial(self._told, branch, place_of(caller.described))
        )
        media.watch(self)
        self.board.live.changed(self)

    def _told(self, branch: Branch, offered: tuple[str, int] | None, answer: Response, body: bytes) -> None:
        if answer.status < 300 and answer.body:
            self.caller.theirs = answer.body
        settled(self, branch, offered, answer, body)

    # --- the end ----------------------------------------------------------------------------------------------------------------

    def refuse(
        self,
        cause: Cause,
        *,
        status: int = 0,
        by: str = "switch",
        comment: str = "",
        extra: tuple[Header, ...] = (),
        play: str = "",
    ) -> None:
        """Nobody took it: the caller is hung up, unless it has hung up."""
        if self.tries and cause.name in _POOR:
            self._settling()
            return
        if by == "caller":
            self.caller.leave()
        else:
            self.caller.hang_up(f'Q.850;cause={cause.q850};text="{cause.text}"')
        self.over(cause, by=by, status=status or cause.status, comment=comment)

    def over(
        self, cause: Cause, *, by: str, status: int, comment: str = "", ended: float | None = None
    ) -> None:
        """Its record names the call that it goes on from."""
        before = f"goes on from {self.before}: {self.why}"
        comment = f"{before} | {comment}" if comment else before
        super().over(cause, by=by, status=status, comment=comment, ended=ended)


def _invite(first: Call) -> Request:
    """What the caller would ask for now: as it did, with the description that holds."""
    caller, before = first.caller, first.invite
    headers = [one for one in before.headers if one[0].lower() not in _OF_THE_FIRST]
    body = awake(caller.theirs or caller.described)
    return Request("INVITE", before.uri, [*headers, ("Content-Type", media.SDP_TYPE)], body)


# --- is the carrier's side heard ------------------------------------------------------------------------------------------------


def listen(call: Call) -> None:
    """From the answer on: of a call that may go on, and whose media passes us, whether the carrier's side is heard."""
    sound, leg = call.sound, call.called
    if sound is None or leg is None or leg.target.kind != "carrier" or _wanted(call) in _OFF:
        return
    if sound.session is not None or sound.ng is not None:
        Ear(call, sound, leg).wait()


class Ear:
    """Looks every second. Only the carrier's silence counts while the caller is heard and nobody is on hold; when nobody is heard at all,
    the call is ended as ever (`Call.silent`).
    """

    __slots__ = ("alarm", "call", "counted", "leg", "since", "sound")

    def __init__(self, call: Call, sound: Sound, leg: Branch) -> None:
        self.call, self.sound, self.leg = call, sound, leg
        self.counted = packets(sound)
        self.since = call.board.now
        self.alarm = Alarm(self._look)

    def wait(self) -> None:
        self.call.board.alarms.set(self.alarm, self.call.board.now + LOOK)

    def _look(self) -> None:
        call, sound = self.call, self.sound
        if call.state != UP or call.sound is not sound or call.called is not self.leg:
            return
        before, self.counted = self.counted, packets(sound)
        if self.counted[1] != before[1] or any(side.held for side in sound.sides):
            self.since = call.board.now
        elif self.counted[0] != before[0] and self._too_long():
            return
        self.wait()

    def _too_long(self) -> bool:
        """Whether the call has gone on without this leg, which was silent for as long as the settings allow."""
        call = self.call
        settings = call.board.world().settings_of(call.account)
        most = settings.rtp_start_timeout_seconds if _unheard(call) else settings.rtp_timeout_seconds
        quiet = call.board.now - self.since
        if not most or quiet < most:
            return False
        why = f"nothing was heard of the carrier's side for {int(quiet)} s"
        return after(call, self.leg, NO_RESPONSE.status, why)
