"""What the environment says, read and checked in one place by the command, the office and the switch.

A wrong value raises `BadEnvironment` with a sentence that says which variable and what is expected.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class BadEnvironment(ValueError):
    """A variable of the environment has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that everybody who scripts against Mizu may rely on.

    var: state directory; http_port, sip_port: ports; sip_binds: addresses the switch listens on, one of each IP version
    at most; sip_tls_port: for SIP over TLS, as soon as there is a certificate; sip_ws_port, sip_wss_port: for WebSocket, 0:
    none; switch_workers: number of SIP processes; rtp_ports: inclusive range of UDP ports for media;
    rtpengine: the port for commands of an rtpengine that this instance runs, 0 for none; rtpengine_ports: its media ports.
    """

    var: Path
    http_port: int
    sip_port: int
    sip_tls_port: int
    sip_ws_port: int
    sip_wss_port: int
    sip_binds: tuple[str, ...]
    switch_workers: int
    rtp_ports: tuple[int, int]
    rtpengine: int
    rtpengine_ports: tuple[int, int]
    database_url: str
    redis_url: str

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Environment:
        made = cls(
            var=Path(environ.get("MIZU_VAR") or ROOT / "var").resolve(),
            http_port=_number(environ, "MIZU_HTTP_PORT", 8000, 1, 65535),
            sip_port=_number(environ, "MIZU_SIP_PORT", 5060, 1, 65500),
            sip_tls_port=_number(environ, "MIZU_SIP_TLS_PORT", _beside(environ), 0, 65535),
            sip_ws_port=_number(environ, "MIZU_SIP_WS_PORT", 0, 0, 65535),
            sip_wss_port=_number(environ, "MIZU_SIP_WSS_PORT", 0, 0, 65535),
            sip_binds=_addresses(environ, "MIZU_SIP_BIND", "127.0.0.1"),
            switch_workers=_number(environ, "MIZU_SWITCH_WORKERS", 2, 1, 64),
            rtp_ports=_port_range(environ, "MIZU_RTP_PORTS", "20000-20999"),
            rtpengine=_number(environ, "MIZU_RTPENGINE", 0, 0, 65535),
            rtpengine_ports=_port_range(environ, "MIZU_RTPENGINE_PORTS", "24000-27999"),
            database_url=environ.get("DATABASE_URL", ""),
            redis_url=environ.get("REDIS_URL", ""),
        )
        made._check_media()
        return made

    @property
    def sip_bind(self) -> str:
        """The first address."""
        return self.sip_binds[0]

    def _check_media(self) -> None:
        """Each worker needs a pair of ports, an even one and the next, to relay anything at all."""
        first, last = self.rtp_ports
        pairs = (last + 1 - (first + first % 2)) // 2
        if pairs < self.switch_workers:
            raise BadEnvironment(
                f"MIZU_RTP_PORTS is '{first}-{last}': that is room for {pairs} media streams, and each of the "
                f"{self.switch_workers} switch workers (MIZU_SWITCH_WORKERS) needs at least one."
            )


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise BadEnvironment(f"{name} is {text!r}: a number from {low} to {high} is expected.")
    return int(text)


def _beside(environ: Mapping[str, str]) -> int:
    """The port for TLS: the next after the one for UDP and TCP (guide 8714)."""
    return _number(environ, "MIZU_SIP_PORT", 5060, 1, 65500) + 1


def _addresses(environ: Mapping[str, str], name: str, default: str) -> tuple[str, ...]:
    text = environ.get(name) or default
    try:
        found = tuple(str(ip_address(one.strip().strip("[]"))) for one in text.split(","))
    except ValueError as error:
        raise BadEnvironment(f"{name} is {text!r}: an IP address is expected.") from error
    if len({":" in one for one in found}) < len(found):
        raise BadEnvironment(f"{name} is {text!r}: one IPv4 address, one IPv6 address, or both are expected.")
    return found


def _port_range(environ: Mapping[str, str], name: str, default: str) -> tuple[int, int]:
    text = environ.get(name) or default
    low, dash, high = text.partition("-")
    if not (
        dash and low.isdigit() and high.isdigit() and int(low) >= 1024 and int(low) + 3 <= int(high) <= 65535
    ):
        raise BadEnvironment(f"{name} is {text!r}: two ports such as 20000-20999 are expected.")
    return int(low), int(high)


def broker_url(redis_url: str) -> str:
    """The Redis URL in the spelling that Celery's transport wants for a unix socket."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    number = dict(part.split("=", 1) for part in query.split("&") if "=" in part).get("db", "0")
    return f"redis+socket://{path}?virtual_host={number}"


def secret_key(environ: Mapping[str, str], var: Path) -> str:
    """The installation's secret: from MIZU_SECRET_KEY, else from the file that the first start wrote."""
    if key := environ.get("MIZU_SECRET_KEY"):
        return key
    path = var / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return write_secret_key(path)


def write_secret_key(path: Path) -> str:
    """Create the secret once, readable by its owner only; a race is won by whoever linked first."""
    import secrets

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w") as stream:
        stream.write(key)
    return key


def as_dict(environment: Environment) -> dict[str, Any]:
    """The values as they would stand in the environment of a child process."""
    return {
        "MIZU_VAR": str(environment.var),
        "MIZU_HTTP_PORT": str(environment.http_port),
        "MIZU_SIP_PORT": str(environment.sip_port),
        "MIZU_SIP_TLS_PORT": str(environment.sip_tls_port),
        "MIZU_SIP_WS_PORT": str(environment.sip_ws_port),
        "MIZU_SIP_WSS_PORT": str(environment.sip_wss_port),
        "MIZU_SIP_BIND": ",".join(environment.sip_binds),
        "MIZU_SWITCH_WORKERS": str(environment.switch_workers),
        "MIZU_RTP_PORTS": "{}-{}".format(*environment.rtp_ports),
        "MIZU_RTPENGINE": str(environment.rtpengine),
        "MIZU_RTPENGINE_PORTS": "{}-{}".format(*environment.rtpengine_ports),
        "DATABASE_URL": environment.database_url,
        "REDIS_URL": environment.redis_url,
    }
