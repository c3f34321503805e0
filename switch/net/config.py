"""Addresses, ports and bounds of the network layer, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

OWN_PORT_STRIDE = 1013
"""Distance between a worker's own port and the next one's.

A prime that nobody chooses as the distance between two instances: 5060, 5061, 5070, 5160, 6060 and 15060 side by
side never meet, because no two of them differ by a multiple of it.
"""
LAST_PORT = 65535


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
    ports: frozenset[int] = frozenset()
    """All SIP ports of this node, those of the other workers too: what comes from there comes from ourselves."""
    advertise: str | None = None
    """Address that peers shall use when it is not the bound one (NAT in front of us)."""
    receive_buffer: int = 4 << 20
    datagrams_per_turn: int = 64
    """Read at most so many before timers and other sockets have their turn."""
    shortest_datagram: int = 16
    """Shorter ones cannot be SIP; they only keep a NAT binding open."""
    connect_timeout: float = 5.0
    idle_timeout: float = 7500.0
    """Longer than registrations last (setting upperexpiremax): a phone that is called seldom must stay reachable."""
    message_timeout: float = 10.0
    """From the first byte of a message on a stream to its last."""
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
        if not 1 <= self.worker <= self.workers:
            raise ConfigError(f"Worker {self.worker} is not one of MIZU_SWITCH_WORKERS = {self.workers}.")

    @classmethod
    def from_env(cls, env: Mapping[str, str], worker: int) -> NetConfig:
        """Read MIZU_VAR, MIZU_SIP_BIND, MIZU_SIP_PORT, MIZU_SIP_WORKER_PORTS, MIZU_SIP_ADVERTISE, MIZU_SWITCH_WORKERS.

        Raises `ConfigError` with a sentence for the operator.
        """
        shared = _number(env, "MIZU_SIP_PORT", 5060)
        first = _number(env, "MIZU_SIP_WORKER_PORTS", 0) or None
        workers = _number(env, "MIZU_SWITCH_WORKERS", 2)
        return cls(
            worker=worker,
            workers=workers,
            ports=frozenset((shared, *(own_port(shared, one, first) for one in range(1, workers + 1)))),
            shared_port=shared,
            own_port=own_port(shared, worker, first),
            run_dir=Path(env.get("MIZU_VAR", "var")) / "run",
            binds=tuple(
                _address("MIZU_SIP_BIND", text) for text in env.get("MIZU_SIP_BIND", "127.0.0.1").split(",")
            ),
            advertise=_address("MIZU_SIP_ADVERTISE", given)
            if (given := env.get("MIZU_SIP_ADVERTISE"))
            else None,
        )


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
