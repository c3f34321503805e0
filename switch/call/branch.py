"""One attempt to reach somebody: our INVITE, its answers, and what is to be cleaned up when it is given up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from switch.call import media
from switch.call.alarms import Alarm
from switch.call.board import bracketed, transport_param
from switch.call.leg import Leg
from switch.call.proof import CHALLENGES, prove
from switch.sip.client import CALLING, InviteClientTransaction
from switch.sip.dialog import Dialog
from switch.sip.message import BadMessage, Header, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.call import Call
    from switch.call.model import Target
    from switch.net import Flow
    from switch.sip.uri import NameAddr

log = logging.getLogger("switch.call")

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, REFER, NOTIFY"
NO_ANSWER_STATUS = 408
_CARRIED_ON = ("Privacy", "Subject", "Priority", "User-to-User", "Accept-Language")
"""Headers of the caller that concern the called and tell nothing about the caller's network."""


class Branch(Leg):
    """A called party. `done(branch, status)` is called once, unless it was answered or given up."""

    __slots__ = ("address", "alarm", "answered", "began", "done", "given_up", "invite", "line", "moved", "ring_seconds", "routes", "status", "target", "tried_digest", "tx", "uri")  # fmt: skip

    def __init__(
        self, call: Call, target: Target, flow: Flow, uri: str, done: Callable[[Branch, int], None]
    ) -> None:
        phone = target.trunk is None
        super().__init__(call.board, call, flow, is_caller=call.asks_as_caller, phone=phone)
        self.target = target
        self.trunk = target.trunk
        self.uri = uri
        self.done = done
        self.address = f"{flow.host}:{flow.port}"
        self.routes: tuple[str, ...] = ()
        self.tx: InviteClientTransaction | None = None
        self.invite: Request | None = None
        self.alarm = Alarm(self._too_long)
        self.began = call.board.now
        self.given_up = False
        self.answered = False
        self.tried_digest = False
        self.line = False
        self.status = 0
        self.ring_seconds = 0
        """How long it may ring; 0: as the trunk or the settings say."""
        self.moved: tuple[str, ...] = ()
        """Where a 3xx says that it is."""

    # --- asking -----------------------------------------------------------------------------------------------------------------

    def ask(self, body: bytes, *, first_answer_within: float) -> None:
        """Send the INVITE. Any answer, a 100 too, must come within so many seconds."""
        call, board = self.call, self.board
        if not self.line and self.target.kind != "inner":
            board.usage.take_line(self.target.account.id)
            self.line = True
        ids, decision = board.ids, call.decision
        assert decision is not None
        host, _ = board.sockets.local_address(self.flow)
        own = bracketed(host)
        number = decision.caller_number
        shown = quoted(decision.caller_display)
        headers: list[Header] = [
            ("Via", board.via(self.flow)),
            ("Max-Forwards", str(max(0, call.request.max_forwards - 1))),
            *[("Route", route) for route in self.routes],
            ("From", f"{shown}<sip:{number}@{own}>;tag={ids.tag()}"),
            ("To", f"<{self.uri}>"),
            ("Call-ID", f"{ids.random()}@{host}"),
            ("CSeq", "1 INVITE"),
            ("Contact", self.contact),
            ("Allow", ALLOW),
            ("Supported", "replaces"),
        ]
        if self.target.kind == "carrier":
            headers.append(("P-Asserted-Identity", f"{shown}<sip:{number}@{own}>"))
        headers += call.diverted(own)
        for name in _CARRIED_ON:
            value = call.invite.get(name)
            if value:
                headers.append((name, value))
        if body:
            headers.append(("Content-Type", call.invite.get("Content-Type") or media.SDP_TYPE))
        self._send(Request("INVITE", self.uri, headers, body))
        board.alarms.set(self.alarm, board.now + first_answer_within)

    def _send(self, invite: Request) -> None:
        self.invite = invite
        self.tx = self.board.layer.invite(invite, self.flow, self.board.now)
        self.tx.context = self

    # --- what comes back --------------------------------------------------------------------------------------------------------

    def on_response(self, tx: InviteClientTransaction, response: Response) -> None:
        status = response.status
        if status < 200:
            self._provisional(response)
        elif status < 300:
            self._accepted(tx, response)
        elif not self.given_up and tx is self.tx:
            self._refused(response)

    def _provisional(self, response: Response) -> None:
        if self.given_up or self.answered:
            return
        if not self.status:
            self.board.alarms.set(self.alarm, self.board.now + self._ring_seconds())
        self.status = response.status
        if response.status > 100:
            if response.to.tag and self.invite is not None:
                self._enter(response)
            if response.status != 199:
                self.call.progress(response, self)

    def _enter(self, response: Response) -> None:
        """The dialog of this response; a fork behind the carrier has one for each of its ends."""
        dialog = self.dialog
        if dialog is not None and dialog.id.remote_tag == response.to.tag:
            dialog.on_response(response)
        else:
            assert self.invite is not None
            self.enter(Dialog.of_caller(self.invite, response, self.contact))

    def _ring_seconds(self) -> float:
        trunk = self.target.trunk
        if self.ring_seconds:
            return self.ring_seconds
        if trunk is not None:
            return trunk.answer_seconds
        return self.board.world().settings_of(self.target.account).ringtimeout

    def _accepted(self, tx: InviteClientTransaction, response: Response) -> None:
        """A 2xx: ours, or one too many of a fork or after a CANCEL, which is acknowledged and hung up (RFC 3261 §13.2.2.4)."""
        if self.answered or self.given_up or self.call.state not in {"trying", "ringing"}:
            self._hang_up_stray(tx, response)
            return
        self.answered = True
        self.board.alarms.cancel(self.alarm)
        self._enter(response)
        self.unacked = tx
        if media.has_sdp(self.call.invite):
            self.acknowledge()
        try:
            self.call.answer(self, response)
        except media.BadSdp as error:
            log.warning("call=%s the answer's session description is bad: %s", self.call.id, error)
            self.answered = False
            self.hang_up()
            self.over(488)

    def _hang_up_stray(self, tx: InviteClientTransaction, response: Response) -> None:
        request = self.invite
        if request is None:
            return
        stray = Leg(self.board, self.call, self.flow, is_caller=False, phone=self.phone)
        stray.trunk = self.trunk
        stray.enter(Dialog.of_caller(request, response, self.contact))
        stray.unacked = tx
        stray.hang_up('SIP;cause=200;text="Call completed elsewhere"')

    def _refused(self, response: Response) -> None:
        status = response.status
        if status in CHALLENGES and self._prove(response):
            return
        if 300 <= status < 400:
            self.moved = contacts_of(response)
        self.leave()
        self.over(status)

    def _prove(self, response: Response) -> bool:
        """Answer a carrier's challenge once, with the secret that the trunk has (RFC 3261 §22.3)."""
        invite = self.invite
        if self.tried_digest or invite is None:
            return False
        proof = prove(self.trunk, response, "INVITE", invite.uri)
        if proof is None:
            return False
        self.tried_digest = True
        self.leave()
        self.dialog = None
        again = Request("INVITE", invite.uri, list(invite.headers), invite.body)
        again.set("Via", self.board.via(self.flow))
        again.set("CSeq", f"{invite.cseq.number + 1} INVITE")
        again.set(*proof)
        self._send(again)
        return True

    def on_timeout(self) -> None:
        if not self.given_up and not self.answered:
            self.over(NO_ANSWER_STATUS)

    def on_transport_error(self) -> None:
        """Of a carrier it counts as 503 (RFC 3261 §8.1.3.1); a phone whose connection is gone is not there any more."""
        if not self.given_up and not self.answered:
            self.over(503 if self.trunk is not None else 480)

    def _too_long(self) -> None:
        """No first answer in time, or it rings for too long."""
        if self.given_up or self.answered:
            return
        self._cancel("no answer in time")
        self.over(NO_ANSWER_STATUS)

    def over(self, status: int) -> None:
        """It failed with this status."""
        self.given_up = True
        self.board.alarms.cancel(self.alarm)
        self.free_line()
        self.done(self, status)

    def free_line(self) -> None:
        if self.line:
            self.line = False
            self.board.usage.free_line(self.target.account.id)

    # --- giving up --------------------------------------------------------------------------------------------------------------

    def give_up(self, why: str) -> None:
        """Nobody wants its answer any more: CANCEL, and BYE should it be answered all the same."""
        if self.given_up or self.answered:
            return
        self.given_up = True
        self.board.alarms.cancel(self.alarm)
        self.free_line()
        self._cancel(why)

    def _cancel(self, why: str) -> None:
        self.leave()
        tx = self.tx
        if tx is None:
            return
        if tx.state == CALLING:
            # Nobody has heard it yet, and nobody need hear it again; a late answer is still dealt with.
            self.board.layer.wheel.arm(tx, tx.deadline)
        cause = 200 if why == ELSEWHERE else 487
        tx.cancel(self.board.now, (("Reason", f'SIP;cause={cause};text="{why}"'),))


ELSEWHERE = "Call completed elsewhere"
"""The reason of RFC 3326 §2 by which phones do not show the call as missed."""


def contacts_of(response: Response) -> tuple[str, ...]:
    """The addresses of a 3xx, the preferred first; none when they cannot be read."""
    try:
        contacts = response.contacts or []
    except BadMessage:
        return ()
    return tuple(one.uri_text for one in sorted(contacts, key=lambda one: -_q(one)))


def _q(contact: NameAddr) -> float:
    try:
        return float(contact.params.get("q") or 1)
    except ValueError:
        return 0.0


def carrier_uri(number: str, host: str, port: int, transport: str) -> str:
    """The Request-URI for a number at a carrier."""
    place = bracketed(host) if port == 5060 else f"{bracketed(host)}:{port}"
    return f"sip:{number.replace('#', '%23')}@{place}{transport_param(transport)}"


def quoted(display: str) -> str:
    """A display name as it stands before `<`; nothing for none."""
    name = display.strip().strip('"').replace("\\", "").replace('"', "")
    return f'"{name}" ' if name else ""
