"""Where one running instance lives: its directory, ports and addresses, read from the environment.

Standard library only: it is read before the virtual environment exists.
"""

from __future__ import annotations

import getpass
import hashlib
import ipaddress
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAST_PORT = 65535


class Fault(Exception):
    """Something that the person at the keyboard has to know; its text is one clear sentence."""


@dataclass(frozen=True, slots=True)
class Place:
    """One instance. Two with different values run side by side on one machine."""

    var: Path
    http_port: int
    sip_bind: str
    sip_port: int
    workers: int
    rtp_ports: tuple[int, int]
    database_url: str | None
    """None: a private PostgreSQL is started."""
    redis_url: str | None
    """None: a private Redis is started."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Place:
        """Raises `Fault` when a variable has a value that cannot work."""
        return cls(
            var=Path(environ.get("MIZU_VAR") or ROOT / "var").absolute(),
            http_port=_number(environ, "MIZU_HTTP_PORT", 8000, 1, LAST_PORT),
            sip_bind=_address(environ, "MIZU_SIP_BIND", "127.0.0.1"),
            sip_port=_number(environ, "MIZU_SIP_PORT", 5060, 1, LAST_PORT),
            workers=_number(environ, "MIZU_SWITCH_WORKERS", 2, 1, 256),
            rtp_ports=_range(environ, "MIZU_RTP_PORTS", "20000-20999"),
            database_url=environ.get("DATABASE_URL") or None,
            redis_url=environ.get("REDIS_URL") or None,
        )

    @property
    def run(self) -> Path:
        """Process ids, readiness marks and the lock: nothing that outlives a stop."""
        return self.var / "run"

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def sockets(self) -> Path:
        """Short, because a socket's path may have 107 bytes; one per directory and user, so that none clash."""
        key = hashlib.sha256(f"{self.var.resolve()}:{os.geteuid()}".encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"mizu-{getpass.getuser()}-{key}"

    @property
    def redis_socket(self) -> Path:
        return self.sockets / "redis"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/"

    def environment(self) -> dict[str, str]:
        """What every process of this instance is told, on top of what the person has set."""
        return {
            "MIZU_VAR": str(self.var),
            "MIZU_HTTP_PORT": str(self.http_port),
            "MIZU_SIP_BIND": self.sip_bind,
            "MIZU_SIP_PORT": str(self.sip_port),
            "MIZU_SWITCH_WORKERS": str(self.workers),
            "MIZU_RTP_PORTS": f"{self.rtp_ports[0]}-{self.rtp_ports[1]}",
            "DATABASE_URL": self.database_url or f"postgres://postgres@/mizu?host={self.sockets}",
            "REDIS_URL": self.redis_url or f"unix://{self.redis_socket}?db=0",
            "DJANGO_SETTINGS_MODULE": "mizu_site.settings",
            "PYTHONUNBUFFERED": "1",
        }


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise Fault(f"{name} is {text!r}: it must be a number from {low} to {high}.")
    return int(text)


def _address(environ: Mapping[str, str], name: str, default: str) -> str:
    text = environ.get(name) or default
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise Fault(f"{name} is {text!r}: it must be an IP address, for example 127.0.0.1.") from None


def _range(environ: Mapping[str, str], name: str, default: str) -> tuple[int, int]:
    text = environ.get(name) or default
    first, dash, last = text.partition("-")
    usable = dash and first.isdigit() and last.isdigit() and text.isascii()
    if not usable or not 1024 <= int(first) < int(last) <= LAST_PORT:
        raise Fault(f"{name} is {text!r}: it must be two ports from 1024 to 65535, for example 20000-20999.")
    return int(first), int(last)
