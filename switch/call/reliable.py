"""Provisional answers that must arrive (RFC 3262): told to the caller until its PRACK comes, acknowledged to the called by ours.

1. An answer that comes reliably goes on reliably when the caller can do that; then the called gets its PRACK when the caller's
   comes, with what stands in it (the answer to a late offer, a new offer).
2. To a caller that cannot, it goes on plainly, and we acknowledge it. A session description that was only in there is put into
   the 2xx again, for what came unreliably was no answer.
3. A caller that requires it gets every answer reliably, however it came.
4. One unacknowledged answer at a time; more wait in line, and so does a 2xx while one with a session description is on the way.
5. No PRACK for 64 x T1: the call is over (504).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from switch.call import media
from switch.call.alarms import Alarm
from switch.call.causes import NO_RESPONSE
from switch.call.proof import Errand
from switch.sip.grammar import BadValue, number
from switch.sip.message import Header, Message, Request, Response
from switch.sip.timers import reached

if TYPE_CHECKING:
    from switch.call.branch import Branch
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.sip.dialog import Dialog
    from switch.sip.server import ServerTransaction

EXTENSION = "100rel"
_MOST = 2**32 - 1
_MOST_WAITING = 16
"""Answers in line for one caller; a called party that sends more is not listened to any longer."""


class Owed(NamedTuple):
    """A PRACK that the called party waits for."""

    branch: Branch
    dialog: Dialog
    rack: str

    def send(self) -> None:
        """Without a body: nothing but the acknowledgement."""
        headers: tuple[Header, ...] = (("RAck", self.rack),)
        self.branch.request("PRACK", headers, b"", Errand(self.branch, "PRACK", headers), self.dialog)


class Early(NamedTuple):
    """What a branch has told reliably, by its To tag: the last RSeq, and its answer."""

    rseq: int
    content_type: str
    body: bytes


class _Sent(NamedTuple):
    status: int
    reason: str | None
    headers: list[Header]
    body: bytes
    owed: Owed | None


def names(message: Message, header: str) -> bool:
    """Whether Supported, Require or Unsupported names the extension."""
    value = message.get(header)
    return value is not None and any(EXTENSION in line.lower() for line in message.all(header))


def offered(call: Call, policy: str, *, asked: bool = False) -> bool:
    """Whether our INVITE says that we can (`prack`: never, caller, always; `asked`: the called will not do without).

    A reliable answer to an INVITE without an offer holds the offer, and only a caller that can do PRACK can answer that.
    """
    if policy == "never":
        return False
    can = names(call.invite, "Supported") or names(call.invite, "Require")
    return can or ((asked or policy == "always") and media.has_sdp(call.invite))


# --- from the called ------------------------------------------------------------------------------------------------------------


def heard(branch: Branch, response: Response) -> Owed | bool | None:
    """What a provisional answer obliges us to: a PRACK, nothing (None), or (False) not even to look at it, for it is out of order."""
    text = response.get("RSeq")
    if text is None or not names(response, "Require"):
        return None
    try:
        rseq = number(text.strip(), _MOST)
    except BadValue:
        return False
    tag = response.to.tag or ""
    known = branch.early.get(tag)
    if known is not None and rseq != known.rseq + 1:
        return False
    answer = media.has_sdp(response) and media.has_sdp(branch.call.invite)
    branch.early[tag] = Early(
        rseq,
        response.get("Content-Type") or "" if answer else known.content_type if known else "",
        response.body if answer else known.body if known else b"",
    )
    assert branch.dialog is not None
    return Owed(branch, branch.dialog, f"{rseq} {response.cseq.number} INVITE")


def complete(branch: Branch, response: Response) -> None:
    """Put the answer that was given in a reliable provisional response into a 2xx that does not repeat it."""
    early = branch.early.get(response.to.tag or "")
    if early is not None and early.body and not response.body:
        response.add("Content-Type", early.content_type)
        response.body = early.body


# --- to the caller --------------------------------------------------------------------------------------------------------------


def tell(
    call: Call, response: Response, status: int, headers: list[Header], body: bytes, owed: Owed | None
) -> bool:
    """Pass a provisional answer on to the caller as `status`. True: what is owed for it is paid when the caller's PRACK comes."""
    mine = call.reliable
    if mine is None:
        invite = call.invite
        required = names(invite, "Require")
        if required or (owed is not None and names(invite, "Supported")):
            mine = call.reliable = Reliable(call, required=required)
    if mine is None or (owed is None and not mine.required):
        call.tx.reply(status, call.board.now, _reason(response, status), headers, body)
        return False
    return mine.tell(response, status, headers, body, owed)


def _reason(response: Response, status: int) -> str | None:
    return response.reason if status == response.status else None


