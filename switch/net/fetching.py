"""HTTP GET on the reactor, for small answers: nobody waits longer than was said, whatever the server does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

log = logging.getLogger("switch.net")

MOST_BYTES = 4096
CONNECTIONS = 8


class _Body(Protocol):
    """A body, cut off where it is too long."""

    def __init__(self, whole: Deferred[bytes | None]) -> None:
        self.whole, self.parts, self.size = whole, [], 0  # type: ignore[var-annotated]

    def dataReceived(self, data: bytes) -> None:
        self.size += len(data)
        self.parts.append(data)
        if self.size > MOST_BYTES and self.transport is not None:
            self.parts = []
            self.transport.loseConnection()  # type: ignore[misc]  # as the interface declares it

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.whole.called:
            self.whole.callback(b"".join(self.parts) if self.size <= MOST_BYTES else None)


class Fetcher:
    """Asks servers, some connections to each kept open."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        pool = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
        pool.maxPersistentPerHost = CONNECTIONS
        self._agent = Agent(reactor, connectTimeout=2, pool=pool)  # type: ignore[no-untyped-call]

    def get(self, address: str, seconds: float, told: Callable[[bytes | None], None]) -> None:
        """`told` once: the body of a 200, b"" for 404 and 204, None for anything else or nothing in time."""
        done: Deferred[bytes | None] = Deferred()
        done.addBoth(lambda found: told(None if isinstance(found, Failure) else found))
        done.addErrback(lambda failure: log.error("http: %s", failure.getTraceback()))
        if urlsplit(address).scheme not in {"http", "https"}:
            done.callback(None)
            return

        def over() -> None:
            log.warning("no answer from %s within %.1f s", urlsplit(address).netloc, seconds)
            asked.cancel()
            if not done.called:
                done.callback(None)

        timer = self._reactor.callLater(seconds, over)
        asked: Deferred[Any] = self._agent.request(
            b"GET", address.encode("ascii", "replace"), Headers({"User-Agent": ["Mizu"]})
        )

        def finish(found: bytes | None) -> None:
            if timer.active():
                timer.cancel()
            if not done.called:
                done.callback(found)

        def headed(response: Any) -> None:
            if response.code in {204, 404}:
                finish(b"")
                return
            if response.code != 200:
                log.warning("%s answered %s", urlsplit(address).netloc, response.code)
                finish(None)
                return
            whole: Deferred[bytes | None] = Deferred()
            whole.addCallback(finish)
            response.deliverBody(_Body(whole))

        asked.addCallbacks(headed, lambda failure: finish(None))
        asked.addErrback(lambda failure: finish(None))
