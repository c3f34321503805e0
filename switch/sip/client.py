"""Client transactions: what we asked and what came back (RFC 3261 §17.1, RFC 6026 §7.2)."""

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from switch.sip.message import Header, Request, Response
from switch.sip.timers import reached

if TYPE_CHECKING:
    from switch.sip.transaction import Flow, TransactionLayer

CALLING, TRYING, PROCEEDING, ACCEPTED, COMPLETED, TERMINATED = (
    "calling", "trying", "proceeding", "accepted", "completed", "terminated",
)  # fmt: skip


WAITING = frozenset((CALLING, TRYING, PROCEEDING))
"""States in which there is no final response yet."""
Spare = Callable[[], tuple["Flow", str]]
"""The flow to take, and the Via for it."""


class ClientTransaction:
    """A request of ours other than INVITE (RFC 3261 §17.1.2): timers E, F and K.

    `context` is the user's: the layer never looks at it. Once ended, `request` is None and no callback comes any more.
    """

    __slots__ = (
        "context",
        "data",
        "deadline",
        "due",
        "failed",
        "flow",
        "interval",
        "key",
        "layer",
        "quiet",
        "request",
        "slot",
        "spare",
        "state",
    )

    def __init__(
        self, layer: "TransactionLayer", key: str, request: Request, flow: "Flow", data: bytes = b""
    ) -> None:
        self.layer = layer
        self.key = key
        self.request: Request | None = request
        self.flow = flow
        self.data = data or request.encode()
        self.state = TRYING
        self.interval = layer.t1
        self.deadline = self.due = inf
        self.slot = 0
        self.failed = False
        self.quiet = False
        self.context: object = None
        self.spare: Spare | None = None
        """Asked for another way, once, when this one breaks before anything has come by it."""

    def start(self, now: float) -> None:
        self.deadline = now + self.layer.patience * self.layer.t1
        self.layer.wheel.arm(self, self.deadline if self.flow.reliable else now + self.interval)
        self._send(now)

    def received(self, response: Response, now: float) -> None:
        if self.state not in WAITING:
            return
        if response.status < 200:
            self.state = PROCEEDING
            self.interval = self.layer.t2
        else:
            self._complete(0.0 if self.flow.reliable else self.layer.t4, now)
        if not self.quiet:
            self.layer.user.on_response(self, response)

    def fire(self, now: float) -> None:
        """A timer ran out: E sends again, F gives up, K ends."""
        if self.failed:
            self._fail(now)
        elif self.state == COMPLETED:
            self.end()
        elif reached(now, self.deadline):
            self._time_out()
        else:
            self.interval = min(2 * self.interval, self.layer.t2)
            self.layer.wheel.arm(self, min(now + self.interval, self.deadline))
            self._send(now)

    def _send(self, now: float) -> None:
        if not self.layer.transmit(self.flow, self.data):
            self.failed = True
            self.layer.wheel.arm(self, now)

    def _complete(self, linger: float, now: float) -> None:
        """A final response came: stay only to absorb its retransmissions."""
        self.state = COMPLETED
        self.data = b""
        if linger > 0:
            self.layer.wheel.arm(self, now + linger)
        else:
            self.end()

    def _fail(self, now: float) -> None:
        if self.spare is not None and self.state in {CALLING, TRYING}:
            self._begin_again(now)
        elif self.state in WAITING:
            self.end()
            if not self.quiet:
                self.layer.user.on_transport_error(self)
        else:
            self.end()

    def _begin_again(self, now: float) -> None:
        """The same request by the other way: for the other side, a first one."""
        assert self.spare is not None and self.request is not None
        (self.flow, via), self.spare = self.spare(), None
        self.request.set("Via", via)
        self.data = self.request.encode()
        del self.layer.clients[self.key]
        self.key = f"{self.request.via.branch} {self.request.method}"
        self.layer.clients[self.key] = self
        self.failed, self.interval = False, self.layer.t1
        self.start(now)

    def _time_out(self) -> None:
        self.end()
        if not self.quiet:
            self.layer.user.on_timeout(self)

    def end(self) -> None:
        """Forget the transaction. No callback follows."""
        self.state = TERMINATED
        self.layer.clients.pop(self.key, None)
        self.due = inf
        self.request = None
        self.data = b""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key} {self.state}>"


