"""What a worker has to do with servers of others, put together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from switch.outside.accounting import Accounting
from switch.outside.gate import Gate
from switch.outside.http import Http
from switch.outside.radius import Radius

if TYPE_CHECKING:
    from switch.call.board import Board, Watcher


class Outside:
    """The clients of one worker. `secret`: the installation's key, by which the office has sealed the servers' secrets."""

    def __init__(self, reactor: Any, secret: bytes, clock: Callable[[], float]) -> None:
        self.radius = Radius(reactor, partial(_unsealed, secret))
        self.http = Http(reactor)
        self.gate = Gate(self.radius, self.http, clock)

    def watching(self, watcher: Watcher, board: Board) -> Accounting:
        """A watcher of calls that tells the servers, and passes on what it sees."""
        return Accounting(watcher, self.radius, board)

    def stop(self) -> None:
        """The worker ends."""
        self.radius.stop()
        self.http.stop()


def _unsealed(secret: bytes, sealed: str) -> bytes:
    """Raises ValueError when it was sealed with another key."""
    from apps.aaa.engine import PURPOSE
    from apps.core.sealed import unseal

    return unseal(secret, PURPOSE, sealed).encode()
