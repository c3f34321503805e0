"""SIP over streams (TCP, TLS, WebSocket): the connections of one worker, accepted and made."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.error import ConnectError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from .codec import Codec, MakeFramer, Plain
from .config import NetConfig
from .connection import TcpConnection
from .counters import Counters
from .firewall import Firewall, owner
from .flow import SECURE, WEBSOCKETS, Flow, Reason, reason_of
from .reactor import Port, Reactor
from .tls import Secured, Tls
from .websocket import Origins, WebSocket

log = Logger("switch.net.tcp")


class _Acceptor(Factory):
    """Makes connections that others open, if they may."""

    noisy = False

    def __init__(self, pool: TcpPool, transport: str, *, own: bool, local: int) -> None:
        self._pool = pool
        self._transport = transport
        self._own = own
        self._local = local

    def buildProtocol(self, addr: Any) -> Protocol | None:
        return self._pool.accept(addr, self._transport, own=self._own, local=self._local)


class _Dialler(ClientFactory):
    """Makes one connection that we open."""

    noisy = False

    def __init__(self, connection: TcpConnection) -> None:
        self._connection = connection

    def buildProtocol(self, addr: Any) -> Protocol | None:
        self._connection.pool.counters.tcp_connected += 1
        return self._connection

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._connection.pool.fail(self._connection, reason)


class TcpPool:
    """All connections of this worker, by id and by remote address; their limits and their end.

    A connection to a remote is used again by whoever wants the same remote by the same transport and name: what was
    proved for one name proves nothing for another (RFC 5923 §5).
    """

    def __init__(
        self,
        reactor: Reactor,
        config: NetConfig,
        *,
        firewall: Firewall,
        counters: Counters,
        make_framer: MakeFramer,
        framing_error: type[Exception],
        on_message: Callable[[bytes, Flow], None],
        on_error: Callable[[Flow, Reason], None],
        clock: Callable[[], float],
    ) -> None:
        self.config = config
        self.counters = counters
        self.framing_error = framing_error
        self.now = clock
        self._reactor = reactor
        self._firewall = firewall
        self._make_framer = make_framer
        self._on_message = on_message
        self._on_error = on_error
        self.tls = Tls()
        self.idle_timeout = config.idle_timeout
        self.dscp = 0
        self.origins: Origins = frozenset()
        """Of pages that may open a WebSocket; empty: all."""
        self._ports: list[tuple[str, Port]] = []
        self._by_id: dict[int, TcpConnection] = {}
        self._by_remote: dict[tuple[str, str, int, str, int], TcpConnection] = {}
        """By transport, remote address and port, its name if it is to be proved, and local address."""
        self._per_source: dict[str, int] = {}
        """Accepted connections by who owns the address: an IPv6 /64 counts as one."""
        # Random, because flows outlive the process: they are stored with registrations.
        self._last_id = int.from_bytes(os.urandom(4), "big") << 24
        self._sweep = LoopingCall(self._close_overdue)
        self._sweep.clock = cast(Any, reactor)

    def __len__(self) -> int:
        return len(self._by_id)

    def listen(self, sock: socket.socket, transport: str = "tcp", *, own: bool, local: int = 0) -> None:
        """Accept on a listening socket; takes it over."""
        factory: Factory = _Acceptor(self, transport, own=own, local=local)
        if transport in SECURE:
            factory = cast(Factory, Secured(self.tls, factory, client=False, clock=self._reactor))
        port = self._reactor.adoptStreamPort(sock.fileno(), sock.family, factory)
        sock.close()
        self._ports.append((transport, port))

    def listens(self, transport: str) -> bool:
        """Whether there is a port for it."""
        return any(one == transport for one, _ in self._ports)

    def start(self) -> None:
        """Begin to close what is overdue."""
        limits = self.config
        shortest = min(
            limits.idle_timeout, limits.message_timeout, limits.websocket_ping, limits.silence_timeout
        )
        self._sweep.start(shortest / 4, now=False)

    # -- making and finding connections

    def accept(self, addr: Any, transport: str, *, own: bool, local: int) -> TcpConnection | None:
        """A connection for a caller, or None to close the door: banned, flooding, or too many."""
        host = addr.host
        limits = self.config
        full = len(self._by_id) >= limits.max_connections
        greedy = self._per_source.get(owner(host), 0) >= limits.max_connections_per_source
        if full or greedy or not self._firewall.admits(host, addr.port):
            self.counters.tcp_refused += 1
            return None
        self.counters.tcp_accepted += 1
        return self._make(Flow(transport, host, addr.port, own, 0, limits.worker, local), accepted=True)

    def connect(
        self,
        transport: str,
        host: str,
        port: int,
        name: str = "",
        local: int = 0,
        patience: float | None = None,
    ) -> Flow:
        """The flow to a remote: over the connection that is there (RFC 3261 §18), or a new one.

        `name` is whom a TLS remote must prove to be. A failure to connect is told to `on_error`.
        """
        secure = transport in SECURE
        connection = self._by_remote.get((transport, host, port, name if secure else "", local))
        if connection is not None:
            return connection.flow
        peer = name if secure and self.tls.verifies else ""
        flow = Flow(transport, host, port, True, 0, self.config.worker, local, peer)
        if len(self._by_id) >= self.config.max_connections:
            self.report(flow, Reason.LIMIT)
            return flow
        connection = self._make(flow, accepted=False, name=name if secure else "")
        factory: ClientFactory = _Dialler(connection)
        if secure:
            towards = self.tls.towards(name)
            factory = cast(ClientFactory, Secured(towards, factory, client=True, clock=self._reactor))
        bind = self.config.bind_for(host, local)
        where = None if bind is None else (bind, 0)
        wait = patience or self.config.connect_timeout
        connection.connector = self._reactor.connectTCP(host, port, factory, wait, where)
        return connection.flow

    def _make(self, flow: Flow, *, accepted: bool, name: str = "") -> TcpConnection:
        self._last_id += 1
        flow = flow._replace(connection=self._last_id)
        connection = TcpConnection(self, flow, self._codec(flow), accepted=accepted, name=name)
        self._by_id[self._last_id] = connection
        self._by_remote.setdefault(_remote(connection), connection)
        if accepted:
            source = owner(flow.host)
            self._per_source[source] = self._per_source.get(source, 0) + 1
        return connection

    def _codec(self, flow: Flow) -> Codec:
        if flow.transport in WEBSOCKETS:
            return WebSocket(longest=self.config.longest_message, origins=self.origins)
        return Plain(self._make_framer())

    def send(self, flow: Flow, data: bytes) -> Reason | None:
        """Send on the flow's connection; a reason when that is not possible."""
        connection = self._by_id.get(flow.connection)
        if connection is None or connection.flow != flow:
            return Reason.CLOSED
        if not connection.send(data):
            self.counters.tcp_overflows += 1
            return Reason.OVERFLOW
        self.counters.tcp_sent += 1
        return None

    def holds(self, flow: Flow) -> bool:
        """Whether the flow's connection is there still."""
        connection = self._by_id.get(flow.connection)
        return connection is not None and connection.flow == flow

    # -- what connections tell

    def deliver(self, message: bytes, connection: TcpConnection) -> None:
        """One whole message came; a source that floods is not heard, one that is banned meanwhile is cut off."""
        flow = connection.flow
        if not self._firewall.admits(flow.host, flow.port):
            if self._firewall.bans(flow.host, flow.port):
                connection.abort()
            return
        self.counters.tcp_received += 1
        try:
            self._on_message(message, flow)
        except Exception:
            self.counters.handler_failures += 1
            log.failure("handling a message from {host} failed", host=flow.host)

    def report(self, flow: Flow, reason: Reason) -> None:
        """Tell the owner, after what it is doing now."""
        self.counters.errors += 1
        self._reactor.callLater(0, self._on_error, flow, reason)

    def soon(self, do: Callable[[], None]) -> None:
        """When a farewell has had its time."""
        self._reactor.callLater(self.config.stop_timeout, do)

    def forget(self, connection: TcpConnection) -> None:
        """The connection has ended."""
        flow = connection.flow
        if self._by_id.pop(flow.connection, None) is None:
            return
        remote = _remote(connection)
        if self._by_remote.get(remote) is connection:
            del self._by_remote[remote]
        if connection.accepted:
            source = owner(flow.host)
            left = self._per_source[source] - 1
            if left:
                self._per_source[source] = left
            else:
                del self._per_source[source]

    def fail(self, connection: TcpConnection, failure: Failure) -> None:
        """The connection could not be made (or we no longer wanted it)."""
        if connection.flow.connection not in self._by_id:
            return
        error = failure.value
        if isinstance(error, ConnectTimeout):
            reason = Reason.TIMEOUT
        else:
            reason = reason_of(error.osError if isinstance(error, ConnectError) else None)
        self.forget(connection)
        self.report(connection.flow, reason)

    def tls_failed(self, connection: TcpConnection, why: str) -> None:
        """No TLS with that remote. Of a stranger that came to us nobody is told: nobody has heard of it."""
        self.counters.tls_failed += 1
        log.info("no TLS with {host}: {why}", host=connection.flow.host, why=why)
        if not connection.accepted:
            self.report(connection.flow, Reason.TLS)
        connection.abort()

    # -- the end

    def _close_overdue(self) -> None:
        now, limits = self.now(), self.config
        for connection in list(self._by_id.values()):
            if connection.begun_at is not None and now - connection.begun_at > limits.message_timeout:
                self.counters.tcp_closed_slow += 1
                self._drop(connection)
            elif now - connection.active_at > self.idle_timeout:
                self.counters.tcp_closed_idle += 1
                self._drop(connection)
            elif not connection.heard and now - connection.heard_at > limits.silence_timeout:
                self.counters.tcp_closed_silent += 1
                self._drop(connection)
            elif (
                connection.flow.transport in WEBSOCKETS and now - connection.heard_at > limits.websocket_ping
            ):
                self._nudge(connection)

    def _nudge(self, connection: TcpConnection) -> None:
        """Ping a silent browser; one that did not answer the last ping is gone."""
        if connection.pinged:
            self.counters.tcp_closed_silent += 1
            self._drop(connection)
        else:
            connection.heartbeat()

    def _drop(self, connection: TcpConnection) -> None:
        """We end it; who uses it is told."""
        self.report(connection.flow, Reason.CLOSED)
        connection.abort()

    def close_banned(self) -> None:
        """Cut the connections of sources that are banned now."""
        for connection in list(self._by_id.values()):
            if self._firewall.bans(connection.flow.host, connection.flow.port):
                connection.abort()

    def stop_listening(self, transports: frozenset[str] | None = None) -> None:
        """No new connections, of these transports or at all."""
        kept = []
        for transport, port in self._ports:
            if transports is None or transport in transports:
                port.stopListening()
            else:
                kept.append((transport, port))
        self._ports = kept
        if transports is not None:
            return
        if self._sweep.running:
            self._sweep.stop()

    def close_all(self, *, now: bool) -> None:
        """End every connection: after what is written, or at once."""
        for connection in list(self._by_id.values()):
            if now:
                connection.abort()
            else:
                connection.close()


def _remote(connection: TcpConnection) -> tuple[str, str, int, str, int]:
    flow = connection.flow
    return flow.transport, flow.host, flow.port, connection.name, flow.local


def open_tcp(host: str, port: int, *, shared: bool) -> socket.socket:
    """A listening, non-blocking socket; `shared` lets other workers listen on the same port. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.listen(1024)
    except OSError:
        sock.close()
        raise
    return sock
