"""One party's end of the media: a pair of sockets that hears it, and that speaks to it.

Media is a graph: what an endpoint hears goes to the endpoint that it feeds, and to its taps (a recorder, a DTMF listener,
a mixer); what a player or a mixer makes is sent out through `send`.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from switch.net.reactor import Reactor

from .budget import Budget
from .latch import Latch
from .stats import Report, Stream

Tap = Callable[[bytes, float], None]
"""An RTP packet, and when it came (seconds of the relay's clock)."""

Filter = Callable[[bytes, float], Sequence[bytes]]
"""What goes on in the place of an RTP packet that came at that time."""

_HEADER: Final = struct.Struct("!BBHII")
_TURN: Final = 16
_CLOSE: Final = 0.005
"""Seconds: a socket that was read so shortly before probably holds more than one packet."""
_LONGEST: Final = 65536
_RTCP_FIRST, _RTCP_LAST = 64, 95
"""Payload types that are RTCP when both share a port (RFC 5761 §4)."""


@implementer(IReadDescriptor)
class MediaSocket:
    """One port. Hears one learned source, and passes what that one sends to the port it is paired with."""

    __slots__ = (
        "_budget",
        "_buffer",
        "_clock",
        "_heard",
        "_reactor",
        "_read_at",
        "_rtcp",
        "_sock",
        "_stream",
        "_view",
        "any_datagram",
        "latch",
        "on_rtcp",
        "out",
        "paired",
        "taps",
    )

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        *,
        stream: Stream,
        rtcp: bool,
        latch: Latch,
        buffer: bytearray,
        budget: Budget,
        clock: Callable[[], float],
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._stream = stream
        self._rtcp = rtcp
        self._buffer = buffer
        self._budget = budget
        self._view = memoryview(buffer)
        self._clock = clock
        self._heard: Any = None
        """The learned source as the kernel gives it: compared on every packet."""
        self._read_at = 0.0
        self.latch = latch
        self.any_datagram = False
        """The stream is no RTP (T.38 over UDPTL, a data channel): whatever comes may be media."""
        self.on_rtcp: Tap | None = None
        """Who reads the reports of the party."""
        self.out: Any = None
        """Where to send, or None."""
        self.paired: MediaSocket | None = None
        self.taps: tuple[Tap, ...] = ()
        reactor.addReader(self)

    def doRead(self) -> None:  # noqa: PLR0912 - one loop without calls, for speed
        """Relay what has come, a bounded turn of it. This is the hot path: one packet costs two system calls.

        A voice stream has one packet per wake-up, and to ask for a second costs as much as to relay one: more than one
        is read only when the reactor is back at once, because there was a burst or a backlog.
        """
        receive, view, stream = self._sock.recvfrom_into, self._view, self._stream
        now = self._clock()
        turn = _TURN if now - self._read_at < _CLOSE else 1
        self._read_at = now
        budget = self._budget
        if now >= budget.until:
            budget.renew(now)
        for _ in range(turn):
            try:
                size, source = receive(self._buffer)
            except OSError:
                return
            budget.left -= size
            if budget.left < 0:
                budget.dropped += 1
                continue
            if source != self._heard and not self._consider(source, size, now):
                stream.strays += 1
                continue
            if self._rtcp:
                stream.rtcp_packets += 1
                if self.on_rtcp is not None:
                    self.on_rtcp(bytes(view[:size]), now)
            else:
                stream.packets += 1
                stream.octets += size
                stream.last_packet = now
                if size >= 12:
                    flags, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(view)
                    if flags & 0xC0 == 0x80 and not _RTCP_FIRST <= kind & 0x7F <= _RTCP_LAST:
                        stream.receive(kind & 0x7F, sequence, timestamp, ssrc, now)
                    elif flags & 0xC0 == 0x80:
                        stream.rtcp_packets += 1
                        if self.on_rtcp is not None:
                            self.on_rtcp(bytes(view[:size]), now)
            paired = self.paired
            if paired is not None:
                if paired.out is None:
                    stream.unsent += 1
                else:
                    try:
                        paired._sock.sendto(view[:size], paired.out)
                    except OSError:
                        stream.unsent += 1
            if self.taps:
                packet = bytes(view[:size])
                for tap in self.taps:
                    tap(packet, now)

    def _consider(self, source: Any, size: int, now: float) -> bool:
        """A source that is not the learned one: learn it, if the latch lets us."""
        is_media = self.any_datagram or (size >= (8 if self._rtcp else 12) and self._view[0] & 0xC0 == 0x80)
        if not self.latch.consider((source[0], source[1]), now, is_media=is_media):
            return False
        self._heard = source
        self.out = self.latch.target
        return True

    def expect(
        self, signalled: tuple[str, int] | None, signalling: str | None, symmetric: bool, patient: bool
    ) -> None:
        """What signalling says of this port's peer."""
        if self.latch.expect(signalled, signalling, symmetric, patient):
            self._heard = None
        self.out = self.latch.target

    def send(self, packet: bytes) -> bool:
        """Send one packet of our own to the party; False when there is no address, or no room."""
        if self.out is None:
            return False
        try:
            self._sock.sendto(packet, self.out)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Give the port back."""
        self.paired = None
        self.taps = ()
        self._reactor.removeReader(self)
        self._sock.close()

    def connectionLost(self, reason: Failure) -> None:
        """An ICMP error without data to read, or a tap that raised: go on with the call."""
        if self._sock.fileno() >= 0:
            self._reactor.addReader(self)

    def fileno(self) -> int:
        """For the reactor."""
        return self._sock.fileno()

    def logPrefix(self) -> str:
        """For the reactor's log."""
        return "rtp"


class Endpoint:
    """RTP and RTCP of one party."""

    __slots__ = ("_fed", "_filter", "_rtcp", "_rtp", "_with_rtcp", "bound", "local", "stream")

    def __init__(
        self,
        reactor: Reactor,
        rtp: socket.socket,
        rtcp: socket.socket,
        *,
        local: tuple[str, int],
        bound: str,
        settle: float,
        buffer: bytearray,
        budget: Budget,
        clock: Callable[[], float],
    ) -> None:
        self.local = local
        """Address and RTP port for the SDP that goes to this party; RTCP is one port above."""
        self.bound = bound
        """The address that the sockets are bound to; another than `local` when a NAT is in front of us."""
        self.stream = Stream()
        """What came from this party."""
        self._fed: Endpoint | None = None
        self._filter: Filter | None = None
        self._with_rtcp = True
        self._rtp = MediaSocket(
            reactor,
            rtp,
            stream=self.stream,
            rtcp=False,
            latch=Latch(settle),
            buffer=buffer,
            budget=budget,
            clock=clock,
        )
        self._rtcp = MediaSocket(
            reactor,
            rtcp,
            stream=self.stream,
            rtcp=True,
            latch=Latch(settle),
            buffer=buffer,
            budget=budget,
            clock=clock,
        )

    def expect(
        self,
        host: str | None,
        port: int,
        *,
        rtcp: tuple[str, int] | None = None,
        signalling: str | None = None,
        symmetric: bool = False,
        rtp: bool = True,
        patient: bool = False,
    ) -> None:
        """What this party's SDP says: call it for every offer and answer of the party.

        `host` None, an unspecified address or port 0: no media to this party now (hold, RFC 3264 §8.4). `rtcp`: from
        a=rtcp (RFC 3605), else one port above. `signalling`: the address its SIP messages come from, believed too.
        `symmetric`: believe any address at first, for a party behind a NAT whose media leaves elsewhere; guessable, so only on demand.
        `rtp`: False for streams of other datagrams. `patient`: send nothing before something came from it.
        """
        self._rtp.any_datagram = not rtp
        wanted = port > 0 and host not in (None, "", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
        signalled = (host, port) if wanted and host is not None else None
        self._rtp.expect(signalled, signalling, symmetric, patient)
        beside = rtcp or ((host, port + 1) if signalled and host is not None and port < 65535 else None)
        self._rtcp.expect(beside if signalled else None, signalling, symmetric, patient)

    @property
    def remote(self) -> tuple[str, int] | None:
        """Where its media comes from, when that is learned."""
        return self._rtp.latch.source

    def feed(self, other: Endpoint | None, *, rtcp: bool = True) -> None:
        """What is heard here goes out there (None: nowhere); RTCP too unless said otherwise."""
        self._with_rtcp = rtcp
        self._fed = other
        self._rtp.paired = other._rtp if other and self._filter is None else None
        self._rtcp.paired = other._rtcp if other and rtcp else None

    @property
    def fed(self) -> Endpoint | None:
        """Where what is heard here goes."""
        return self._fed

    def convert(self, through: Filter | None) -> None:
        """Let RTP that is heard here pass a filter on its way; None: unchanged again, by the shorter way."""
        if self._filter is not None:
            self.detach(self._pass)
        self._filter = through
        if through is not None:
            self.attach(self._pass)
        self.feed(self._fed, rtcp=self._with_rtcp)

    def _pass(self, packet: bytes, now: float) -> None:
        if self._filter is None or self._fed is None:
            return
        for one in self._filter(packet, now):
            self._fed.send(one)

    def on_rtcp(self, tap: Tap | None) -> None:
        """Who gets every RTCP packet of this party."""
        self._rtp.on_rtcp = self._rtcp.on_rtcp = tap

    def attach(self, tap: Tap) -> None:
        """Let a listener have every RTP packet of this party."""
        self._rtp.taps = (*self._rtp.taps, tap)

    def detach(self, tap: Tap) -> None:
        """No longer."""
        self._rtp.taps = tuple(other for other in self._rtp.taps if other != tap)

    def send(self, packet: bytes) -> bool:
        """Send one RTP packet of our own to the party; False when it has no address, or no room."""
        return self._rtp.send(packet)

    def report(self) -> Report:
        """The counters of what came from this party."""
        return self.stream.report()

    def close(self) -> None:
        """Close both ports."""
        self._rtp.close()
        self._rtcp.close()


def new_buffer() -> bytearray:
    """The one buffer that all sockets of a relay read into, one packet after the other."""
    return bytearray(_LONGEST)
