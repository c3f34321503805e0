"""Messages between the workers of one node: what came to the wrong one goes to the right one, once."""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Final

from twisted.internet.interfaces import IReadDescriptor, IReadWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from .config import ConfigError
from .counters import Counters
from .flow import Flow, Reason
from .reactor import Reactor

_HEAD: Final = struct.Struct("!BBBBBHHHQ")
"""Version, kind, transport, own, local address, remote port, worker of the flow, sending worker, connection; then the host
and the proved names, each with its length before it."""
_VERSION: Final = 2
_TRANSPORTS: Final = ("udp", "tcp", "tls", "ws", "wss")
_LENGTHS: Final = struct.Struct("!BH")
_TURN: Final = 64
_BUFFER: Final = 1 << 20
_LONGEST: Final = 1 << 17

log = Logger("switch.net.handover")


class Kind(IntEnum):
    """What the receiving worker is asked to do. None of the three makes it hand anything over again."""

    RECEIVED = 1
    """Treat as received here; the flow says where it came from."""
    SEND = 2
    """Send on a connection or port that is yours."""
    UNSENT = 3
    """What you asked to be sent could not be; the data is the reason."""


Receive = Callable[[Kind, Flow, bytes, int], None]
"""kind, flow, data, worker that sent it."""


def pack(kind: Kind, flow: Flow, data: bytes, sender: int) -> bytes:
    """One datagram between workers."""
    transport, host, port, own, connection, worker, local, peer = flow
    name, names = host.encode("ascii"), peer.encode("ascii")
    head = _HEAD.pack(
        _VERSION, kind, _TRANSPORTS.index(transport), own, local, port, worker, sender, connection
    )
    return b"".join((head, _LENGTHS.pack(len(name), len(names)), name, names, data))


def unpack(datagram: bytes) -> tuple[Kind, Flow, bytes, int]:
    """The reverse; raises ValueError for what no worker of this version sends."""
    try:
        version, kind, transport, own, local, port, worker, sender, connection = _HEAD.unpack_from(datagram)
        of_host, of_names = _LENGTHS.unpack_from(datagram, _HEAD.size)
        start = _HEAD.size + _LENGTHS.size
        middle, end = start + of_host, start + of_host + of_names
        if version != _VERSION or end > len(datagram):
            raise ValueError("not a handover of this version")
        host, peer = datagram[start:middle].decode("ascii"), datagram[middle:end].decode("ascii")
        flow = Flow(_TRANSPORTS[transport], host, port, bool(own), connection, worker, local, peer)
        return Kind(kind), flow, datagram[end:], sender
    except (struct.error, IndexError) as error:
        raise ValueError("not a handover") from error


def socket_path(run_dir: Path, worker: int) -> Path:
    """Where that worker listens for the others."""
    return run_dir / f"handover-{worker}.sock"


