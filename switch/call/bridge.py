"""Requests inside a dialog, passed from one party to the other: re-INVITE, UPDATE, INFO; and BYE (RFC 3261 §14, §15, RFC 3311, RFC 6086)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from switch.call import dtmf, media, reliable, session_timer
from switch.call.abilities import ACCEPT, ALLOW, unknown_extensions
from switch.call.asker import Asker
from switch.call.causes import NO_RESPONSE, NORMAL
from switch.call.headers import along
from switch.call.proof import CHALLENGES, prove
from switch.call.reasons import line, reasons, refined
from switch.sip.client import ClientTransaction, InviteClientTransaction
from switch.sip.dialog import CONFIRMED, DialogId
from switch.sip.message import BadMessage, Header, Request, Response
from switch.sip.server import InviteServerTransaction, ServerTransaction

if TYPE_CHECKING:
    from switch.call.leg import Leg
    from switch.sip.dialog import Dialog

_PASSED_HEADERS = (
    "Content-Type", "Content-Disposition", "Info-Package", "Subject", "Priority", "Refer-To", "Referred-By", "Refer-Sub", "Event",
    "Subscription-State",
)  # fmt: skip
_BODILESS = frozenset(("REFER", "NOTIFY"))
"""Methods whose headers say what they are about."""
_LATER: tuple[Header, ...] = (("Retry-After", "3"),)
_GONE = frozenset((408, 481))
"""Answers after which the dialog is no more (RFC 3261 §12.2.1.2)."""


class Bridge(Asker):
    """One request on its way: from whom, to whom, and where the answer goes."""

    __slots__ = (
        "before",
        "body",
        "client",
        "dialog",
        "headers",
        "method",
        "proved",
        "server",
        "source",
        "target",
        "with_offer",
    )

    def __init__(
        self, server: ServerTransaction, method: str, source: Leg, target: Leg, *, with_offer: bool
    ) -> None:
        self.server = server
        self.method = method
        self.source = source
        self.target = target
        self.with_offer = with_offer
        self.client: ClientTransaction | None = None
        self.dialog: Dialog | None = None
        self.headers: tuple[Header, ...] = ()
        self.body = b""
        self.proved = False
        self.before = target.shown

    def send(self, headers: tuple[Header, ...], body: bytes) -> None:
        """Pass the request on."""
        self.headers, self.body = headers, body
        if body and self.method != "INFO":
            self.target.shown = body
        self.client = self.target.request(self.method, headers, body, self, self.dialog)
        if self.method == "INVITE" or (self.method == "UPDATE" and self.with_offer):
            self.target.asking = self.client

    def _prove(self, tx: ClientTransaction, response: Response) -> bool:
        """Answer a carrier's challenge, once."""
        if self.proved or self.server.answered or tx.request is None:
            return False
        proof = prove(self.target.trunk, response, self.method, tx.request.uri)
        if proof is None:
            return False
        self.proved = True
        self.send((*self.headers, proof), self.body)
        return True

    # --- what the other party says ----------------------------------------------------------------------------------------------

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        status, board, target = response.status, self.source.board, self.target
        if target.rules is not None:
            target.rules.heard(response, target.flow.host)
        if target.dialog is not None:
            target.dialog.on_response(response)
        if status < 200:
            if self.method == "INVITE" and status > 100:
                self.server.reply(status, board.now, response.reason)
        elif status not in CHALLENGES or not self._prove(tx, response):
            self._answered(tx, response)

    def _answered(self, tx: ClientTransaction, response: Response) -> None:
        """A final answer: what is agreed holds, what is refused is as if it had never been asked."""
        status, board = response.status, self.source.board
        if self._goes_on(gone=status in _GONE):
            if status < 300 and isinstance(tx, InviteClientTransaction):
                self.target.unacked = tx
                self.target.acknowledge()
            return
        if self.method == "INVITE":
            self._invite_answered(tx, response)
        elif self.target.asking is tx:
            self.target.asking = self.source.serving = None
        try:
            body = media.passed(self.source.call, response, self.target)
        except media.BadSdp:
            body, status = b"", 488
        if status >= 300:
            self._roll_back()
        else:
            self._hold_to(response)
        headers = self._headers(response, status, body)
        self.server.reply(
            status, board.now, response.reason if status == response.status else None, headers, body
        )
        if status in _GONE and self.method != "PRACK":
            self.source.call.hung_up(self.target, NO_RESPONSE)

    def _headers(self, response: Response, status: int, body: bytes) -> list[Header]:
        source, target = self.source, self.target
        headers = _carried(response) if body else []
        headers += along(response, target.rules, target.flow.host, source.rules, source.flow.host)
        if self.method in {"INVITE", "UPDATE", "REFER", "NOTIFY"} and status < 300:
            headers.append(("Contact", source.contact))
            if body:
                source.shown = body
            if source.call.timers and self.server.request is not None:
                headers += session_timer.passing_back(source, target, self.server.request, response)
        elif status == 422:
            headers.append(("Min-SE", str(session_timer.least(response))))
        return headers

    def _hold_to(self, response: Response) -> None:
        """What both parties have agreed to is what holds from now on."""
        request = self.server.request
        if request is not None and media.has_sdp(request):
            self.source.theirs = request.body
        if media.has_sdp(response):
            self.target.theirs = response.body

    def _roll_back(self) -> None:
        """The offer was refused: the session goes on as it was before (RFC 3261 §14.1, RFC 6141 §3.4)."""
        if not self.with_offer:
            return
        self.target.shown = self.before
        media.restored(self.source.call, self.source)

    def _invite_answered(self, tx: ClientTransaction, response: Response) -> None:
        self.target.asking = None
        self.source.serving = None
        if response.status >= 300 or not isinstance(tx, InviteClientTransaction):
            return
        self.target.unacked = tx
        if self.with_offer:
            self.target.acknowledge()
        if isinstance(self.server, InviteServerTransaction):
            self.source.awaiting_ack = self.server

    def on_timeout(self) -> None:
        """No answer: for an INVITE the dialog is taken for dead, else only this request has failed."""
        self._failed(408)

    def on_transport_error(self) -> None:
        self._failed(503)

    def _goes_on(self, *, gone: bool) -> bool:
        """Whether the asking party's call goes on without the target, or has already: then it is told to ask again later, and not
        that its dialog is no more. `gone`: the target's is.
        """
        from switch.call import rescue  # whose calls dial, and so imports this

        asking, target = self.source, self.target
        left = target.call.state == "over" and asking.call.state != "over"
        gone = gone and self.method != "PRACK" and rescue.possible(asking.call, target, NO_RESPONSE.status)
        if not (left or gone):
            return False
        if asking.serving is self.server:
            asking.serving = None
        if target.asking is self.client:
            target.asking = None
        self.server.reply(500, asking.board.now, None, _LATER)
        if gone:
            asking.call.hung_up(target, NO_RESPONSE)
        return True

    def _failed(self, status: int) -> None:
        if self._goes_on(gone=self.method == "INVITE" or status == 408):
            return
        self.source.serving = self.target.asking = None
        self._roll_back()
        self.server.reply(status, self.source.board.now)
        if self.method == "INVITE" or (status == 408 and self.method != "PRACK"):
            self.source.call.hung_up(self.target, NO_RESPONSE)

    # --- what the asking party says ---------------------------------------------------------------------------------------------

    def cancelled(self) -> None:
        """The party gave its re-INVITE up."""
        self.server.reply(487, self.source.board.now)
        self.source.serving = None
        self._roll_back()
        if isinstance(self.client, InviteClientTransaction):
            self.client.cancel(self.source.board.now)

    def ack_missing(self) -> None:
        """No ACK to the 2xx of a re-INVITE: hang up."""
        self.source.acknowledged()
        self.source.call.hang_up(NO_RESPONSE, comment="a re-INVITE's answer was never acknowledged")


