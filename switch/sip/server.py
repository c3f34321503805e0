"""Server transactions: what was asked of us and what we answered (RFC 3261 §17.2, RFC 6026 §7.1)."""

from collections.abc import Callable, Iterable
from math import inf
from typing import TYPE_CHECKING

from switch.sip.client import ACCEPTED, COMPLETED, PROCEEDING, TERMINATED, TRYING
from switch.sip.ids import COOKIE
from switch.sip.message import Header, Request, Response, response_to
from switch.sip.timers import reached

if TYPE_CHECKING:
    from switch.sip.transaction import Flow, TransactionLayer

CONFIRMED = "confirmed"
OPEN = frozenset((TRYING, PROCEEDING))
"""States in which there is no final response yet."""
TRYING_AFTER = 0.2
"""Seconds after which an INVITE that the user has not answered gets a 100 (RFC 3261 §17.2.1)."""


class ServerTransaction:
    """A request to us other than INVITE (RFC 3261 §17.2.2): timer J.

    Left unanswered for 64 x T1 it ends with `on_timeout`: by then nobody waits for the answer (RFC 4320 §4.2).
    `context` is the user's. Once answered, only the last response is kept, as bytes; `request` becomes None when the transaction ends.
    """

    __slots__ = (
        "_tag",
        "context",
        "data",
        "deadline",
        "due",
        "failed",
        "flow",
        "interval",
        "key",
        "layer",
        "polish",
        "request",
        "slot",
        "state",
    )

    def __init__(
        self, layer: "TransactionLayer", key: str, request: Request, flow: "Flow", now: float
    ) -> None:
        self.layer = layer
        self.key = key
        self.request: Request | None = request
        self.flow = flow
        self.data = b""
        self.state = TRYING
        self.interval = layer.t1
        self.due = inf
        self.slot = 0
        self.failed = False
        self.context: object = None
        self.polish: Callable[[Response], object] | None = None
        """What the user still changes in each response that `reply` makes."""
        self._tag: str | None = None
        self.deadline = now + 64 * layer.t1
        self._start(now)

    def _start(self, now: float) -> None:
        self.layer.wheel.arm(self, self.deadline)

    @property
    def tag(self) -> str:
        """The To tag of our answers, the same in all of them; that of the request when it has one."""
        if self._tag is None:
            theirs = self.request.to.tag if self.request is not None else None
            self._tag = theirs or self.layer.ids.tag()
        return self._tag

    @property
    def answered(self) -> bool:
        """Whether a final response has gone out, or can no more."""
        return self.state not in OPEN

    def reply(
        self,
        status: int,
        now: float,
        reason: str | None = None,
        headers: Iterable[Header] = (),
        body: bytes = b"",
    ) -> bool:
        """Build a response from the request and send it; see `respond`."""
        if self.request is None or self.state not in OPEN:
            return False
        response = response_to(self.request, status, reason, self.tag if status > 100 else None)
        response.headers.extend(headers)
        response.body = body
        if self.polish is not None:
            self.polish(response)
        return self.respond(response, now)

    def respond(self, response: Response, now: float) -> bool:
        """Send a response. False, and nothing is sent, when a final one has gone out already."""
        if self.state not in OPEN:
            return False
        if self._tag is None and response.status > 100:
            self._tag = response.to.tag
        self.data = response.encode()
        if response.status < 200:
            self.state = PROCEEDING
            self._send(now)
        else:
            self._final(response, now)
        return True

    def _final(self, response: Response, now: float) -> None:
        self.state = COMPLETED
        self.request = None
        self.layer.wheel.arm(self, now + 64 * self.layer.t1)
        self._send(now)
        if self.flow.reliable and not self.failed:
            self.end()
            self.context = None

    def retransmitted(self, now: float) -> None:
        """The request came again: answer as before, or keep silent while there is no answer."""
        if self.data:
            self._send(now)

    def fire(self, now: float) -> None:
        """Timer J ran out, or nobody answered in time."""
        unanswered = not self.answered
        self.end()
        if self.failed:
            self.layer.user.on_transport_error(self)
        elif unanswered:
            self.layer.user.on_timeout(self)

    def _send(self, now: float) -> None:
        if not self.layer.transmit(self.flow, self.data):
            self.failed = True
            self.layer.wheel.arm(self, now)

    def end(self) -> None:
        """Forget the transaction. No callback follows."""
        self.state = TERMINATED
        self.layer.servers.pop(self.key, None)
        self.due = inf
        self.request = None
        self.data = b""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key} {self.state}>"


