"""How much all media streams of a worker may bring, so that a flood of them does not take the machine (guide 8808-8814)."""

from __future__ import annotations

import sys
from typing import Final

SPAN: Final = 0.1
"""Seconds that a budget is for: a burst of this length passes at whatever speed."""


class Budget:
    """Octets that may still be received in the current span. Whoever receives takes from `left`, and drops what makes it negative.

    Read and written in the relay's hot path, and so an object with plain fields.
    """

    __slots__ = ("_most", "dropped", "left", "until")

    def __init__(self) -> None:
        self._most = self.left = sys.maxsize
        self.until = 0.0
        """When `renew` is due."""
        self.dropped = 0
        """Datagrams that were too many."""

    def limit(self, octets: int) -> None:
        """So many octets per second from now on; 0: any number."""
        most = max(1, int(octets * SPAN)) if octets else sys.maxsize
        if most != self._most:
            self._most, self.until = most, 0.0

    def renew(self, now: float) -> None:
        """Another span begins."""
        self.left = self._most
        self.until = now + SPAN

    def told(self) -> int:
        """How many were dropped since this was asked last."""
        found, self.dropped = self.dropped, 0
        return found