def handle(leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """A request of the party inside its dialog."""
    if _refused(leg, tx, request):
        return
    if leg.rules is not None:
        leg.rules.heard(request, leg.flow.host)
        tx.polish = partial(leg.rules.said, place=leg.flow.host)
    shortest = session_timer.too_short(leg, request) if leg.call.timers else 0
    now, method = leg.board.now, request.method
    if shortest:
        tx.reply(422, now, None, (("Min-SE", str(shortest)),))
    elif method == "BYE":
        _bye(leg, tx, request)
    elif method == "OPTIONS":
        tx.reply(200, now, None, (ALLOW, ACCEPT))
    elif leg.aside:
        tx.reply(481, now)  # it may still hang up, but has nobody to talk with
    else:
        _asked(leg, tx, request)


def _refused(leg: Leg, tx: ServerTransaction, request: Request) -> bool:
    """Whether it is out of order, malformed, or requires what we cannot do."""
    now = leg.board.now
    try:
        in_order = leg.keys[DialogId.of_request(request)].accepts(request)
    except BadMessage as error:
        tx.reply(400, now, error.reason)
        return True
    if not in_order:
        tx.reply(500, now, "CSeq out of order", (("Retry-After", "1"),))
        return True
    unknown = unknown_extensions(request, leg.board.world().hidden)
    if unknown:
        tx.reply(420, now, None, (("Unsupported", ", ".join(unknown)),))
    return bool(unknown)


def _asked(leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """Something that concerns the other party."""
    method, sound = request.method, leg.call.sound
    if sound is not None and sound.guest is not None:
        sound.guest.asked(leg, tx, request)
    elif method == "INVITE":
        _reinvite(leg, tx, request)
    elif method == "REFER":
        from switch.call import transfer  # which dials, and so imports this

        if not transfer.asked(leg, tx, request):
            _other(leg, tx, request)
    elif method in {"UPDATE", "INFO", "NOTIFY", "MESSAGE"}:
        _other(leg, tx, request)
    elif method == "PRACK":
        reliable.prack(leg, tx, request)
    else:
        tx.reply(405, leg.board.now, None, (ALLOW,))


def _bye(leg: Leg, tx: ServerTransaction, request: Request) -> None:
    from switch.call import transfer  # which dials, and so imports this

    call, board = leg.call, leg.board
    tx.reply(200, board.now)
    if leg.serving is not None:
        leg.serving.reply(487, board.now)
    if leg.awaiting_ack is not None:  # who hangs up has heard our 2xx: no need to repeat it
        leg.awaiting_ack.acknowledged(board.now)
    if call.transfer is not None and leg is call.transfer.leg:
        call.transfer.gone()
    elif request.get("Also") is not None and transfer.hangs_up_for(leg, request):
        return
    elif call.state == "up" and leg in (call.caller, call.called):
        call.hung_up(leg, refined(NORMAL, request), reason=line(reasons(request)))
    elif leg is call.caller:
        call.cancelled(line(reasons(request)))
    else:
        leg.leave()


def _peer(leg: Leg) -> Leg | None:
    """The other party, when it has a dialog too."""
    call = leg.call
    other: Leg | None = call.caller
    if leg.is_caller:
        other = call.called or call.last
    return other if other is not None and other.dialog is not None and other.keys else None


def _waits(leg: Leg) -> bool:
    """Whether it is in a conversation, whose other side is being called anew (see `rescue`)."""
    confirmed = leg.dialog is not None and leg.dialog.state == CONFIRMED
    return confirmed and leg.is_caller and leg.call.state in {"trying", "ringing"}


def _reinvite(leg: Leg, tx: ServerTransaction, request: Request) -> None:
    board, peer = leg.board, _peer(leg)
    assert isinstance(tx, InviteServerTransaction)
    if leg.asking is not None:
        tx.reply(491, board.now)  # both at once: each tries again after a time of its own (RFC 3261 §14.2)
    elif leg.serving is not None:
        tx.reply(500, board.now, None, (("Retry-After", "3"),))
    elif leg.call.state != "up" or peer is None or peer.asking is not None or peer.unacked is not None:
        tx.reply(491, board.now)
    else:
        _pass(leg, peer, tx, request)


def _other(leg: Leg, tx: ServerTransaction, request: Request) -> None:
    board, peer = leg.board, _peer(leg)
    if peer is None and leg.call.announcement is not None and dtmf.digit_of(request):
        tx.reply(200, board.now)  # nobody is dialled yet; a recording may have asked for it
        dtmf.taken(leg.call, leg, request)
    elif _waits(leg):
        tx.reply(500, board.now, None, _LATER)
    elif peer is None or leg.call.state == "over":
        tx.reply(481, board.now)
    elif leg.call.timers and session_timer.handles(leg, request):
        tx.reply(
            200, board.now, None, [("Contact", leg.contact), ALLOW, *session_timer.refreshes(leg, request)]
        )
    elif dtmf.taken(leg.call, leg, request):
        tx.reply(200, board.now)
    elif request.method == "UPDATE" and media.has_sdp(request) and leg.asking is not None:
        tx.reply(491, board.now)
    elif (
        request.method == "UPDATE"
        and media.has_sdp(request)
        and (leg.serving is not None or peer.asking is not None)
    ):
        tx.reply(500, board.now, None, (("Retry-After", "3"),))
    else:
        _pass(leg, peer, tx, request)


def _pass(leg: Leg, peer: Leg, tx: ServerTransaction, request: Request) -> None:
    """Send the request on to the other party, with its body led over the relay if there is one."""
    try:
        body = media.passed(leg.call, request, leg)
    except media.BadSdp as error:
        tx.reply(488, leg.board.now, f"Bad session description: {error}")
        return
    bridge = Bridge(tx, request.method, leg, peer, with_offer=media.has_sdp(request))
    tx.context = bridge
    told = bool(body) or request.method in _BODILESS
    headers = (*_carried(request), ALLOW) if told else (ALLOW,)
    headers = (*headers, *along(request, leg.rules, leg.flow.host, peer.rules, peer.flow.host))
    if leg.call.timers and request.method != "INFO":
        headers = (*headers, *session_timer.passing_on(peer, request))
    bridge.send(headers, body)
    if isinstance(tx, InviteServerTransaction):
        tx.reply(100, leg.board.now)
        leg.serving = tx
    elif bridge.with_offer and request.method == "UPDATE":
        leg.serving = tx


def _carried(message: Request | Response) -> list[Header]:
    return [(name, value) for name in _PASSED_HEADERS if (value := message.get(name))]