class InviteServerTransaction(ServerTransaction):
    """An INVITE to us (RFC 3261 §17.2.1, RFC 6026 §7.1): timers G, H, I and L.

    The 2xx is sent again *here* until its ACK comes (RFC 3261 §13.3.1.4 leaves that to the user; doing it here spares every user a timer).
    `on_timeout` means that no ACK came for 64 x T1 after a final response: an answered call is to be hung up then.
    How long an INVITE may stay unanswered is for the user to decide.
    """

    __slots__ = ("ack_key", "acked")

    def _start(self, now: float) -> None:
        self.state = PROCEEDING
        self.acked = False
        self.ack_key: tuple[str, int, str] | None = None
        self.deadline = inf
        self.layer.wheel.arm(self, now + TRYING_AFTER)

    def _final(self, response: Response, now: float) -> None:
        assert self.request is not None
        self.deadline = now + 64 * self.layer.t1
        if response.status < 300:
            self.state = ACCEPTED
            self.ack_key = (self.request.call_id, self.request.cseq.number, self._tag or "")
            self.layer.unacked[self.ack_key] = self
        else:
            self.state = COMPLETED
        self.request = None
        again = self.state == ACCEPTED or not self.flow.reliable
        self.layer.wheel.arm(self, now + self.interval if again else self.deadline)
        self._send(now)

    def retransmitted(self, now: float) -> None:
        """The INVITE came again: the last response again; a 2xx has its own timer (RFC 6026 §7.1)."""
        if self.state == PROCEEDING:
            if not self.data:
                self._trying()
            self._send(now)
        elif self.state == COMPLETED:
            self._send(now)

    def _trying(self) -> None:
        assert self.request is not None
        self.data = response_to(self.request, 100).encode()

    def acknowledges(self, ack: Request) -> bool:
        """Whether an ACK of this transaction's key bears the tag of our answer (RFC 3261 §17.2.3; a cookie branch needs no tag)."""
        return self.key.startswith(COOKIE) or ack.to.tag == self._tag or self._tag is None

    def acknowledged(self, now: float) -> bool:
        """The ACK came. True when it acknowledges a 2xx, which concerns the user; False when it ends a failure."""
        if self.state == COMPLETED:
            self.state = CONFIRMED
            self.data = b""
            if self.flow.reliable:
                self.end()
                self.context = None
            else:
                self.deadline = now + self.layer.t4
                self.layer.wheel.arm(self, self.deadline)
            return False
        if self.state != ACCEPTED:
            return False
        self.acked = True
        self.data = b""
        self.layer.wheel.arm(self, self.deadline)
        return True

    def fire(self, now: float) -> None:
        """A timer ran out: the first 100, G and its like for the 2xx send again, H gives up, I and L end."""
        if self.failed:
            settled = self.acked or self.state == CONFIRMED
            self.end()
            if not settled:
                self.layer.user.on_transport_error(self)
        elif self.state == PROCEEDING:
            if not self.data:
                self._trying()
                self._send(now)
        elif not reached(now, self.deadline):
            self.interval = min(2 * self.interval, self.layer.t2)
            self.layer.wheel.arm(self, min(now + self.interval, self.deadline))
            self._send(now)
        else:
            missing = self.state == COMPLETED or (self.state == ACCEPTED and not self.acked)
            self.end()
            if missing:
                self.layer.user.on_timeout(self)

    def end(self) -> None:
        super().end()
        if self.ack_key is not None:
            self.layer.unacked.pop(self.ack_key, None)
