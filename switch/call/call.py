"""One call: its legs, its money, its clock and its end. What it does with each target is in `dial`, inside its dialogs in `bridge`.

The caller sees one To tag in all our answers: targets that fail, and phones that ring beside each other, stay hidden.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from switch.call import (
    early,
    habit,
    history,
    identity,
    media,
    money,
    quality,
    record,
    reliable,
    session_timer,
)
from switch.call.abilities import ALLOW
from switch.call.alarms import Alarm
from switch.call.causes import (
    BALANCE_USED_UP,
    CANCELLED,
    MEDIA_TIMEOUT,
    NO_PRICE,
    NO_RESPONSE,
    OPERATOR_HANGUP,
    ORDINARY,
    SESSION_EXPIRED,
    SHUTDOWN,
    TOO_LONG,
    Cause,
)
from switch.call.headers import along
from switch.call.leg import Leg
from switch.call.measured import Measured
from switch.call.reasons import changed
from switch.charging.spool import SpoolFull
from switch.sip.dialog import Dialog
from switch.sip.message import Header, Request, Response
from switch.sip.server import InviteServerTransaction

if TYPE_CHECKING:
    from switch.call.announce import Announcement
    from switch.call.board import Board
    from switch.call.branch import Branch
    from switch.call.farewell import Farewell
    from switch.call.handover import Handover
    from switch.call.model import Caller, CallRequest, Decision, Target
    from switch.call.sound import Sound
    from switch.call.transfer import Transfer
    from switch.media import Silence
    from switch.net import Flow
    from switch.stir.identity import Verdict
    from switch.trunks import outcomes

log = logging.getLogger("switch.call")

TRYING, RINGING, UP, OVER = "trying", "ringing", "up", "over"
UNPRICED = (logging.WARNING, logging.ERROR, logging.CRITICAL)
LINGER = 5.0
"""Seconds after the last transaction of a call can have ended."""


class Call:
    """From the INVITE of a known account to its record.

    `guests`: calls that somebody else makes and pays for within this one, for instance who forwards it (see `onward`).
    They end with it at the latest. `reached`: who the record says was reached when a guest led the call on.
    """

    recorded = True
    """Whether it leaves lines in the journal."""
    can_be_asked = True
    """Whether there is somebody who may be asked for a key."""
    own_relay = False
    """Whether its media can go over our own relay only, because the caller has been told of that already."""

    __slots__ = (
        "account",
        "alarm",
        "announcement",
        "answered",
        "answered_at",
        "asides",
        "asking_money",
        "asks_as_caller",
        "attempts",
        "authorised",
        "board",
        "branches",
        "called",
        "caller",
        "codec",
        "converting",
        "cut",
        "cut_cause",
        "decision",
        "diverted",
        "extra",
        "farewell",
        "free",
        "free_gone",
        "granted",
        "guests",
        "heard",
        "id",
        "in_line",
        "invite",
        "last",
        "limit",
        "longest",
        "loop_key",
        "money_waits",
        "ongoing",
        "packet",
        "place",
        "pressed",
        "privacy",
        "reached",
        "reliable",
        "request",
        "ringing_at",
        "sound",
        "started",
        "state",
        "timers",
        "transfer",
        "tx",
        "verdict",
        "world_version",
    )  # fmt: skip

    def __init__(
        self,
        board: Board,
        request: CallRequest,
        account: Caller,
        tx: InviteServerTransaction,
        invite: Request,
        *,
        phone: bool,
    ) -> None:
        self.board = board
        self.id = request.call_id
        self.request = request
        self.account = account
        self.tx = tx
        self.invite = invite
        self.started = request.received_at
        flow: Flow = tx.flow  # type: ignore[assignment]  # our Net's flow
        self.caller = Leg(board, self, flow, is_caller=True, phone=phone, sips=invite.uri.startswith("sips:"))
        self.caller.rules = rules = board.world().header_rules(account)
        if rules is not None:
            tx.polish = partial(rules.said, place=flow.host)
        if media.has_sdp(invite):
            self.caller.theirs = invite.body
        self.world_version = ""
        self.privacy = identity.privacy_of(invite)
        self.loop_key = (invite.from_.tag or "", invite.call_id, str(invite.cseq.number))
        self._nothing_yet()
        board.calls[self.id] = self
        board.counters.calls += 1
        board.usage.begin(account.path)
        habit.began(self)
        board.trace.belongs(self, invite.call_id)
        self.longest: Alarm | None = None
        absolute = board.world().settings_of(account).absolutetimeout
        if absolute:
            self.longest = Alarm(self._too_long)
            board.alarms.set(self.longest, board.now + absolute)
        self.enter_line()

    def _nothing_yet(self) -> None:
        """What the call becomes, before it is anything."""
        self.called: Branch | None = None
        self.last: Branch | None = None
        self.branches: list[Branch] = []
        self.guests: tuple[Call, ...] = ()
        self.asides: tuple[Leg, ...] = ()
        """Parties that have left the conversation, but may not have hung up."""
        self.asks_as_caller = False
        """Whether those whom it dials take the caller's place in the conversation (the caller transfers the called party)."""
        self.transfer: Transfer | Handover | None = None
        self.extra: tuple[Header, ...] = ()
        """Headers for those whom it dials."""
        self.ongoing: outcomes.Ongoing | None = None
        """An answered call by a carrier, as the statistics know it."""
        self.reached: Target | None = None
        self.decision: Decision | None = None
        self.place = 0
        self.attempts: list[list[object]] = []
        self.state = TRYING
        self.ringing_at: float | None = None
        self.answered: float | None = None
        self.answered_at = 0.0
        self.granted: dict[int, int] = {}
        self.authorised: int | None = None
        self.limit: int | None = None
        self.asking_money = False
        self.money_waits = False
        self.free: dict[int, int] = {}
        """Free seconds that allowances have granted."""
        self.free_gone = False
        self.packet = 0
        """Micros that the allowance has granted which pays in place of the account."""
        self.cut_cause = BALANCE_USED_UP
        """Why nothing more is granted."""
        self.cut = Alarm(self._cut)
        self.alarm = Alarm(self._extend)
        self.timers = ""
        self.diverted: tuple[history.Diverted, ...] = ()
        self.reliable: reliable.Reliable | None = None
        self.sound: Sound | None = None
        self.announcement: Announcement | None = None
        self.farewell: Farewell | None = None
        self.pressed: bool | None = None  # whether the right key; None: the caller was not asked
        self.verdict: Verdict | None = None
        """What became of the signature of its caller number; None: nobody has looked."""
        self.codec = ""
        self.converting = 0
        """The account that is offered more codecs than its settings say (see `fallback`)."""
        self.heard = Measured()
        """Of conversations before, with a party that has left."""

    @property
    def speaker(self) -> Caller:
        """Whose phone or trunk it is that talks as the caller."""
        return self.account

    def across(self, leg: Leg) -> Leg | None:
        """Who hears what this party says."""
        return self.called if leg.is_caller else self.caller

    @property
    def sips(self) -> bool:
        """Whether nobody on the way of the call may be able to read it."""
        return self.invite.uri.startswith("sips:")

    def enter_line(self) -> None:
        """The caller takes part in a call, and the same INVITE on another way is known."""
        self.in_line = True
        self.board.usage.take_line(self.account.id)
        self.board.invites[self.loop_key] = self.invite.via.branch
        self.tx.context = self

    def leave_line(self) -> None:
        """The caller takes part in it no more: it is over, or the caller has transferred the other party."""
        self.board.invites.pop(self.loop_key, None)
        if self.in_line:
            self.in_line = False
            self.board.usage.free_line(self.account.id)

    @property
    def free_seconds(self) -> int:
        """How many seconds from the answer on the retail price does not count."""
        return sum(self.free.values())

    def wall_now(self) -> float:
        return self.board.wall()

    # --- towards the caller -----------------------------------------------------------------------------------------------------

    def enter_dialog(self) -> None:
        """The caller's dialog begins with the first answer that has our tag."""
        if self.caller.dialog is None:
            self.caller.enter(
                Dialog.of_callee(self.tx.request or self.invite, self.tx.tag, self.caller.contact)
            )

    def progress(self, response: Response, branch: Branch, owed: reliable.Owed | None = None) -> bool:
        """A 18x of a target goes on to the caller. True: the PRACK that the target is owed follows the caller's."""
        if self.state not in {TRYING, RINGING} or self.tx.answered:
            return False
        response = early.as_told(self, response, branch)
        if self.ringing_at is None and response.status in {180, 183}:
            self.ringing_at = self.wall_now()
        status, body = media.early(self, response, branch)
        if body:
            self.caller.shown = body
        if self.state == TRYING:
            self.state = RINGING
            self.board.live.changed(self)
        self.enter_dialog()
        if body:
            self.caller.shown = body
        return reliable.tell(self, response, status, self._headers(response, branch, body), body, owed)

    def early_answer(self, body: bytes) -> None:
        """We speak to the caller before anybody is dialled."""
        self.state = RINGING
        self.board.live.changed(self)
        self.enter_dialog()
        self.caller.shown = body
        headers: list[Header] = [("Contact", self.caller.contact), ALLOW, ("Content-Type", media.SDP_TYPE)]
        self.tx.reply(183, self.board.now, None, headers, body)

    def _headers(self, response: Response, branch: Branch, body: bytes) -> list[Header]:
        headers: list[Header] = [("Contact", self.caller.contact), ALLOW, ("Supported", "replaces")]
        if body:
            headers.append(("Content-Type", response.get("Content-Type") or media.SDP_TYPE))
        caller = self.caller
        return headers + along(response, branch.rules, branch.flow.host, caller.rules, caller.flow.host)

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
        """A final answer other than 2xx to the caller, perhaps after a recording (`play`, or one that tells why), and the record."""
        world = self.board.world()
        told = world.cause(cause)
        worded = by == "switch" or told is not cause
        if told is not cause:
            cause, status = told, told.status if told.status >= 400 else status
        settings = world.settings_of(self.account)
        status = changed(status or cause.status, settings.changediscreason)
        headers: list[Header] = [*extra]
        if by == "switch" or cause.q850 != 16:
            headers.append(("Reason", f'Q.850;cause={cause.q850};text="{cause.text}"'))
        if status == 503:
            headers.append(("Retry-After", "5"))
        refusal = self.last.refusal if self.last is not None else None
        if status == 422 and refusal is not None:
            headers.append(("Min-SE", str(session_timer.least(refusal))))
        phrase = cause.text if settings.propersipcomments and worded else None
        tell = partial(self._refused, cause, status, by, comment, phrase, headers)
        if play or settings.allowdiscmessage != "off":
            from switch.call import farewell  # which looks after dialling, and so imports this

            if self.farewell is None and farewell.begin(self, cause, status, tell, play):
                return
        tell()

    def _refused(
        self, cause: Cause, status: int, by: str, comment: str, phrase: str | None, headers: list[Header]
    ) -> None:
        farewell, self.farewell = self.farewell, None
        if farewell is not None:
            farewell.stop()
        if farewell is not None and farewell.connected and by != "caller":
            self.caller.hang_up(f'Q.850;cause={cause.q850};text="{cause.text}"')
        else:
            self.tx.reply(status, self.board.now, phrase, headers)
            self.caller.leave()
        self.over(cause, by=by, status=status, comment=comment)

    def cancelled(self, reason: str = "") -> None:
        """The caller gave up before an answer (CANCEL, or BYE in the early dialog); `reason`: why, as it told."""
        if self.state in {UP, OVER}:
            return
        for branch in self.branches:
            if not branch.given_up:
                took = int((self.board.now - branch.began) * 1000)
                self.attempts.append([branch.target.account.id, CANCELLED.status, CANCELLED.name, took])
                quality.given_up(branch)
        self._give_up_branches("the caller hung up", reason=reason)
        self.refuse(CANCELLED, by="caller")

    def _give_up_branches(self, why: str, *, but: Branch | None = None, reason: str = "") -> None:
        for branch in self.branches:
            if branch is not but:
                branch.give_up(why, reason)
        for guest in self.guests:
            guest.give_up(why)

    def give_up(self, why: str) -> None:
        """Of a guest: nobody wants its answer any more. A call with a caller of its own ends by `cancelled` or `hang_up`."""

    def join(self, guest: Call) -> None:
        """Another call is made within this one."""
        self.guests = (*(one for one in self.guests if one.state != OVER), guest)

    def told(self, own: str) -> tuple[Header, ...]:
        """What else those who are dialled are told; `own` is our address as they see it."""
        return self.extra

    # --- the answer -------------------------------------------------------------------------------------------------------------

    def answer(self, branch: Branch, response: Response) -> None:
        """The first target that answered has the call. Its dialog exists already."""
        board = self.board
        body = media.passed(self, response, branch)
        if not self.taken(branch, response):
            return
        if media.has_sdp(response):
            branch.theirs = response.body
        self.enter_dialog()
        assert self.caller.dialog is not None
        self.caller.dialog.confirm()
        self.caller.awaiting_ack = self.tx
        if body:
            self.caller.shown = body
        headers = self._headers(response, branch, body)
        if self.timers:
            headers += session_timer.answered(self, branch, response)
        answer = partial(self.tx.reply, response.status, board.now, response.reason, headers, body)
        if self.reliable is None:
            answer()
        else:
            self.reliable.before_answer(answer)
        media.watch(self)
        board.live.changed(self)

    def taken(self, branch: Branch, response: Response) -> bool:
        """From now on the call lasts and costs; False: it is over, because its record cannot be written."""
        board = self.board
        self.called = branch
        self._give_up_branches("Call completed elsewhere", but=branch)
        self.state = UP
        self.answered = self.wall_now()
        self.answered_at = board.now
        self.codec = media.codec_of(response.body)
        took = int((board.now - branch.began) * 1000)
        self.attempts.append([branch.target.account.id, response.status, "answered", took])
        money.answered(self)
        quality.answered(branch)
        try:
            if self.recorded:
                board.spool.append(record.up(self))
        except SpoolFull:
            # Without a record there is no call: what was answered here would never be billed.
            self.answered = None
            branch.hang_up()
            self.refuse(NO_RESPONSE, status=503, comment="the journal cannot be written")
            return False
        board.counters.answered += 1
        return True

    def ack_came(self, ack: Request) -> None:
        """The caller acknowledged our 2xx: the late answer to a late offer goes on."""
        if self.called is not None:
            self.pass_ack(ack, self.caller, self.called)
        self.caller.acknowledged()

    def pass_ack(self, ack: Request, source: Leg, target: Leg) -> None:
        """Acknowledge what waited for this ACK, with its body."""
        if target.unacked is None:
            return
        try:
            body = media.passed(self, ack, source)
        except media.BadSdp:
            body = b""
        headers: tuple[Header, ...] = (
            (("Content-Type", ack.get("Content-Type") or media.SDP_TYPE),) if body else ()
        )
        target.acknowledge(headers, body)

    def unheard(self) -> None:
        """The caller did not acknowledge a reliable provisional answer for 64 x T1 (RFC 3262 §3)."""
        self.hang_up(
            reliable.NEVER_ACKNOWLEDGED, comment="a reliable provisional answer was never acknowledged"
        )

    def ack_missing(self) -> None:
        """64 x T1 without an ACK to our 2xx: hang up (RFC 3261 §13.3.1.4)."""
        self.caller.acknowledged()
        if self.state == UP:
            self.hang_up(NO_RESPONSE, comment="the caller never acknowledged the answer")

    # --- the end ----------------------------------------------------------------------------------------------------------------

    def hung_up(self, leg: Leg, cause: Cause, *, reason: str = "") -> None:
        """A party ended the call by BYE, or its dialog is no more; `reason`: why, as it told."""
        if self.state != UP:
            self.hang_up(cause)
            return
        from switch.call import rescue  # whose calls are such, and so imports this

        leg.leave()
        if rescue.hung_up(self, leg, cause, reason):
            return
        other: Leg | None = self.called if leg.is_caller else self.caller
        if other is not None:
            other.hang_up(reason)
        self.over(cause, by="caller" if leg.is_caller else "called", status=200)

    def dead(self, leg: Leg, since: float) -> None:
        """A party has not been heard of for its whole session interval: the call ends as of its last sign of life."""
        from switch.call import rescue  # as above

        who = "caller" if leg.is_caller else "called"
        session = self.sound.session if self.sound is not None else None
        if session is not None:  # its media may have been heard later than its signalling
            heard = (session.caller if leg.is_caller else session.called).report().last_packet
            if heard is not None:
                since = max(since, self.wall_now() - (self.board.clock() - heard))
        quiet = max(0, int(self.wall_now() - since))
        why = f"the {who} was last heard of {quiet} s before, and is billed until then"
        if not rescue.after(self, leg, NO_RESPONSE.status, why, ended=since):
            self.hang_up(SESSION_EXPIRED, comment=why, ended=since)

    def hang_up(self, cause: Cause, *, comment: str = "", ended: float | None = None) -> None:
        """We end the call: BYE to both, or the final answer that is due."""
        if self.state == OVER:
            return
        cause = self.board.world().cause(cause)
        if self.state != UP:
            self._give_up_branches(cause.text)
            self.refuse(cause, status=480 if cause.status == 200 else cause.status, comment=comment)
            return
        reason = f'Q.850;cause={cause.q850};text="{cause.text}"'
        self.caller.hang_up(reason)
        if self.called is not None:
            self.called.hang_up(reason)
        self.over(cause, by="switch", status=cause.status, comment=comment, ended=ended)

    def over(
        self, cause: Cause, *, by: str, status: int, comment: str = "", ended: float | None = None
    ) -> None:
        """Write the record and forget the call; `ended`: when it really was, if earlier than now. Safe to call twice."""
        if self.state == OVER:
            return
        board = self.board
        self.state = OVER
        board.alarms.end(self.cut)
        board.alarms.end(self.alarm)
        if self.longest is not None:
            board.alarms.end(self.longest)
        self._forget_later()
        board.calls.pop(self.id, None)
        self.leave_line()
        if self.reliable is not None and self.reliable.stop():
            self.caller.bye_waits, self.caller.awaiting_ack = False, None
            self.caller.leave()
            self.tx.reply(504 if by == "switch" else 480, board.now)
        board.usage.end(self.account.path)
        board.bank.release(self.id)
        for branch in self.branches:
            branch.free_line()
        for leg in (self.caller, self.called):
            if leg is not None and leg.timer is not None:
                leg.timer.stop()
        self.transfer = None
        for leg in self.asides:
            leg.hang_up()
        for guest in self.guests:
            guest.give_up(cause.text)
            guest.over(cause, by=by, status=status, comment=comment, ended=ended)
        ended = self.wall_now() if ended is None else ended
        if self.answered is not None:
            ended = max(ended, self.answered)
            if self.authorised is not None and ended - self.answered > self.authorised + 1:
                self.authorised = (
                    None  # the database was away, and the call went on: its time counts as it is
                )
        if self.answered is None and self.decision is not None:
            comment = record.told(comment, self.decision.trace)
        seconds = 0.0 if self.answered is None else ended - self.answered
        habit.ended(self, status, seconds)

        def measured(media: Measured) -> None:
            quality.ended(self, seconds, media)
            self._write(
                record.end(self, cause, by=by, status=status, ended=ended, media=media, comment=comment)
            )

        media.close(self, measured)
        if self.answered is None:
            board.counters.refused += 1
        board.live.gone(self)
        board.trace.over(self, failed=cause is MEDIA_TIMEOUT or cause.status not in ORDINARY)
        # The record tells all of it; a line per ordinary call is for who asks for it (MIZU_LOG_LEVEL=DEBUG).
        log.log(
            self._level(cause, status),
            "call=%s account=%s ended cause=%s status=%s by=%s %s",
            self.id, self.account.username, cause.name, status, by, comment,
        )  # fmt: skip

    def _level(self, cause: Cause, status: int) -> int:
        """How the call's end is logged: without a price as the setting says (guide 9102)."""
        if cause.name == NO_PRICE.name:
            return UNPRICED[self.board.world().settings.notbilledcallerr]
        return logging.DEBUG if self.answered is not None and status == 200 else logging.INFO

    def _forget_later(self) -> None:
        self.board.alarms.set(Alarm(self._forget), self.board.now + 64 * self.board.layer.t1 + LINGER)

    def _forget(self) -> None:
        """No transaction knows the call any more: let go of the legs, which hold it, so that no ring is left for the collector."""
        legs: list[Leg] = [self.caller, *self.branches]
        if any(leg.keys or leg.awaiting_ack or leg.unacked for leg in legs):
            self._forget_later()
            return
        self.called = self.last = None
        self.branches, self.guests = [], ()
        del self.caller

    def _write(self, line: record.Line) -> None:
        if not self.recorded:
            return
        try:
            self.board.spool.append(line)
            self.board.counters.records += 1
        except SpoolFull:
            self.board.counters.unwritten += 1

    # --- what alarms and others tell --------------------------------------------------------------------------------------------

    def _cut(self) -> None:
        money.cut(self)

    def _too_long(self) -> None:
        self.hang_up(TOO_LONG, comment="set-up and call together lasted longer than absolutetimeout")

    def _extend(self) -> None:
        money.extend(self)

    def silent(self, silence: Silence) -> None:
        """The relay has heard nobody for too long."""
        self.hang_up(MEDIA_TIMEOUT, comment=media.describe(silence))

    def stop(self) -> None:
        """The worker stops."""
        self.hang_up(SHUTDOWN, comment="the switch was stopped")

    def way_lost(self) -> None:
        """An answer cannot reach the caller: its connection is gone."""
        if self.state == UP:
            self.hang_up(NO_RESPONSE, comment="the way to the caller is lost")
        elif self.state != OVER:
            self._give_up_branches("the caller is gone")
            self.caller.leave()
            self.over(CANCELLED, by="caller", status=487, comment="the way to the caller is lost")

    def operator(self, name: str) -> None:
        """Somebody in the office ended it."""
        self.hang_up(OPERATOR_HANGUP, comment=f"by {name}")
