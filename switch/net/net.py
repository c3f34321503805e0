"""The network layer of one worker: its sockets, its firewall, and its neighbours, behind four calls."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .codec import MakeFramer
from .config import ConfigError, NetConfig
from .counters import Counters
from .firewall import Firewall, Tables
from .flow import SECURE, Flow, Reason
from .handover import Handover, Kind, reason_from
from .pem import TlsFiles
from .places import Places
from .reactor import Reactor
from .tcp import TcpPool, open_tcp
from .udp import UdpSocket, local_address_towards, open_udp
from .websocket import Origins

OnMessage = Callable[[bytes, Flow], None]
OnError = Callable[[Flow, Reason], None]
WorkerOf = Callable[[bytes], int | None]

MOST_WAYS = 20_000

log = Logger("switch.net")


def _nobody(_data: bytes) -> int | None:
    return None


class NetSettings(Protocol):
    """Of `switch.world.settings.Settings` what concerns sockets."""

    @property
    def ipdontfragment(self) -> bool: ...
    @property
    def websocketorigins(self) -> tuple[str, ...]: ...
    @property
    def offerservicesfor(self) -> str: ...
    @property
    def autodetectlocalip(self) -> str: ...
    @property
    def idletimeout(self) -> int: ...
    @property
    def sip_dscp(self) -> int: ...


class Net:
    """Delivers whole messages as bytes with the flow they came on, and sends bytes on flows.

    A message takes this way:
    1. the firewall drops banned and flooding sources;
    2. `worker_of(data)` names the worker that *must* have it (the label in the branch of our Via, or in our tag);
       a message of another worker is handed to that one, and dropped when it does not run;
    3. `spread(data)` names the worker that *should* have it (for instance by a hash of the Call-ID, because all
       datagrams of one trunk arrive at one worker); when that one does not run, it is handled here;
    4. `on_message(data, flow)`. What another worker handed over comes straight to this step, so nothing circles.

    TCP and TLS are cut into messages by what `make_framer` makes (`switch.sip.stream.Framer`, which raises `BadStream`: the
    `framing_error`). `on_error(flow, reason)` tells what could not be sent; it is never called from within `send`.
    """

    def __init__(
        self,
        reactor: Reactor,
        config: NetConfig,
        on_message: OnMessage,
        on_error: OnError,
        *,
        make_framer: MakeFramer,
        framing_error: type[Exception],
        worker_of: WorkerOf = _nobody,
        spread: WorkerOf = _nobody,
        firewall: Firewall | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.counters = Counters()
        self.firewall = firewall or Firewall(clock)
        self._reactor = reactor
        self._on_message = on_message
        self._on_error = on_error
        self._worker_of = worker_of
        self._spread = spread
        self._udp: dict[tuple[int, bool, bool], UdpSocket] = {}
        """By (number of the secondary address or 0, IPv6, own port)."""
        self._tcp = TcpPool(
            reactor,
            config,
            firewall=self.firewall,
            counters=self.counters,
            make_framer=make_framer,
            framing_error=framing_error,
            on_message=self._arrived,
            on_error=on_error,
            clock=clock,
        )
        self._handover = Handover(
            reactor,
            run_dir=config.run_dir,
            worker=config.worker,
            counters=self.counters,
            bound=config.handover_waiting,
            receive=self._handed,
        )
        self._told = ""
        self._whole = False
        self._ways: dict[tuple[str, int, bool, int], Flow] = {}
        self.places = Places(config)
        self._dscp = 0

    # -- life

    def start(self) -> None:
        """Open every socket, or none. Raises ConfigError with a sentence for the operator."""
        try:
            self._handover.start()
            for bind in self.config.binds:
                for own in (False, True):
                    self._open(bind, self.config.own_port if own else self.config.shared_port, own)
                self._listen("ws", bind)
            for number, (bind, port) in enumerate(self.config.secondary, 1):
                self._open(bind, port, own=False, local=number)
            self._follow_certificates()
        except BaseException:
            self._close_sockets()
            raise
        for udp in self._udp.values():
            udp.dont_fragment(self._whole)
            udp.mark(self._dscp)
            udp.start()
        self._tcp.start()

    def _open(self, bind: str, port: int, own: bool, local: int = 0) -> None:
        try:
            sock = open_udp(bind, port, shared=not own, receive_buffer=self.config.receive_buffer)
            self._udp[local, ":" in bind, own] = UdpSocket(
                self._reactor,
                sock,
                own=own,
                worker=self.config.worker,
                local=local,
                firewall=self.firewall,
                counters=self.counters,
                on_datagram=self._accept if own else self._arrived,
                on_error=self._on_error,
                datagrams_per_turn=self.config.datagrams_per_turn,
                shortest=self.config.shortest_datagram,
            )
            self._tcp.listen(open_tcp(bind, port, shared=not own), own=own, local=local)
        except OSError as error:
            name = "secondarybind" if local else _own_name(own)
            raise ConfigError(_cannot_listen(bind, port, name, error)) from error

    def _port_of(self, transport: str) -> int:
        """The port that all workers share for a transport that has one of its own."""
        config = self.config
        return {"tls": config.tls_port, "ws": config.ws_port, "wss": config.wss_port}[transport]

    def _listen(self, transport: str, bind: str) -> None:
        port = self._port_of(transport)
        if not port:
            return
        try:
            self._tcp.listen(open_tcp(bind, port, shared=True), transport, own=False)
        except OSError as error:
            name = f"MIZU_SIP_{transport.upper()}_PORT"
            raise ConfigError(_cannot_listen(bind, port, name, error)) from error

    # -- certificates and origins, which change while we run

    def secure(self, files: TlsFiles) -> None:
        """Use these certificates from now on. Before the first one there is no port for TLS, after the last none either."""
        self._tcp.tls.follow(files)
        self._listen_or_tell()

    def look_for_certificates(self) -> None:
        """Take over what has changed on disk; cheap, for every few seconds."""
        self._tcp.tls.look()
        self._listen_or_tell()

    def _listen_or_tell(self) -> None:
        """While calls are up a port that is taken is no reason to end; it is tried again, and told once."""
        if not self._udp:
            return  # `start` will see to it
        try:
            self._follow_certificates()
        except ConfigError as error:
            if str(error) != self._told:
                log.error("{error}", error=error)
            self._told = str(error)
        else:
            self._told = ""
        self._whole = False

    def _follow_certificates(self) -> None:
        if not self._tcp.tls.serves:
            self._tcp.stop_listening(SECURE)
            return
        for transport in sorted(SECURE):
            if self._port_of(transport) and not self._tcp.listens(transport):
                for bind in self.config.binds:
                    self._listen(transport, bind)

    def dont_fragment(self, on: bool) -> None:
        """Whether datagrams too large for their path are refused (Reason.TOO_LARGE) instead of cut (setting ipdontfragment)."""
        if on != self._whole:
            self._whole = on
            for udp in self._udp.values():
                udp.dont_fragment(on)

    def follow(self, settings: NetSettings) -> None:
        """Take over what an operator may change while we run."""
        self.dont_fragment(settings.ipdontfragment)
        self.allow_origins(settings.websocketorigins)
        self.places.offer, self.places.detect = settings.offerservicesfor, settings.autodetectlocalip
        self._tcp.idle_timeout = float(settings.idletimeout)
        self._mark(settings.sip_dscp)

    def _mark(self, dscp: int) -> None:
        if dscp != self._dscp:
            self._dscp = self._tcp.dscp = dscp
            for udp in self._udp.values():
                udp.mark(dscp)

    def allow_origins(self, origins: Iterable[str]) -> None:
        """Web pages from here alone may open a WebSocket; none named: all may. Holds for the next connection."""
        self._tcp.origins = Origins(origins)

    def stop(self) -> Deferred[None]:
        """Stop hearing, let what is written go out, and close; fires when all is closed, within `stop_timeout`."""
        self._close_sockets()
        self._tcp.close_all(now=False)
        done: Deferred[None] = Deferred()
        deadline = self._reactor.seconds() + self.config.stop_timeout
        self._reactor.callLater(0, self._finish, deadline, done)
        return done

    def _finish(self, deadline: float, done: Deferred[None]) -> None:
        if len(self._tcp) and self._reactor.seconds() < deadline:
            self._reactor.callLater(0.02, self._finish, deadline, done)
            return
        self._tcp.close_all(now=True)
        done.callback(None)

    def _close_sockets(self) -> None:
        for udp in self._udp.values():
            udp.stop()
        self._udp.clear()
        self._tcp.stop_listening()
        self._handover.stop()

    # -- in

    def _arrived(self, data: bytes, flow: Flow) -> None:
        """A message from the network, perhaps for another worker."""
        me = self.config.worker
        worker = self._worker_of(data)
        if worker is not None and worker != me:
            if 1 <= worker <= self.config.workers:
                self.counters.handed_over += self._handover.send(worker, Kind.RECEIVED, flow, data)
            else:
                self.counters.handover_missing += 1
            return
        if worker is None:
            better = self._spread(data)
            if better is not None and better != me and self._handover.send(better, Kind.RECEIVED, flow, data):
                self.counters.handed_over += 1
                return
        self._on_message(data, flow)

    def _accept(self, data: bytes, flow: Flow) -> None:
        self._on_message(data, flow)

    def _handed(self, kind: Kind, flow: Flow, data: bytes, sender: int) -> None:
        """Another worker asks; this one answers itself, whatever the labels say."""
        self.counters.taken_over += 1
        if kind is Kind.RECEIVED:
            self._on_message(data, flow)
        elif kind is Kind.UNSENT:
            self.counters.errors += 1
            self._on_error(flow, reason_from(data))
        elif (reason := self._send_here(flow, data)) is not None:
            self._handover.send(sender, Kind.UNSENT, flow, reason.encode("ascii"))

    # -- out

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message on a flow of this worker or of another. Never raises; failures come to `on_error`."""
        shared_udp = flow.transport == "udp" and not flow.own
        if flow.worker == self.config.worker or shared_udp:
            reason = self._send_here(flow, data)
        else:
            reason = None if self._handover.send(flow.worker, Kind.SEND, flow, data) else Reason.NO_WORKER
        if reason is not None:
            self._tcp.report(flow, reason)

    def _send_here(self, flow: Flow, data: bytes) -> Reason | None:
        if flow.transport != "udp":
            return self._tcp.send(flow, data)
        sock = self._udp.get((flow.local, ":" in flow.host, flow.own))
        if sock is None:
            return Reason.UNREACHABLE if self._udp else Reason.CLOSED
        sock.send(flow, data)
        return None

    def connect_flow(
        self,
        transport: str,
        host: str,
        port: int,
        *,
        via_shared: bool = False,
        local: int = 0,
        name: str = "",
        patience: float | None = None,
    ) -> Flow:
        """The flow for a request to an address (numeric; ValueError otherwise).

        UDP: from the worker's own port, so that answers come straight back, or `via_shared` from the port that a phone
        behind NAT or a strict carrier knows. TCP, TLS: on the connection that is there, or a new one; `send` may follow
        at once, and a failure to connect is told to `on_error`. `local`: from that secondary address. `name`: whom
        the remote of TLS must prove to be; without it, its address. `patience`: seconds that connecting may take.
        """
        known = self._ways.get((host, port, via_shared, local)) if transport == "udp" else None
        if known is not None:
            return known
        given, host = host, str(ip_address(host))
        if not 1 <= port <= 65535:
            raise ValueError(f"{port} is not a port")
        if not 0 <= local <= len(self.config.secondary):
            raise ValueError(f"there is no secondary bind address {local}")
        if transport in {"tcp", "tls"}:
            return self._tcp.connect(transport, host, port, name or host, local, patience)
        if transport != "udp":
            raise ValueError(f"nobody can be called by the transport {transport!r}")
        if len(self._ways) >= MOST_WAYS:
            self._ways.clear()
        own = not via_shared and not local
        way = self._ways[given, port, via_shared, local] = Flow(
            "udp", host, port, own, 0, self.config.worker, local
        )
        return way

    @property
    def families(self) -> tuple[bool, ...]:
        """Which IP versions we can send by, as `is it IPv6`, in the order of the addresses that are bound."""
        return tuple(dict.fromkeys(":" in bind for bind in self.config.binds))

    def local_address(self, flow: Flow) -> tuple[str, int]:
        """Host and port of ours for Via and Contact of what goes out on this flow.

        The own port, unless the flow uses the shared one or its transport has one of its own; the address as `Places` says.
        """
        if flow.transport in {"udp", "tcp"}:
            port = self.config.own_port if flow.own else self.config.shared_port
        else:
            port = self._port_of(flow.transport) or self.config.tls_port or self.config.own_port
        if flow.local:
            return self._secondary_address(flow, port)
        return self.places.towards(flow.host, flow.port), port

    def _secondary_address(self, flow: Flow, port: int) -> tuple[str, int]:
        host, own = self.config.secondary[flow.local - 1]
        if ip_address(host).is_unspecified:
            host = local_address_towards(flow.host, flow.port)
        return host, own if flow.transport in {"udp", "tcp"} else port

    def is_own(self, host: str, port: int, flow: Flow) -> bool:
        """Whether a Via's sent-by is a socket of this node, as the remote of that flow is told it."""
        return port in self.config.ports and host == self.local_address(flow)[0]

    def alive(self, flow: Flow) -> bool:
        """Whether it can still be sent on; of another worker's connection that is not known here, and taken for so."""
        return not flow.reliable or flow.worker != self.config.worker or self._tcp.holds(flow)

    def backlog(self) -> float:
        """The share of the fullest UDP socket's receive buffer that is taken."""
        return max((udp.backlog() for udp in self._udp.values()), default=0.0)

    def siblings(self) -> list[int]:
        """The own ports of the other workers of this node."""
        return sorted(self.config.worker_ports - {self.config.own_port})

    # -- firewall and metrics

    def ban(self, tables: Tables) -> None:
        """Take over new firewall tables, whole, and cut the connections of sources that are now banned."""
        self.firewall.swap(tables)
        self._tcp.close_banned()

    def metrics(self) -> dict[str, int]:
        """Name → value."""
        return self.counters.as_dict() | {
            "tcp_connections": len(self._tcp),
            "udp_lost": sum(udp.lost() for udp in self._udp.values()),
            "dropped_banned": self.firewall.dropped_banned,
            "dropped_flood": self.firewall.dropped_flood,
            "sources_remembered": self.firewall.remembered,
        }


def _own_name(own: bool) -> str:
    return "MIZU_SIP_WORKER_PORTS (or MIZU_SIP_PORT)" if own else "MIZU_SIP_PORT"


def _cannot_listen(bind: str, port: int, name: str, error: OSError) -> str:
    where = f"{bind} port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"SIP cannot listen on {where}: another program has it. Stop that, or set {name}."
    if error.errno == errno.EADDRNOTAVAIL:
        other = name if name == "secondarybind" else "MIZU_SIP_BIND"
        return f"SIP cannot listen on {where}: this machine has no such address. Set {other}."
    return f"SIP cannot listen on {where}: {error.strerror}."