class InviteClientTransaction(ClientTransaction):
    """An INVITE of ours (RFC 3261 §17.1.1, RFC 6026 §7.2): timers A, B, D and M; sends the ACK to a failure itself, CANCEL on wish.

    A proceeding INVITE has no timer of its own: how long to let it ring is for the user to decide (and then to `cancel`).
    """

    __slots__ = ("ack_tag", "cancel_headers", "cancelled")

    def __init__(
        self, layer: "TransactionLayer", key: str, request: Request, flow: "Flow", data: bytes = b""
    ) -> None:
        super().__init__(layer, key, request, flow, data)
        self.state = CALLING
        self.ack_tag: str | None = None
        self.cancelled = False
        self.cancel_headers: tuple[Header, ...] | None = None

    def received(self, response: Response, now: float) -> None:
        state, status = self.state, response.status
        if state in WAITING:
            if status < 200:
                self._provisional(now)
            elif status < 300:
                self._accept(now)
            else:
                self._refused(response, now)
            self.layer.user.on_response(self, response)
        elif state == ACCEPTED and 200 <= status < 300:
            if self.ack_tag is not None and response.to.tag == self.ack_tag:
                self._send(now)
            else:
                self.layer.user.on_response(self, response)
        elif state == COMPLETED and status >= 300:
            self._send(now)

    def _provisional(self, now: float) -> None:
        if self.state == CALLING:
            self.state = PROCEEDING
            self.deadline = self.due = inf
        if self.cancel_headers is not None:
            self._send_cancel(now)

    def _accept(self, now: float) -> None:
        self.state = ACCEPTED
        self.data = b""
        self.layer.wheel.arm(self, now + 64 * self.layer.t1)

    def _refused(self, response: Response, now: float) -> None:
        assert self.request is not None
        self.data = ack_to_failure(self.request, response)
        self.state = COMPLETED
        if not self.layer.transmit(self.flow, self.data) or self.flow.reliable:
            self.end()
        else:
            self.layer.wheel.arm(self, now + max(64 * self.layer.t1, 32.0))

    def send_ack(self, ack: Request, now: float) -> None:
        """Send the ACK to a 2xx and keep it: later copies of that 2xx are answered here and not passed on (RFC 3261 §13.2.2.4).

        A 2xx with another To tag (the call was forked downstream) still goes to the user.
        """
        self.ack_tag = ack.to.tag
        self.data = ack.encode()
        self._send(now)

    def cancel(self, now: float, headers: tuple[Header, ...] = ()) -> None:
        """Give the INVITE up (RFC 3261 §9.1): CANCEL goes out now, or as soon as a provisional response allows it.

        A 2xx may still come and must be acknowledged and hung up. Without any final response the transaction times out 64 x T1 later.
        `headers` (a Reason, RFC 3326) go into the CANCEL.
        """
        if self.cancelled or self.state not in WAITING:
            return
        self.cancel_headers = headers
        if self.state == PROCEEDING:
            self._send_cancel(now)

    def _send_cancel(self, now: float) -> None:
        assert self.request is not None
        cancel = cancel_of(self.request, self.cancel_headers or ())
        self.cancel_headers = None
        self.cancelled = True
        self.deadline = now + 64 * self.layer.t1
        self.layer.wheel.arm(self, self.deadline)
        self.layer.request(cancel, self.flow, now).quiet = True

    def fire(self, now: float) -> None:
        """A timer ran out: A sends again, B gives up (as after an unanswered CANCEL), D and M end."""
        if self.failed:
            self._fail(now)
        elif self.state in (COMPLETED, ACCEPTED):
            self.end()
        elif reached(now, self.deadline):
            self._time_out()
        elif self.state == CALLING:
            self.interval *= 2
            self.layer.wheel.arm(self, min(now + self.interval, self.deadline))
            self._send(now)


def _same_way(request: Request, method: str, to: str) -> list[Header]:
    """The headers by which ACK and CANCEL follow the INVITE hop by hop (RFC 3261 §9.1, §17.1.1.3)."""
    via = next(header for header in request.headers if header[0] == "Via")
    routes = [header for header in request.headers if header[0] == "Route"]
    return [
        via,
        ("Max-Forwards", "70"),
        *routes,
        ("From", request.get("From") or ""),
        ("To", to),
        ("Call-ID", request.call_id),
        ("CSeq", f"{request.cseq.number} {method}"),
    ]


def ack_to_failure(request: Request, response: Response) -> bytes:
    """The ACK to a 3xx-6xx (RFC 3261 §17.1.1.3)."""
    return Request("ACK", request.uri, _same_way(request, "ACK", response.get("To") or "")).encode()


def cancel_of(request: Request, extra: tuple[Header, ...] = ()) -> Request:
    """The CANCEL of an INVITE (RFC 3261 §9.1)."""
    return Request("CANCEL", request.uri, [*_same_way(request, "CANCEL", request.get("To") or ""), *extra])
