"""SIP over TCP: the connections of one worker, accepted and made."""

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

from .config import NetConfig
from .connection import MakeFramer, TcpConnection
from .counters import Counters
from .firewall import Firewall
from .flow import Flow, Reason, reason_of
from .reactor import Port, Reactor

log = Logger("switch.net.tcp")


class _Acceptor(Factory):
    """Makes connections that others open, if they may."""

    noisy = False

    def __init__(self, pool: TcpPool, *, own: bool) -> None:
        self._pool = pool
        self._own = own

    def buildProtocol(self, addr: Any) -> Protocol | None:
        return self._pool.accept(addr, own=self._own)


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
    """All TCP connections of this worker, by id and by remote address; their limits and their end."""

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
        self._ports: list[Port] = []
        self._by_id: dict[int, TcpConnection] = {}
        self._by_remote: dict[tuple[str, int], TcpConnection] = {}
        self._per_source: dict[str, int] = {}
        # Random, because flows outlive the process: they are stored with registrations.
        self._last_id = int.from_bytes(os.urandom(4), "big") << 24
        self._sweep = LoopingCall(self._close_overdue)
        self._sweep.clock = cast(Any, reactor)

    def __len__(self) -> int:
        return len(self._by_id)

    def listen(self, sock: socket.socket, *, own: bool) -> None:
        """Accept on a listening socket; takes it over."""
        port = self._reactor.adoptStreamPort(sock.fileno(), sock.family, _Acceptor(self, own=own))
        sock.close()
        self._ports.append(port)

    def start(self) -> None:
        """Begin to close what is overdue."""
        self._sweep.start(min(self.config.idle_timeout, self.config.message_timeout) / 4, now=False)

    # -- making and finding connections

    def accept(self, addr: Any, *, own: bool) -> TcpConnection | None:
        """A connection for a caller, or None to close the door: banned, flooding, or too many."""
        host = addr.host
        limits = self.config
        full = len(self._by_id) >= limits.max_connections
        greedy = self._per_source.get(host, 0) >= limits.max_connections_per_source
        if full or greedy or not self._firewall.admits(host):
            self.counters.tcp_refused += 1
            return None
        self.counters.tcp_accepted += 1
        return self._make(host, addr.port, own=own, accepted=True)

    def connect(self, host: str, port: int) -> Flow:
        """The flow to a remote: over the connection that is there (RFC 3261 §18), or a new one.

        A failure to connect is told to `on_error`.
        """
        connection = self._by_remote.get((host, port))
        if connection is None:
            if len(self._by_id) >= self.config.max_connections:
                flow = Flow("tcp", host, port, True, 0, self.config.worker)
                self.report(flow, Reason.LIMIT)
                return flow
            connection = self._make(host, port, own=True, accepted=False)
            dialler = _Dialler(connection)
            bind = next((bind for bind in self.config.binds if (":" in bind) == (":" in host)), None)
            local = None if bind is None else (bind, 0)
            wait = self.config.connect_timeout
            connection.connector = self._reactor.connectTCP(host, port, dialler, wait, local)
        return connection.flow

    def _make(self, host: str, port: int, *, own: bool, accepted: bool) -> TcpConnection:
        self._last_id += 1
        flow = Flow("tcp", host, port, own, self._last_id, self.config.worker)
        connection = TcpConnection(self, flow, self._make_framer(), accepted=accepted)
        self._by_id[self._last_id] = connection
        self._by_remote.setdefault((host, port), connection)
        if accepted:
            self._per_source[host] = self._per_source.get(host, 0) + 1
        return connection

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
        if not self._firewall.admits(flow.host):
            if self._firewall.bans(flow.host):
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

    def forget(self, connection: TcpConnection) -> None:
        """The connection has ended."""
        flow = connection.flow
        if self._by_id.pop(flow.connection, None) is None:
            return
        remote = (flow.host, flow.port)
        if self._by_remote.get(remote) is connection:
            del self._by_remote[remote]
        if connection.accepted:
            left = self._per_source[flow.host] - 1
            if left:
                self._per_source[flow.host] = left
            else:
                del self._per_source[flow.host]

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

    # -- the end

    def _close_overdue(self) -> None:
        now = self.now()
        for connection in list(self._by_id.values()):
            if connection.begun_at is not None and now - connection.begun_at > self.config.message_timeout:
                self.counters.tcp_closed_slow += 1
                connection.abort()
            elif now - connection.active_at > self.config.idle_timeout:
                self.counters.tcp_closed_idle += 1
                connection.abort()

    def close_banned(self) -> None:
        """Cut the connections of sources that are banned now."""
        for connection in list(self._by_id.values()):
            if self._firewall.bans(connection.flow.host):
                connection.abort()

    def stop_listening(self) -> None:
        """No new connections."""
        for port in self._ports:
            port.stopListening()
        self._ports.clear()
        if self._sweep.running:
            self._sweep.stop()

    def close_all(self, *, now: bool) -> None:
        """End every connection: after what is written, or at once."""
        for connection in list(self._by_id.values()):
            if now:
                connection.abort()
            else:
                connection.close()


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
