"""Where one running instance lives: its directory, sockets and addresses.

Standard library only: it is read before the virtual environment exists.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mizu_site.environment import ROOT, BadEnvironment, Environment, as_dict

__all__ = ["ROOT", "Fault", "Place"]

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class Fault(Exception):
    """Something that the person at the keyboard has to know; its text is one clear sentence."""


@dataclass(frozen=True, slots=True)
class Place:
    """One instance. Two with different values run side by side on one machine."""

    asked: Environment

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Place:
        """Raises `Fault` when a variable has a value that cannot work."""
        try:
            return cls(Environment.read(environ))
        except BadEnvironment as error:
            raise Fault(str(error)) from error

    @property
    def var(self) -> Path:
        return self.asked.var

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
        key = hashlib.sha256(f"{self.var}:{os.geteuid()}".encode()).hexdigest()[:12]
        return Path("/tmp") / f"mizu-{os.geteuid()}-{key}"  # noqa: S108

    @property
    def redis_socket(self) -> Path:
        return self.sockets / "redis"

    @property
    def private_postgres(self) -> bool:
        return not self.asked.database_url

    @property
    def private_redis(self) -> bool:
        return not self.asked.redis_url

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.asked.http_port}/"

    @property
    def sip_address(self) -> tuple[str, int]:
        """Where a program on this machine reaches the switch."""
        return ANY_ADDRESS.get(self.asked.sip_bind, self.asked.sip_bind), self.asked.sip_port

    def environment(self) -> dict[str, str]:
        """What every process of this instance is told, on top of what the person has set."""
        return as_dict(self.asked) | {
            "DATABASE_URL": self.asked.database_url or f"postgres://postgres@/mizu?host={self.sockets}",
            "REDIS_URL": self.asked.redis_url or f"unix://{self.redis_socket}?db=0",
            "DJANGO_SETTINGS_MODULE": "mizu_site.settings",
            "PYTHONUNBUFFERED": "1",
        }