class Reliable:
    """The caller's side of one call."""

    __slots__ = ("_alarm", "_answer", "_call", "_data", "_deadline", "_final", "_interval", "_line", "_rseq", "_waiting", "required")  # fmt: skip

    def __init__(self, call: Call, *, required: bool) -> None:
        self._call = call
        self.required = required
        self._rseq = int(call.board.ids.random()[:7], 16) + 1
        self._line: deque[_Sent] = deque()
        self._waiting: _Sent | None = None
        self._alarm = Alarm(self._again)
        self._data = b""
        self._interval = self._deadline = 0.0
        self._final: Callable[[], object] | None = None
        self._answer: tuple[object, bytes] = (None, b"")

    @property
    def answer(self) -> bytes:
        """The session description that the caller has as the answer to its offer; empty while it has none."""
        return self._answer[1]

    def tell(
        self, response: Response, status: int, headers: list[Header], body: bytes, owed: Owed | None
    ) -> bool:
        """See `tell`. The answer of a second end is not told: an offer has one answer."""
        if len(self._line) >= _MOST_WAITING:
            return False
        if body and media.has_sdp(self._call.invite):
            source = owed.dialog if owed is not None else response.to.tag
            if self._answer[1] and self._answer[0] is not source:
                headers, body = [one for one in headers if one[0] != "Content-Type"], b""
            else:
                self._answer = (source, body)
        self._line.append(_Sent(status, _reason(response, status), headers, body, owed))
        if self._waiting is None:
            self._next()
        return True

    def _next(self) -> None:
        board, tx = self._call.board, self._call.tx
        self._waiting = sent = self._line.popleft()
        self._rseq += 1
        headers = [*sent.headers, ("Require", EXTENSION), ("RSeq", str(self._rseq))]
        tx.reply(sent.status, board.now, sent.reason, headers, sent.body)
        self._data = tx.data
        self._interval = board.layer.t1
        self._deadline = board.now + 64 * board.layer.t1
        board.alarms.set(self._alarm, board.now + self._interval)

    def _again(self) -> None:
        board = self._call.board
        if self._waiting is None:
            return
        if reached(board.now, self._deadline):
            self._call.unheard()
            return
        board.layer.transmit(self._call.tx.flow, self._data)
        self._interval *= 2
        board.alarms.set(self._alarm, min(board.now + self._interval, self._deadline))

    # --- PRACK ------------------------------------------------------------------------------------------------------------------

    def acknowledged(self, leg: Leg, tx: ServerTransaction, request: Request) -> bool:
        """The caller's PRACK; False when it acknowledges nothing that waits."""
        sent, call = self._waiting, self._call
        if sent is None or not self._is_for(request.get("RAck") or ""):
            return False
        call.board.alarms.cancel(self._alarm)
        self._waiting = None
        if request.body:
            _with_body(leg, tx, request, sent.owed)
        else:
            tx.reply(200, call.board.now)
            if sent.owed is not None:
                sent.owed.send()
        self._go_on()
        return True

    def _is_for(self, rack: str) -> bool:
        return rack.split() == [str(self._rseq), str(self._call.loop_key[2]), "INVITE"]

    def _go_on(self) -> None:
        final, self._final = self._final, None
        if self._line:
            self._next()
            self._final = final
        elif final is not None:
            final()

    # --- the final answer -------------------------------------------------------------------------------------------------------

    def before_answer(self, answer: Callable[[], object]) -> None:
        """Give the 2xx, now or once the caller has every session description that was told before (RFC 3262 §3)."""
        pending = [*([self._waiting] if self._waiting else []), *self._line]
        if any(sent.body for sent in pending):
            self._final = answer
            return
        self._call.board.alarms.cancel(self._alarm)  # a late PRACK is still answered
        for sent in pending:
            if sent.owed is not None:
                sent.owed.send()
        self._line.clear()
        if self._waiting is not None:
            self._waiting = self._waiting._replace(owed=None)
        answer()

    def stop(self) -> bool:
        """The call is over. True when its 2xx has never gone out: the INVITE still wants a final answer."""
        self._call.board.alarms.cancel(self._alarm)
        self._waiting = None
        self._line.clear()
        held, self._final = self._final is not None, None
        return held


def prack(leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """A PRACK inside a dialog."""
    mine = leg.call.reliable
    if not leg.is_caller or mine is None or not mine.acknowledged(leg, tx, request):
        tx.reply(481, leg.board.now)


def _with_body(leg: Leg, tx: ServerTransaction, request: Request, owed: Owed | None) -> None:
    """The answer to an offer of the called, or another offer. The called gets it in its PRACK, or when it waits for none, in an UPDATE."""
    from switch.call.bridge import Bridge

    call, board = leg.call, leg.board
    target = owed.branch if owed is not None else call.called or call.last
    try:
        body = media.passed(call, request, leg)
    except media.BadSdp as error:
        tx.reply(488, board.now, f"Bad session description: {error}")
        if owed is not None:
            owed.send()
        return
    if target is None or target.dialog is None:
        tx.reply(488, board.now)
        return
    offers = owed is None or media.has_sdp(call.invite)  # else it is the answer to a late offer
    bridge = Bridge(tx, "UPDATE" if owed is None else "PRACK", leg, target, with_offer=offers)
    tx.context = bridge
    headers: tuple[Header, ...] = (("Content-Type", request.get("Content-Type") or media.SDP_TYPE),)
    if owed is not None:
        headers = (("RAck", owed.rack), *headers)
        bridge.dialog = owed.dialog
    bridge.send(headers, body)


NEVER_ACKNOWLEDGED = NO_RESPONSE._replace(status=504)
