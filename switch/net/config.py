"""Addresses, ports and bounds of the network layer, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

OWN_PORT_STRIDE = 1013
"""Distance between a worker's own port and the next one's.

A prime that nobody chooses as the distance between two instances: 5060, 5061, 5070, 5160, 6060 and 15060 side by
side never meet, because no two of them differ by a multiple of it.
"""
LAST_PORT = 65535
MOST_SECONDARY = 125
"""Guide 13392."""


class ConfigError(ValueError):
    """A setting of the network layer is wrong; the message names the variable and what it should be."""


def own_port(shared: int, worker: int, first: int | None = None) -> int:
    """The port that only this worker listens on, UDP and TCP.

    `first` (MIZU_SIP_WORKER_PORTS) counts up one by one from there. Without it: the shared port plus `worker` strides,
    or minus, for a shared port so high that not even 32 workers fit above it.
    """
    if first is not None:
        port = first + worker - 1
    elif shared + 32 * OWN_PORT_STRIDE <= LAST_PORT:
        port = shared + worker * OWN_PORT_STRIDE
    else:
        port = shared - worker * OWN_PORT_STRIDE
    if not 1 <= port <= LAST_PORT or port == shared:
        raise ConfigError(
            f"Worker {worker} would need port {port} beside SIP port {shared}; set MIZU_SIP_WORKER_PORTS to the first of "
            "as many free ports as there are workers."
        )
    return port


@dataclass(frozen=True, slots=True)
class NetConfig:
    """All that `Net` needs to know. Times are seconds, sizes bytes."""

    worker: int
    workers: int
    shared_port: int
    own_port: int
    run_dir: Path
    """Where the handover sockets are; only this user may enter it."""
    binds: tuple[str, ...] = ("127.0.0.1",)
    """At most one IPv4 and one IPv6 address."""
    tls_port: int = 0
    """For SIP over TLS, as soon as there is a certificate; shared by all workers, as the next two. 0: none."""
    ws_port: int = 0
    """For WebSocket."""
    wss_port: int = 0
    """For WebSocket over TLS, as soon as there is a certificate."""
    secondary: tuple[tuple[str, int], ...] = ()
    """More addresses with a port each, UDP and TCP (guide 13383-13394); number 1 is the first."""
    ports: frozenset[int] = frozenset()
    """All SIP ports of this node, those of the other workers too: what comes from there comes from ourselves."""
    worker_ports: frozenset[int] = frozenset()
    """The workers' own ports for UDP and TCP."""
    advertise: str | None = None
    """Address that peers shall use when it is not the bound one (NAT in front of us)."""
    advertise6: str | None = None
    """The same for peers on IPv6."""
    receive_buffer: int = 4 << 20
    datagrams_per_turn: int = 64
    """Read at most so many before timers and other sockets have their turn."""
    shortest_datagram: int = 16
    """Shorter ones cannot be SIP; they only keep a NAT binding open."""
    connect_timeout: float = 5.0
    idle_timeout: float = 7500.0
    """Longer than registrations last (setting upperexpiremax): a phone that is called seldom must stay reachable."""
    message_timeout: float = 10.0
    """From the first byte of a message on a stream, or of a handshake, to its last."""
    silence_timeout: float = 32.0
    """How long who connects may take to say the first thing that is whole."""
    websocket_ping: float = 30.0
    """A WebSocket that is silent for so long is pinged; after twice that it is closed."""
    longest_message: int = 65_535
    """Of a WebSocket; that of a stream is the framer's affair."""
    max_connections: int = 10_000
    max_connections_per_source: int = 200
    max_waiting: int = 256 << 10
    """Bytes waiting to be sent on one connection."""
    handover_waiting: int = 4 << 20
    """Bytes waiting for one other worker."""
    stop_timeout: float = 2.0

    def __post_init__(self) -> None:
        families = [ip_address(bind).version for bind in self.binds]
        if not families or len(set(families)) != len(families):
            raise ConfigError(
                "MIZU_SIP_BIND takes one IPv4 address, one IPv6 address, or both with a comma between."
            )
        if len(self.secondary) > MOST_SECONDARY:
            raise ConfigError(f"secondarybind has more than {MOST_SECONDARY} addresses.")
        _distinct(self)
        if not 1 <= self.worker <= self.workers:
            raise ConfigError(f"Worker {self.worker} is not one of MIZU_SWITCH_WORKERS = {self.workers}.")

    def and_secondary(self, texts: Iterable[str]) -> NetConfig:
        """The same with the bind addresses of the setting `secondarybind`, each `address:port` or `[v6]:port`.

        Raises ConfigError.
        """
        added = tuple(_bind(text) for text in texts)
        return replace(self, secondary=added, ports=self.ports | {port for _, port in added})

    def bind_for(self, host: str, local: int) -> str | None:
        """The address of ours that a connection to that host leaves from; None: none of its family."""
        six = ":" in host
        places = [self.secondary[local - 1][0]] if 0 < local <= len(self.secondary) else list(self.binds)
        return next((one for one in places if (":" in one) == six), None)

    def bound(self, six: bool) -> str | None:
        """The one address of that family that is bound; None: none, or all of them."""
        return next(
            (one for one in self.binds if (":" in one) == six and not ip_address(one).is_unspecified), None
        )

    def advertised(self, six: bool) -> str | None:
        """The address that peers of that family shall use, if it is not the bound one."""
        return self.advertise6 if six else self.advertise

    @classmethod
    def from_env(cls, env: Mapping[str, str], worker: int) -> NetConfig:
        """Read MIZU_VAR, MIZU_SWITCH_WORKERS and all that begin with MIZU_SIP_ (`./mizu --help` lists them).

        Raises `ConfigError` with a sentence for the operator.
        """
        shared = _number(env, "MIZU_SIP_PORT", 5060)
        first = _number(env, "MIZU_SIP_WORKER_PORTS", 0) or None
        workers = _number(env, "MIZU_SWITCH_WORKERS", 2)
        tls = _number(env, "MIZU_SIP_TLS_PORT", tls_port_beside(shared))
        ws, wss = _number(env, "MIZU_SIP_WS_PORT", 0), _number(env, "MIZU_SIP_WSS_PORT", 0)
        udp = (shared, *(own_port(shared, one, first) for one in range(1, workers + 1)))
        four, six = _advertised(env.get("MIZU_SIP_ADVERTISE") or "")
        return cls(
            worker=worker,
            workers=workers,
            ports=frozenset(one for one in (*udp, tls, ws, wss) if one),
            worker_ports=frozenset(udp[1:]),
            shared_port=shared,
            own_port=own_port(shared, worker, first),
            tls_port=tls,
            ws_port=ws,
            wss_port=wss,
            run_dir=Path(env.get("MIZU_VAR", "var")) / "run",
            binds=tuple(
                _address("MIZU_SIP_BIND", text) for text in env.get("MIZU_SIP_BIND", "127.0.0.1").split(",")
            ),
            advertise=four,
            advertise6=six,
        )


