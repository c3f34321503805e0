"""One connection, TCP, TLS or WebSocket: cut into messages, bounded in what waits, answered when it pings."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, cast

from OpenSSL import SSL
from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from .certificates import matches
from .codec import PING, PONG, BadFrames, Closed, Codec
from .flow import SECURE, Flow, Reason
from .marking import beneath, mark
from .reactor import Transport
from .tls import proved_by

if TYPE_CHECKING:
    from .tcp import TcpPool


@implementer(IPushProducer, IHandshakeListener)
class TcpConnection(Protocol):
    """One connection. Alive before it is connected: what is sent waits, bounded in bytes.

    It is up when TCP is there, for TLS when the handshake is done and the remote is who it has to be. Of an accepted
    one `flow` names what its certificate proves from then on.
    """

    def __init__(self, pool: TcpPool, flow: Flow, codec: Codec, *, accepted: bool, name: str = "") -> None:
        self.pool = pool
        self.flow = flow
        self.accepted = accepted
        self.name = name
        """Whom we called, and who has to prove it when it is TLS."""
        self.connector: Any = None
        """What is dialling, for a connection that we open."""
        self.active_at = self.heard_at = pool.now()
        """When a byte last came or went; when one last came."""
        self.heard = not accepted
        """Whether something whole ever came. What we opened ourselves need not speak."""
        self.pinged = False
        self.codec = codec
        self.begun_at: float | None = self.active_at if accepted and flow.transport != "tcp" else None
        """When what is not whole yet began: a handshake, a message."""
        self._wire: Transport | None = None
        self._up = False
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
        mark(beneath(wire).getHandle(), self.pool.dscp)
        if self.flow.transport not in SECURE:
            self._begin()
        elif not self.accepted:
            self.begun_at = self.pool.now()

    def handshakeCompleted(self) -> None:
        """TLS is there: the remote of a connection that we opened must be whom we called (RFC 5922 §7.3)."""
        names = proved_by(self._wire)
        if self.accepted:
            self.flow = self.flow._replace(peer=" ".join(names))
        elif self.pool.tls.verifies and not matches(names, self.name):
            self.pool.tls_failed(
                self, f"its certificate is for {', '.join(names) or 'nobody'}, not for {self.name}"
            )
            return
        if not self.codec.waiting:
            self.begun_at = None
        self._begin()

    def _begin(self) -> None:
        assert self._wire is not None
        self._up = True
        self._wire.registerProducer(self, True)
        self.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        if self._ended:
            return
        self.active_at = self.heard_at = self.pool.now()
        self.pinged = False
        try:
            messages = self.codec.feed(data)
        except Closed as error:
            self._end(Reason.CLOSED, error.answer)
            return
        except BadFrames as error:
            self.pool.counters.tcp_closed_garbage += 1
            self._end(Reason.FRAMING, error.answer)
            return
        except self.pool.framing_error:
            self.pool.counters.tcp_closed_garbage += 1
            self._end(Reason.FRAMING, b"")
            return
        if replies := self.codec.replies():
            self._write(replies)
        if not self.codec.waiting:
            self.begun_at = None
        elif messages or self.begun_at is None:
            self.begun_at = self.active_at
        if messages:
            self._deliver(messages)

    def _deliver(self, messages: list[bytes]) -> None:
        self.heard = True
        pings = messages.count(PING)
        if pings:
            self.pool.counters.keepalives += pings
            self.send(PONG)
        for message in messages:
            if self._ended:
                return
            if message != PING:
                self.pool.deliver(message, self)

    def _end(self, reason: Reason, answer: bytes) -> None:
        """Say the last word, if there is one and a way to say it, and close."""
        self.pool.report(self.flow, reason)
        if answer and self._wire is not None and not self._full:
            self._wire.write(answer)
            self.pool.forget(self)
            self.close()
            self.pool.soon(self._cut)  # whoever does not read the last word would keep the socket
        else:
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._wire = None
        if not self._ended:
            if isinstance(reason.value, SSL.Error) and not self._up:
                self.pool.tls_failed(self, _told(reason.value))
            elif self._up:
                self.pool.report(self.flow, Reason.CLOSED)
            elif not self.accepted:
                self.pool.report(self.flow, Reason.TLS)
        self._ended = True
        self.pool.forget(self)

    # -- what waits to be sent

    def send(self, data: bytes) -> bool:
        """Send now, or when there is room; False when the bound of waiting bytes is reached, or nothing can be sent."""
        if not self.codec.open:
            return False
        self.active_at = self.pool.now()
        return self._write(self.codec.frame(data))

    def _write(self, data: bytes) -> bool:
        if self._wire is not None and not self._full:
            self._wire.write(data)
            return True
        if self._waiting_bytes + len(data) > self.pool.config.max_waiting:
            return False
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        return True

    def heartbeat(self) -> None:
        """Ask a WebSocket whether anybody is there still."""
        if beat := self.codec.heartbeat():
            self.pinged = True
            self.heard_at = self.pool.now()
            self._write(beat)

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
        if self._wire is None or not self._up:
            self.abort()
            return
        self._ended = True
        if farewell := self.codec.farewell():
            self._wire.write(farewell)
        self._wire.unregisterProducer()
        self._wire.loseConnection()

    def _cut(self) -> None:
        if self._wire is not None:
            self._wire.abortConnection()

    def abort(self) -> None:
        """Close at once, or stop dialling; nobody is told."""
        self._ended = True
        self.pool.forget(self)
        if self._wire is not None:
            self._wire.abortConnection()
        elif self.connector is not None:
            self.connector.disconnect()


def _told(error: SSL.Error) -> str:
    """OpenSSL's reason in words."""
    try:
        return str(error.args[0][-1][-1])
    except (IndexError, TypeError):
        return "it does not speak TLS"