@implementer(IReadWriteDescriptor)
class _Peer:
    """Our end towards one other worker.

    Connected, because only then the reactor can tell when the other's queue (ten datagrams on a plain kernel) has room
    again; what does not fit waits here, up to a bound.
    """

    def __init__(self, reactor: Reactor, path: Path, counters: Counters, bound: int) -> None:
        self._reactor = reactor
        self._path = str(path)
        self._counters = counters
        self._bound = bound
        self._sock: socket.socket | None = None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0

    def send(self, datagram: bytes) -> bool:
        """Send or queue; False when the worker is not there or does not keep up (counted)."""
        if self._waiting:
            return self._queue(datagram)
        for _ in range(2):
            try:
                (self._sock or self._connect()).send(datagram)
            except BlockingIOError:
                return self._queue(datagram)
            except OSError:
                # The other worker was restarted: its new socket has the old name. Try that one, once.
                self.close()
            else:
                return True
        self._counters.handover_missing += 1
        return False

    def _connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            sock.connect(self._path)
        except OSError:
            sock.close()
            raise
        self._sock = sock
        return sock

    def _queue(self, datagram: bytes) -> bool:
        if self._waiting_bytes + len(datagram) > self._bound:
            self._counters.handover_blocked += 1
            return False
        if not self._waiting:
            self._reactor.addWriter(self)
        self._waiting.append(datagram)
        self._waiting_bytes += len(datagram)
        return True

    def doWrite(self) -> None:
        """The other worker has room again."""
        assert self._sock is not None
        while self._waiting:
            try:
                self._sock.send(self._waiting[0])
            except BlockingIOError:
                return
            except OSError:
                self._lose()
                return
            self._waiting_bytes -= len(self._waiting.popleft())
        self._reactor.removeWriter(self)

    def _lose(self) -> None:
        self._counters.handover_missing += len(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        self.close()

    def doRead(self) -> None:
        """Nothing is ever sent to this end."""

    def connectionLost(self, reason: Failure) -> None:
        """The other worker has gone while we waited for room."""
        self._lose()

    def fileno(self) -> int:
        """For the reactor."""
        return self._sock.fileno() if self._sock else -1

    def logPrefix(self) -> str:
        """For the reactor's log."""
        return "handover"

    def close(self) -> None:
        """Forget the connection; the next send makes a new one."""
        if self._sock is not None:
            self._reactor.removeWriter(self)
            self._sock.close()
            self._sock = None


@implementer(IReadDescriptor)
class Handover:
    """This worker's socket for the others, and its ends towards them."""

    def __init__(
        self,
        reactor: Reactor,
        *,
        run_dir: Path,
        worker: int,
        counters: Counters,
        bound: int,
        receive: Receive,
    ) -> None:
        self._reactor = reactor
        self._run_dir = run_dir
        self._worker = worker
        self._counters = counters
        self._bound = bound
        self._receive = receive
        self._peers: dict[int, _Peer] = {}
        self._sock: socket.socket | None = None

    def start(self) -> None:
        """Listen. Raises ConfigError when another process is this worker already."""
        path = socket_path(self._run_dir, self._worker)
        self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._replace_dead(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        try:
            sock.bind(str(path))
            os.chmod(path, 0o600)
        except OSError as error:
            sock.close()
            raise ConfigError(
                f"Cannot listen on {path}: {error.strerror}; set MIZU_VAR to a shorter, writable path."
            ) from error
        self._sock = sock
        self._reactor.addReader(self)

    def _replace_dead(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                path.unlink(missing_ok=True)
            else:
                raise ConfigError(f"Worker {self._worker} runs already ({path} answers); stop it first.")

    def send(self, worker: int, kind: Kind, flow: Flow, data: bytes) -> bool:
        """Hand one message to another worker; False when it cannot take it (counted by cause)."""
        peer = self._peers.get(worker)
        if peer is None:
            path = socket_path(self._run_dir, worker)
            peer = self._peers[worker] = _Peer(self._reactor, path, self._counters, self._bound)
        return peer.send(pack(kind, flow, data, self._worker))

    def doRead(self) -> None:
        """Take what the others have handed over, a bounded turn of it."""
        for _ in range(_TURN):
            if self._sock is None:
                return
            try:
                datagram = self._sock.recv(_LONGEST)
            except BlockingIOError:
                return
            try:
                kind, flow, data, sender = unpack(datagram)
            except ValueError:
                self._counters.handover_invalid += 1
                continue
            try:
                self._receive(kind, flow, data, sender)
            except Exception:
                self._counters.handler_failures += 1
                log.failure("handling what worker {sender} handed over failed", sender=sender)

    def stop(self) -> None:
        """Take what waits, then close; the name goes away, so that others see that we are gone."""
        self.doRead()
        for peer in self._peers.values():
            peer.close()
        if self._sock is not None:
            self._reactor.removeReader(self)
            self._sock.close()
            self._sock = None
            socket_path(self._run_dir, self._worker).unlink(missing_ok=True)

    def connectionLost(self, reason: Failure) -> None:
        """A datagram socket of our own is never lost."""

    def fileno(self) -> int:
        """For the reactor."""
        return self._sock.fileno() if self._sock else -1

    def logPrefix(self) -> str:
        """For the reactor's log."""
        return "handover"


def reason_from(data: bytes) -> Reason:
    """The reason in an UNSENT message; FAILED when it is not one of ours."""
    try:
        return Reason(data.decode("ascii"))
    except ValueError:
        return Reason.FAILED
