"""The worker's own RTP relay: sessions of endpoints, their ports, and their silence."""

from __future__ import annotations

import errno
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, cast

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from switch.net.marking import mark
from switch.net.reactor import Reactor

from .budget import Budget
from .endpoint import Endpoint, new_buffer
from .nat import Own, own_address
from .ports import PortRange, PortsExhausted
from .rtcp import Reports, follow

_SOCKET_BUFFER: Final = 256 << 10
_ATTEMPTS: Final = 16
_REMEMBERED: Final = 50_000

log = Logger("switch.media.relay")


class Silence(StrEnum):
    """Why a session is reported."""

    NEVER_STARTED = "never started"
    """No packet of any party since the watch began (guide 4875, MEDIATIMEOUTSTART)."""
    STOPPED = "stopped"
    """There was media, and now no party sends any (guide 4874, MEDIATIMEOUT)."""


OnSilence = Callable[["Session", Silence], None]


class Session:
    """The media of one call: for each stream two endpoints that feed each other; more can be added, that feed nobody yet."""

    __slots__ = (
        "_held", "_hosts", "_on_silence", "_passing", "_relay", "_silence", "_since", "_start", "_whose", "apart", "call_id", "endpoints",
        "reports", "rtcp", "streams",
    )  # fmt: skip

    def __init__(
        self, relay: Relay, call_id: str, hosts: tuple[str | None, str | None], whose: tuple[int, int]
    ) -> None:
        self._relay = relay
        self._hosts = hosts
        self._whose = whose
        self._on_silence: OnSilence | None = None
        self._passing = (True, True)
        self._held = False
        self._since = 0.0
        self._silence = self._start = 0.0
        self.call_id = call_id
        self.endpoints: list[Endpoint] = []
        self.apart = False
        """Whether the parties hear nothing of each other from the relay itself, from the next `let` on: a mixer joins them."""
        self.rtcp = True
        """Whether RTCP is passed on, from the next `let` on."""
        self.reports: tuple[Reports, Reports] | None = None
        """What caller and called report by RTCP of the first stream."""
        self.streams: list[tuple[Endpoint, Endpoint]] = []
        """The caller's and the called's endpoint of each stream, in the order of the SDP's m= lines."""

    @property
    def caller(self) -> Endpoint:
        """The first stream's endpoint of the party that called."""
        return self.streams[0][0]

    @property
    def called(self) -> Endpoint:
        """The first stream's endpoint of the party that was called."""
        return self.streams[0][1]

    def stream(self, number: int) -> tuple[Endpoint, Endpoint]:
        """The endpoints of the stream with this place in the SDP; opened when it is first asked for. Raises PortsExhausted."""
        while len(self.streams) <= number:
            whose = self._whose if not self.streams else (0, 0)
            one, other = (self.add(host, of) for host, of in zip(self._hosts, whose, strict=True))
            self.streams.append((one, other))
            self.let(*self._passing)
        return self.streams[number]

    def let(self, caller: bool, called: bool) -> None:
        """Whether what the caller says, and what the called says, goes to the other; of every stream."""
        self._passing = (caller, called)
        for one, other in self.streams:
            one.feed(other if caller and not self.apart else None, rtcp=self.rtcp)
            other.feed(one if called and not self.apart else None, rtcp=self.rtcp)

    def add(self, host: str | None = None, whose: int = 0) -> Endpoint:
        """One more endpoint, that feeds nobody yet. `whose`: for that account. Raises PortsExhausted."""
        endpoint = self._relay.new_endpoint(host, whose)
        self.endpoints.append(endpoint)
        return endpoint

    def watch(self, on_silence: OnSilence, *, stopped: float, never_started: float) -> None:
        """Tell once when nobody sends: no packet since now for `never_started` seconds, or later for `stopped`.

        From now on the parties' reports are read too.
        """
        if self.reports is None:
            self.reports = follow(*self.streams[0])
        self._on_silence = on_silence
        self._silence, self._start = stopped, never_started
        self._since = self._relay.clock()

    @property
    def held(self) -> bool:
        """While a call is on hold its silence is no fault."""
        return self._held

    @held.setter
    def held(self, held: bool) -> None:
        if self._held and not held:
            self._since = self._relay.clock()
        self._held = held

    def check(self, now: float) -> None:
        """Tell, if it is time; the relay asks every session every second."""
        if self._on_silence is None or self._held:
            return
        times = [last for endpoint in self.endpoints if (last := endpoint.stream.last_packet) is not None]
        quiet = now - max([self._since, *times])
        if quiet < (self._silence if times else self._start):
            return
        tell, self._on_silence = self._on_silence, None
        tell(self, Silence.STOPPED if times else Silence.NEVER_STARTED)

    def close(self) -> None:
        """Close every port and give them back; a second time does nothing. The endpoints' reports stay readable."""
        self._on_silence = None
        self._relay.forget(self)


