"""Requests inside a dialog, passed from one party to the other: re-INVITE, UPDATE, INFO; and BYE (RFC 3261 §14, §15, RFC 3311, RFC 6086)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call import media
from switch.call.causes import NO_RESPONSE, NORMAL
from switch.call.proof import CHALLENGES, prove
from switch.sip.client import ClientTransaction, InviteClientTransaction
from switch.sip.message import BadMessage, Header, Request, Response
from switch.sip.server import InviteServerTransaction, ServerTransaction

if TYPE_CHECKING:
    from switch.call.leg import Leg

_PASSED_HEADERS = (
    "Content-Type", "Content-Disposition", "Info-Package", "Subject", "Priority", "Refer-To", "Referred-By", "Refer-Sub", "Event",
    "Subscription-State",
)  # fmt: skip
_BODILESS = frozenset(("REFER", "NOTIFY"))
"""Methods whose headers say what they are about."""
_GONE = frozenset((408, 481))
"""Answers after which the dialog is no more (RFC 3261 §12.2.1.2)."""


class Bridge:
    """One request on its way: from whom, to whom, and where the answer goes."""

    __slots__ = ("body", "client", "headers", "method", "proved", "server", "source", "target", "with_offer")

    def __init__(
        self, server: ServerTransaction, method: str, source: Leg, target: Leg, *, with_offer: bool
    ) -> None:
        self.server = server
        self.method = method
        self.source = source
        self.target = target
        self.with_offer = with_offer
        self.client: ClientTransaction | None = None
        self.headers: tuple[Header, ...] = ()
        self.body = b""
        self.proved = False

    def send(self, headers: tuple[Header, ...], body: bytes) -> None:
        """Pass the request on."""
        self.headers, self.body = headers, body
        self.client = self.target.request(self.method, headers, body, self)
        if isinstance(self.server, InviteServerTransaction):
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
        status, board = response.status, self.source.board
        if self.target.dialog is not None:
            self.target.dialog.on_response(response)
        if status < 200:
            if self.method == "INVITE" and status > 100:
                self.server.reply(status, board.now, response.reason)
            return
        if status in CHALLENGES and self._prove(tx, response):
            return
        if self.method == "INVITE":
            self._invite_answered(tx, response)
        try:
            body = media.passed(self.source.call, response, self.target)
        except media.BadSdp:
            body, status = b"", 488
        headers = _carried(response) if body else []
        if self.method in {"INVITE", "UPDATE", "REFER", "NOTIFY"} and status < 300:
            headers.append(("Contact", self.source.contact))
        self.server.reply(
            status, board.now, response.reason if status == response.status else None, headers, body
        )
        if status in _GONE:
            self.source.call.hung_up(self.target, NO_RESPONSE)

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

    def _failed(self, status: int) -> None:
        self.source.serving = self.target.asking = None
        self.server.reply(status, self.source.board.now)
        if self.method == "INVITE" or status == 408:
            self.source.call.hung_up(self.target, NO_RESPONSE)

    # --- what the asking party says ---------------------------------------------------------------------------------------------

    def cancelled(self) -> None:
        """The party gave its re-INVITE up."""
        self.server.reply(487, self.source.board.now)
        self.source.serving = None
        if isinstance(self.client, InviteClientTransaction):
            self.client.cancel(self.source.board.now)

    def ack_missing(self) -> None:
        """No ACK to the 2xx of a re-INVITE: hang up."""
        self.source.acknowledged()
        self.source.call.hang_up(NO_RESPONSE, comment="a re-INVITE's answer was never acknowledged")


def handle(leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """A request of the party inside its dialog."""
    board, dialog = leg.board, leg.dialog
    assert dialog is not None
    try:
        in_order = dialog.accepts(request)
    except BadMessage as error:
        tx.reply(400, board.now, error.reason)
        return
    if not in_order:
        tx.reply(500, board.now, "CSeq out of order", (("Retry-After", "1"),))
        return
    method = request.method
    if method == "BYE":
        _bye(leg, tx)
    elif method == "OPTIONS":
        tx.reply(200, board.now, None, (("Allow", ALLOW), ("Accept", media.SDP_TYPE)))
    elif leg.aside:
        tx.reply(481, board.now)  # it may still hang up, but has nobody to talk with
    elif method == "INVITE":
        _reinvite(leg, tx, request)
    elif method == "REFER":
        from switch.call import transfer  # which dials, and so imports this

        if not transfer.asked(leg, tx, request):
            _other(leg, tx, request)
    elif method in {"UPDATE", "INFO", "NOTIFY", "MESSAGE"}:
        _other(leg, tx, request)
    else:
        tx.reply(405, board.now, None, (("Allow", ALLOW),))


ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, REFER, NOTIFY, MESSAGE"


def _bye(leg: Leg, tx: ServerTransaction) -> None:
    call, board = leg.call, leg.board
    tx.reply(200, board.now)
    if leg.serving is not None:
        leg.serving.reply(487, board.now)
    if call.transfer is not None and leg is call.transfer.leg:
        call.transfer.gone()
    elif call.state == "up" and leg in (call.caller, call.called):
        call.hung_up(leg, NORMAL)
    elif leg is call.caller:
        call.cancelled()
    else:
        leg.leave()


def _peer(leg: Leg) -> Leg | None:
    """The other party, when it has a dialog too."""
    call = leg.call
    other: Leg | None = call.caller
    if leg.is_caller:
        other = call.called or call.last
    return other if other is not None and other.dialog is not None and other.keys else None


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
    if peer is None or leg.call.state == "over":
        tx.reply(481, board.now)
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
    headers = (*_carried(request), ("Allow", ALLOW)) if told else (("Allow", ALLOW),)
    bridge.send(headers, body)
    if isinstance(tx, InviteServerTransaction):
        tx.reply(100, leg.board.now)
        leg.serving = tx


def _carried(message: Request | Response) -> list[Header]:
    return [(name, value) for name in _PASSED_HEADERS if (value := message.get(name))]