def tls_port_beside(shared: int) -> int:
    """The port for TLS beside one for UDP and TCP (guide 8714, 13439)."""
    return shared + 1 if shared < LAST_PORT else shared - 1


def _distinct(config: NetConfig) -> None:
    ports = [config.shared_port, config.own_port, config.tls_port, config.ws_port, config.wss_port]
    used = [one for one in ports if one]
    if len(set(used)) != len(used):
        raise ConfigError(
            "MIZU_SIP_PORT, MIZU_SIP_TLS_PORT, MIZU_SIP_WS_PORT, MIZU_SIP_WSS_PORT and the workers' own ports "
            "(MIZU_SIP_WORKER_PORTS) must all differ."
        )


def _advertised(text: str) -> tuple[str | None, str | None]:
    """The IPv4 and the IPv6 address of MIZU_SIP_ADVERTISE."""
    found = [_address("MIZU_SIP_ADVERTISE", one) for one in text.split(",")] if text else []
    four, six = [one for one in found if ":" not in one], [one for one in found if ":" in one]
    if len(four) > 1 or len(six) > 1:
        raise ConfigError("MIZU_SIP_ADVERTISE takes one address of each IP version.")
    return (four[0] if four else None), (six[0] if six else None)


def _bind(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 1 <= int(port) <= LAST_PORT:
        raise ConfigError(
            f"secondarybind has {text!r}; it must be an address and a port, such as 192.0.2.1:5060."
        )
    return _address("secondarybind", host), int(port)


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise ConfigError(f"{name} is {text!r}; it must be a number from 0 to {LAST_PORT}.")
    return int(text)


def _address(name: str, text: str) -> str:
    try:
        return str(ip_address(text.strip().strip("[]")))
    except ValueError:
        raise ConfigError(f"{name} has {text!r}; it must be a numeric IPv4 or IPv6 address.") from None
