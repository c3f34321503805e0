"""The transaction layer: finds or makes the transaction of each message, and ticks the timers (RFC 3261 §17, RFC 6026).

Pure: the owner passes in messages, flows and the time (seconds of any steady clock), and is called back by `send` and `user`.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from switch.sip.client import COMPLETED, TERMINATED, WAITING, ClientTransaction, InviteClientTransaction
from switch.sip.headers import REASONS
from switch.sip.ids import COOKIE, Ids
from switch.sip.message import BadMessage, Request, Response, response_to
from switch.sip.server import CONFIRMED, InviteServerTransaction, ServerTransaction
from switch.sip.timers import Wheel

__all__ = [
    "ClientTransaction", "Flow", "InviteClientTransaction", "InviteServerTransaction", "ServerTransaction", "TransactionLayer", "User",
]  # fmt: skip

T1 = 0.5
T2 = 4.0
T4 = 5.0
PATIENCE = 64
"""Times T1 that a request of ours waits for its answer (timers B and F)."""
LIMIT = 200_000
RETRY_AFTER = "5"


class Flow(Protocol):
    """Where a message came from or goes to: a pair of UDP addresses, a connection. Opaque but for this."""

    @property
    def reliable(self) -> bool: ...


class User(Protocol):
    """The transaction user: what the layer tells it. Every call comes from within `receive` or `tick`, never from `request`."""

    def serves(self, request: Request) -> bool:
        """Whether a request belongs to a dialog that is known: asked only under overload, before there is a transaction."""

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        """A new request; answer by `tx.reply` or `tx.respond`, now or later."""

    def on_ack(self, request: Request, flow: Flow) -> None:
        """An ACK that belongs to a 2xx (each copy of it), or to nothing we know."""

    def on_cancel(self, tx: InviteServerTransaction, request: Request) -> None:
        """The caller gave up an INVITE that has no final response: answer *it* with 487. The CANCEL itself has been answered."""

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        """A response to a request of ours, provisional ones too; copies of a final one are absorbed."""

    def on_timeout(self, tx: ClientTransaction | ServerTransaction) -> None:
        """No final response came, or no ACK to ours. The transaction has ended."""

    def on_transport_error(self, tx: ClientTransaction | ServerTransaction) -> None:
        """The flow failed. The transaction has ended."""


class TransactionLayer:
    """All transactions of one worker.

    `send(flow, data)` may raise OSError: the transaction then ends by `on_transport_error` at the next tick.
    While its owner says that the worker is `busy`, or with more than `limit` transactions, what begins something new gets 503 with
    Retry-After, and nothing is kept of it. Calls that are up go on: BYE and re-INVITE of a known dialog and CANCEL of a known
    INVITE are served however many there are, all else inside a known dialog up to twice the limit.
    """

    __slots__ = (
        "_fired",
        "busy",
        "clients",
        "ids",
        "limit",
        "patience",
        "refused",
        "send",
        "servers",
        "stray",
        "t1",
        "t2",
        "t4",
        "unacked",
        "user",
        "wheel",
    )

    def __init__(
        self,
        send: Callable[[Flow, bytes], None],
        user: User,
        ids: Ids,
        *,
        t1: float = T1,
        t2: float = T2,
        t4: float = T4,
        limit: int = LIMIT,
    ) -> None:
        self.send = send
        self.user = user
        self.ids = ids
        self.t1, self.t2, self.t4 = t1, t2, t4
        self.limit = limit
        self.busy = False
        self.patience = PATIENCE
        self.clients: dict[str, ClientTransaction] = {}
        self.servers: dict[str, ServerTransaction] = {}
        self.unacked: dict[tuple[str, int, str], InviteServerTransaction] = {}
        self.wheel: Wheel[ClientTransaction | ServerTransaction] = Wheel()
        self.stray = 0
        self.refused = 0
        self._fired: deque[ClientTransaction | ServerTransaction] = deque()

    # --- what the owner calls ---------------------------------------------------------------------------------------------------

    def receive(self, message: Request | Response, flow: Flow, now: float) -> None:
        """A message that `parse` accepted (with its Via stamped, see `message.stamp_via`)."""
        if isinstance(message, Response):
            self._receive_response(message, now)
        elif message.method == "ACK":
            self._receive_ack(message, flow, now)
        else:
            self._receive_request(message, flow, now)

    def request(self, request: Request, flow: Flow, now: float, data: bytes = b"") -> ClientTransaction:
        """Send a request (its top Via made by `ids.via`) and follow it. Not for ACK: see `InviteClientTransaction.send_ack`.

        `data`: the same as bytes, when they have been made already.
        """
        kind = InviteClientTransaction if request.method == "INVITE" else ClientTransaction
        tx = kind(self, f"{_branch_of(request)} {request.method}", request, flow, data)
        self.clients[tx.key] = tx
        tx.start(now)
        return tx

    def invite(self, request: Request, flow: Flow, now: float, data: bytes = b"") -> InviteClientTransaction:
        """`request` for an INVITE, with the type that can be cancelled and acknowledged."""
        tx = self.request(request, flow, now, data)
        assert isinstance(tx, InviteClientTransaction)
        return tx

    def tick(self, now: float) -> None:
        """Fire what is due. If a callback raises, the rest fires at the next tick."""
        fired = self._fired
        fired.extend(self.wheel.due(now))
        while fired:
            tx = fired.popleft()
            if tx.state != TERMINATED:
                tx.fire(now)
                _let_go(tx)

    def reject(self, bad: BadMessage, flow: Flow) -> None:
        """Answer a message that could not be parsed, without a transaction; silence when it is to be dropped."""
        if bad.status and isinstance(bad.partial, Request):
            self.transmit(flow, response_to(bad.partial, bad.status, None, self.ids.tag()).encode())

    def flow_failed(self, flow: Flow, now: float) -> None:
        """A connection broke: its waiting transactions end by `on_transport_error` at the next tick (RFC 3261 §17.1.4)."""
        waiting: list[ClientTransaction | ServerTransaction] = [
            *self.clients.values(),
            *self.servers.values(),
        ]
        for tx in waiting:
            if tx.flow is flow:
                tx.failed = True
                self.wheel.arm(tx, now)

    def waits(self) -> bool:
        """Whether somebody still owes us an answer, or the ACK to a 2xx. Transactions that only absorb copies (timers K, D, M, L) do not count."""
        asking = any(tx.state in WAITING for tx in self.clients.values())
        return asking or not all(tx.acked for tx in self.unacked.values())

    def __len__(self) -> int:
        return len(self.clients) + len(self.servers)

    # --- inside -----------------------------------------------------------------------------------------------------------------

    def transmit(self, flow: Flow, data: bytes) -> bool:
        try:
            self.send(flow, data)
        except OSError:
            return False
        return True

    def _receive_response(self, response: Response, now: float) -> None:
        tx = self.clients.get(f"{response.via.branch} {response.cseq.method}")
        if tx is None:
            self.stray += 1
        else:
            tx.received(response, now)
            _let_go(tx)

    def _receive_ack(self, ack: Request, flow: Flow, now: float) -> None:
        tx = self.servers.get(server_key(ack, "INVITE"))
        if isinstance(tx, InviteServerTransaction) and tx.state in {COMPLETED, CONFIRMED}:
            if tx.acknowledges(ack):
                tx.acknowledged(now)
            return
        answered = self.unacked.get((ack.call_id, ack.cseq.number, ack.to.tag or ""))
        if answered is not None:
            answered.acknowledged(now)
        self.user.on_ack(ack, flow)

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        method = request.method
        key = server_key(request, method)
        known = self.servers.get(key)
        if known is not None:
            known.retransmitted(now)
            return
        if (self.busy or len(self.clients) + len(self.servers) >= self.limit) and not self._served(request):
            self._refuse(request, flow)
            return
        kind = InviteServerTransaction if method == "INVITE" else ServerTransaction
        tx = self.servers[key] = kind(self, key, request, flow, now)
        if method == "CANCEL":
            self._cancel(tx, request, now)
        else:
            self.user.on_request(tx, request)

    def _cancel(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """RFC 3261 §9.2: 200 with the To tag of the INVITE's answers, 481 when there is no such INVITE."""
        invite = self.servers.get(server_key(request, "INVITE"))
        if not isinstance(invite, InviteServerTransaction):
            tx.reply(481, now)
            return
        tx.respond(response_to(request, 200, None, invite.tag), now)
        if not invite.answered:
            self.user.on_cancel(invite, request)

    def _served(self, request: Request) -> bool:
        """Whether a request is served under overload: it goes on with what is there already."""
        if request.method == "CANCEL":
            return server_key(request, "INVITE") in self.servers
        if request.to.tag is None or not self.user.serves(request):
            return False
        return request.method in {"BYE", "INVITE"} or len(self) < 2 * self.limit

    def _refuse(self, request: Request, flow: Flow) -> None:
        """503 without a transaction: the point is to keep nothing."""
        self.refused += 1
        response = response_to(request, 503, REASONS[503], self.ids.tag())
        response.headers.append(("Retry-After", RETRY_AFTER))
        self.transmit(flow, response.encode())


def _let_go(tx: ClientTransaction | ServerTransaction) -> None:
    """Once it has ended, and that was told, hold the user's object no more: it holds the transaction, and only the collector finds rings."""
    if tx.state == TERMINATED:
        tx.context = None


def _branch_of(request: Request) -> str:
    """The branch of a request of ours, without parsing what we wrote a moment ago."""
    name, value = request.headers[0]
    _, found, branch = value.rpartition(";branch=")
    return (
        branch if name == "Via" and found and ";" not in branch and "," not in branch else request.via.branch
    )


def server_key(request: Request, method: str) -> str:
    """What names a server transaction (RFC 3261 §17.2.3); `method` is INVITE for the ACK or CANCEL of one.

    A branch without the magic cookie (or with nothing behind it) is not unique: then the parts of RFC 2543 are compared.
    """
    via = request.via
    if via.branch.startswith(COOKIE) and len(via.branch) > len(COOKIE):
        return f"{via.branch} {via.sent_by} {method}"
    tag = request.from_.tag
    return f"{request.uri} {tag} {request.call_id} {request.cseq.number} {via} {method}"
