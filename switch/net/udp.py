"""SIP over UDP: one non-blocking socket on the reactor, read and written directly.

Not Twisted's DatagramProtocol, which is as fast (1.7 µs per datagram) but cannot share the port, cannot bound a turn by
datagrams, and does not tell which destination an ICMP error is about.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from . import stun
from .counters import Counters
from .firewall import Firewall
from .flow import Flow, Reason, reason_of
from .marking import mark
from .reactor import Reactor

IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
IP_MTU_DISCOVER: Final = 10
IPV6_MTU_DISCOVER: Final = 23
PMTUDISC_DONT, PMTUDISC_WANT, PMTUDISC_DO = 0, 1, 2
"""Of linux/in.h: fragments whatever the path takes, those that fit the known path, none."""
_MOST: Final = 65535
_FIRST_OF_SIP: Final = 4
"""STUN's first byte is 0 or 1 (RFC 5389 §6, RFC 7983), SIP's a letter or the CR of an empty line."""
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")
"""struct sock_extended_err of linux/errqueue.h: errno, origin, type, code, padding, info, data."""
_ORIGIN_LOCAL: Final = 1
SO_MEMINFO: Final = 55
_MEMORY: Final = struct.Struct("=9I")
"""Of asm-generic/socket.h and linux/sock_diag.h: bytes that wait to be read and may wait, the same for sending, …, drops."""

OnDatagram = Callable[[bytes, Flow], None]
OnError = Callable[[Flow, Reason], None]

log = Logger("switch.net.udp")


def open_udp(host: str, port: int, *, shared: bool, receive_buffer: int) -> socket.socket:
    """A bound, non-blocking socket; `shared` lets other workers bind the same port. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, receive_buffer)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


@implementer(IReadDescriptor)
class UdpSocket:
    """Reads many datagrams per wake-up, but bounded; sends at once or not at all; reports ICMP errors per flow."""

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        *,
        own: bool,
        worker: int,
        local: int = 0,
        firewall: Firewall,
        counters: Counters,
        on_datagram: OnDatagram,
        on_error: OnError,
        datagrams_per_turn: int,
        shortest: int,
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._own = own
        self._worker = worker
        self._local = local
        self._admits = firewall.admits
        self._counters = counters
        self._on_datagram = on_datagram
        self._on_error = on_error
        self._turn = datagrams_per_turn
        self._shortest = shortest
        self._closed = False

    def start(self) -> None:
        """Begin to read."""
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Deliver what already waits in the socket, one turn of it, and close."""
        self.doRead()
        self._closed = True
        self._reactor.removeReader(self)
        self._sock.close()

    def fileno(self) -> int:
        """For the reactor."""
        return self._sock.fileno()

    def logPrefix(self) -> str:
        """For the reactor's log."""
        return "sip-udp"

    def doRead(self) -> None:
        """Receive at most one turn of datagrams (the reactor calls again while there are more)."""
        receive = self._sock.recvfrom
        counters = self._counters
        for _ in range(self._turn):
            if self._closed:
                return
            try:
                data, source = receive(_MOST)
            except BlockingIOError:
                return
            except OSError:
                self._drain_errors()
                continue
            host = source[0]
            if not self._admits(host, source[1]):
                continue
            if len(data) < self._shortest:
                counters.keepalives += 1
                continue
            if data[0] < _FIRST_OF_SIP:
                self._stun(data, source)
                continue
            counters.udp_received += 1
            try:
                self._on_datagram(data, Flow("udp", host, source[1], self._own, 0, self._worker, self._local))
            except Exception:
                counters.handler_failures += 1
                log.failure("handling a datagram from {host} failed", host=host)

    def backlog(self) -> float:
        """The share of the receive buffer that is taken: what comes to a full one is lost."""
        waiting, room = self._memory()[:2]
        return waiting / room

    def lost(self) -> int:
        """Datagrams that came to a full buffer since the socket was opened."""
        return self._memory()[-1]

    def _memory(self) -> tuple[int, ...]:
        return _MEMORY.unpack(self._sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMORY.size))

    def _stun(self, data: bytes, source: Any) -> None:
        """What begins with a control character is a question of STUN, or nothing."""
        answer = stun.answer(data, source[0], source[1])
        if answer is not None:
            self._counters.stun_answered += 1
            self.send(Flow("udp", source[0], source[1], self._own, 0, self._worker, self._local), answer)

    def dont_fragment(self, on: bool) -> None:
        """Whether a datagram that is too large for the path is refused, or cut on its way (the default)."""
        if self._sock.family == socket.AF_INET6:
            self._sock.setsockopt(
                socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO if on else PMTUDISC_WANT
            )
        else:
            self._sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO if on else PMTUDISC_DONT)

    def mark(self, dscp: int) -> None:
        """Mark what is sent for routers."""
        mark(self._sock, dscp)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram. Never raises; a full send buffer loses it, any other failure is reported.

        A pending error of *another* destination may come up at this call: it is reported to that one, and the datagram
        is sent again.
        """
        for _ in range(3):
            try:
                self._sock.sendto(data, (flow.host, flow.port))
            except BlockingIOError:
                self._counters.udp_blocked += 1
                return None
            except OSError as error:
                if self._closed:
                    return self._report(flow, Reason.CLOSED)
                if self._drain_errors() and error.errno != errno.EMSGSIZE:
                    continue
                return self._report(flow, reason_of(error.errno))
            else:
                self._counters.udp_sent += 1
                return None
        return self._report(flow, Reason.FAILED)

    def _drain_errors(self) -> int:
        """Report what the error queue of the socket holds (ip(7), IP_RECVERR); returns how many there were."""
        for count in range(self._turn):
            try:
                _, ancillary, _, destination = self._sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return count
            for _, kind, payload in ancillary:
                if kind in (IP_RECVERR, IPV6_RECVERR) and len(payload) >= _EXTENDED_ERROR.size:
                    number, origin, *_ = _EXTENDED_ERROR.unpack_from(payload)
                    if origin != _ORIGIN_LOCAL:
                        flow = Flow(
                            "udp", destination[0], destination[1], self._own, 0, self._worker, self._local
                        )
                        self._report(flow, reason_of(number))
        return self._turn

    def _report(self, flow: Flow, reason: Reason) -> None:
        self._counters.errors += 1
        # Later, because the owner is in the middle of what made it send.
        self._reactor.callLater(0, self._on_error, flow, reason)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor calls this for an ICMP error without data to read, after it has stopped to listen: go on."""
        if not self._closed:
            self._drain_errors()
            self._reactor.addReader(self)


def local_address_towards(host: str, port: int) -> str:
    """Which of our addresses the machine would use to reach `host`; asks the routing table, sends nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, port))
        name: Any = probe.getsockname()
        return str(name[0])
