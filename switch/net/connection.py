"""One TCP connection: cut into messages, bounded in what waits, answered when it pings."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from typing import Protocol as Shape

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from .flow import Flow, Reason
from .reactor import Transport

if TYPE_CHECKING:
    from .tcp import TcpPool

_PING = b"\r\n\r\n"
_PONG = b"\r\n"


class Framer(Shape):
    """Cuts a stream into messages (RFC 3261 §18.3); one per connection, made by the injected factory."""

    @property
    def waiting(self) -> int:
        """Bytes of a message that has begun and is not whole yet; 0 between messages."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what arrived, give the messages that are now whole, and CRLF CRLF between messages as it is.

        Raises the `framing_error` that `Net` was given when the stream cannot be cut any more.
        """


MakeFramer = Callable[[], Framer]


@implementer(IPushProducer)
class TcpConnection(Protocol):
    """One connection. Alive before it is connected: what is sent waits, bounded in bytes."""

    def __init__(self, pool: TcpPool, flow: Flow, framer: Framer, *, accepted: bool) -> None:
        self.pool = pool
        self.flow = flow
        self.accepted = accepted
        self.connector: Any = None
        """What is dialling, for a connection that we open."""
        self.active_at = pool.now()
        """When a byte last came or went."""
        self.begun_at: float | None = None
        """When the message that is not whole yet began."""
        self._framer = framer
        self._wire: Transport | None = None
        self._ended = False
        self._full = True
        """Nothing more may be written now: not connected yet, or the send buffer is full."""
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0

    # -- the reactor calls

    def connectionMade(self) -> None:
        wire = self._wire = cast(Transport, self.transport)
        wire.setTcpNoDelay(True)
        wire.setTcpKeepAlive(True)
        wire.registerProducer(self, True)
        self.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        self.active_at = self.pool.now()
        try:
            messages = self._framer.feed(data)
        except self.pool.framing_error:
            self.pool.counters.tcp_closed_garbage += 1
            self.pool.report(self.flow, Reason.FRAMING)
            self.abort()
            return
        if not self._framer.waiting:
            self.begun_at = None
        elif messages or self.begun_at is None:
            self.begun_at = self.active_at
        pings = messages.count(_PING)
        if pings:
            self.pool.counters.keepalives += pings
            self.send(_PONG)
        for message in messages:
            if self._ended:
                return
            if message != _PING:
                self.pool.deliver(message, self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._wire = None
        if not self._ended:
            self._ended = True
            self.pool.report(self.flow, Reason.CLOSED)
        self.pool.forget(self)

    # -- what waits to be sent

    def send(self, data: bytes) -> bool:
        """Send now, or when there is room; False when the bound of waiting bytes is reached."""
        self.active_at = self.pool.now()
        if self._wire is not None and not self._full:
            self._wire.write(data)
            return True
        if self._waiting_bytes + len(data) > self.pool.config.max_waiting:
            return False
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        return True

    def resumeProducing(self) -> None:
        """There is room in the send buffer, or the connection has come up."""
        self._full = False
        while self._waiting and self._wire is not None and not self._full:
            data = self._waiting.popleft()
            self._waiting_bytes -= len(data)
            self._wire.write(data)

    def pauseProducing(self) -> None:
        """The send buffer (64 KiB) is full: the rest waits here, where it is bounded."""
        self._full = True

    def stopProducing(self) -> None:
        """The connection is going down."""
        self._full = True

    # -- the end

    def close(self) -> None:
        """Close when all that was written is sent; nobody is told."""
        if self._wire is None:
            self.abort()
            return
        self._ended = True
        self._wire.unregisterProducer()
        self._wire.loseConnection()

    def abort(self) -> None:
        """Close at once, or stop dialling; nobody is told."""
        self._ended = True
        self.pool.forget(self)
        if self._wire is not None:
            self._wire.abortConnection()
        elif self.connector is not None:
            self.connector.disconnect()
