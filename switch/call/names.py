"""Addresses of host names, looked up off the reactor's thread and remembered for a minute."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

Found = Callable[[str | None], None]

KEPT = 60.0
KEPT_WRONG = 5.0
MAX_NAMES = 10_000


def is_address(host: str) -> bool:
    """Whether it is a numeric address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Names:
    """The resolver of a worker. `reactor` gives the threads."""

    def __init__(self, reactor: Any, clock: Callable[[], float]) -> None:
        self._reactor = reactor
        self._clock = clock
        self._known: dict[str, tuple[str | None, float]] = {}
        self._asked: dict[str, list[Found]] = {}

    def known(self, host: str) -> str | None:
        """The address, if it is one already or was looked up lately; never waits."""
        kept = self._known.get(host)
        if kept is None:
            if not is_address(host):
                return None
            self._keep(host, host, float("inf"))
            return host
        return kept[0]

    def find(self, host: str, found: Found) -> None:
        """Call `found` with the address, or with None when there is none: at once when it is known."""
        self.known(host)
        kept = self._known.get(host)
        if kept is not None and kept[1] > self._clock():
            found(kept[0])
            return
        waiting = self._asked.setdefault(host, [])
        waiting.append(found)
        if len(waiting) == 1:
            self._reactor.callInThread(self._look_up, host)

    def _look_up(self, host: str) -> None:
        """In a thread of the pool."""
        try:
            address = str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
        except OSError:
            address = None
        self._reactor.callFromThread(self._looked_up, host, address)

    def _looked_up(self, host: str, address: str | None) -> None:
        self._keep(host, address, self._clock() + (KEPT if address else KEPT_WRONG))
        for found in self._asked.pop(host, ()):
            found(address)

    def _keep(self, host: str, address: str | None, until: float) -> None:
        if len(self._known) >= MAX_NAMES:
            self._known.clear()
        self._known[host] = (address, until)