class Relay:
    """Opens and closes sessions, out of one range of ports."""

    def __init__(
        self,
        reactor: Reactor,
        ports: PortRange,
        *,
        host: str = "127.0.0.1",
        also: tuple[str, ...] = (),
        advertise: str | None = None,
        settle: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`host`: where to bind; `also`: other addresses, for peers of the other family. `advertise`: the address of `host`
        for SDP, when it is another (NAT in front of us).

        `settle`: seconds in which a more plausible source may replace the one that was learned (see `Latch`).
        """
        self.clock = clock
        self.busy_ports = 0
        """Pairs that another program had taken."""
        self.dscp = 0
        """How what is sent is marked, from the next session on."""
        self._last_ports: OrderedDict[int, int] = OrderedDict()
        """Account → the port that it had last (guide 1704-1708)."""
        self._reactor = reactor
        self._ports = ports
        self._hosts = (host, *also)
        self.advertise = advertise
        self._settle = settle
        self._buffer = new_buffer()
        self._budget = Budget()
        self._sessions: dict[int, Session] = {}
        self._sweep = LoopingCall(self._check)
        self._sweep.clock = cast(Any, reactor)

    def later(self, delay: float, do: Callable[[], None]) -> None:
        """Do something in so many seconds, by the reactor."""
        self._reactor.callLater(delay, do)

    def __len__(self) -> int:
        return len(self._sessions)

    def start(self, interval: float = 1.0) -> None:
        """Begin to look for silence, every `interval` seconds."""
        self._sweep.start(interval, now=False)

    def stop(self) -> None:
        """Close every session."""
        if self._sweep.running:
            self._sweep.stop()
        for session in list(self._sessions.values()):
            session.close()

    def limit(self, octets: int) -> None:
        """What all streams together may bring in a second; 0: anything. What is more is dropped, and told in the log."""
        self._budget.limit(octets)

    def open(
        self,
        call_id: str,
        *,
        hosts: tuple[str | None, str | None] = (None, None),
        whose: tuple[int, int] = (0, 0),
    ) -> Session:
        """A session of two endpoints that feed each other. Raises PortsExhausted, then nothing stays open.

        `hosts`: other local addresses for caller and called, for instance IPv6 for one of them. `whose`: their accounts,
        which get the ports that they had last; 0: none.
        """
        session = Session(self, call_id, hosts, whose)
        self._sessions[id(session)] = session
        try:
            session.stream(0)
        except BaseException:
            session.close()
            raise
        return session

    def shown_address(self, endpoint: Endpoint, peer: str | None, kind: Own) -> str:
        """The address of an endpoint for the SDP of a peer that is at this address."""
        advertised = self.advertise if endpoint.bound == self._hosts[0] else None
        return own_address(endpoint.bound, advertised, peer, kind)

    @property
    def own(self) -> frozenset[str]:
        """All addresses of ours."""
        return frozenset((*self._hosts, *([self.advertise] if self.advertise else ())))

    def host_for(self, peer: str | None) -> str:
        """The address of ours to bind for a peer: the first of its family, else the first."""
        wanted = peer is not None and ":" in peer
        return next((host for host in self._hosts if (":" in host) is wanted), self._hosts[0])

    def new_endpoint(self, host: str | None, whose: int = 0) -> Endpoint:
        """An endpoint on a free pair of ports, the account's last one if it can be; one that another program has is passed over."""
        host = host or self._hosts[0]
        wanted = self._last_ports.get(whose, 0)
        for _ in range(_ATTEMPTS):
            port, wanted = self._ports.take(wanted), 0
            try:
                rtp, rtcp = _open_pair(host, port, self.dscp)
            except OSError as error:
                self._ports.release(port)
                if error.errno != errno.EADDRINUSE:
                    raise
                self.busy_ports += 1
                continue
            if whose:
                self._remember(whose, port)
            local = (self.advertise if self.advertise and host == self._hosts[0] else host, port)
            return Endpoint(
                self._reactor,
                rtp,
                rtcp,
                local=local,
                bound=host,
                settle=self._settle,
                buffer=self._buffer,
                budget=self._budget,
                clock=self.clock,
            )
        raise PortsExhausted(
            f"{_ATTEMPTS} pairs of RTP ports in a row are taken by other programs; move MIZU_RTP_PORTS"
        )

    def _remember(self, account: int, port: int) -> None:
        self._last_ports[account] = port
        self._last_ports.move_to_end(account)
        if len(self._last_ports) > _REMEMBERED:
            self._last_ports.popitem(last=False)

    def forget(self, session: Session) -> None:
        """Close what the session has open (its own `close` calls this)."""
        if self._sessions.pop(id(session), None) is None:
            return
        for endpoint in session.endpoints:
            endpoint.close()
            self._ports.release(endpoint.local[1])

    def _check(self) -> None:
        if dropped := self._budget.told():
            log.warn("{count} datagrams of media were dropped: more than maxnetworkspeed", count=dropped)
        now = self.clock()
        for session in list(self._sessions.values()):
            try:
                session.check(now)
            except Exception:
                log.failure("handling the silence of call {call} failed", call=session.call_id)


def _open_pair(host: str, port: int, dscp: int) -> tuple[socket.socket, socket.socket]:
    rtp = _open(host, port, dscp)
    try:
        return rtp, _open(host, port + 1, dscp)
    except OSError:
        rtp.close()
        raise


def _open(host: str, port: int, dscp: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER)
        sock.bind((host, port))
        mark(sock, dscp)
    except OSError:
        sock.close()
        raise
    return sock
