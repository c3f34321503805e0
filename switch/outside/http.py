"""Asks a service of the operator's own, by HTTP and JSON, without waiting.

It is sent one object and answers 200 with another; anything else, and anything late or long, is no answer.

- `{"ask": "login", "username", "realm", "method", "uri", "nonce", "nc", "cnonce", "qop", "algorithm", "response", "address"}`:
  it answers `{"allow": true}` when it has checked the digest itself, or `{"ha1": "…"}` and we check it.
- `{"ask": "call", "call", "account", "caller_number", "called_number", "address"}`: `{"allow": true, "seconds": 600}` (no `seconds`: no
  limit), or `{"allow": false, "reason": "…"}`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol as Connection
from twisted.python.failure import Failure
from twisted.web import client
from twisted.web.http_headers import Headers

_web: Any = client  # it has no types
log = logging.getLogger("switch.outside")

MOST = 500
LONGEST = 16_384

Answered = Callable[[Mapping[str, Any] | None], object]


class Clock(Protocol):
    def callLater(self, delay: float, callable: Callable[..., object], *args: Any) -> Any: ...


class Http:
    """The client of one worker; connections are kept open."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pool = _web.HTTPConnectionPool(reactor)
        self._agent = _web.Agent(reactor, connectTimeout=5, pool=self._pool)
        self.open = 0

    def ask(
        self, url: str, token: str, question: Mapping[str, Any], seconds: float, answered: Answered
    ) -> None:
        """POST it; `answered` is called once, with None when no good answer came in time."""
        if not url or self.open >= MOST:
            answered(None)
            return
        self.open += 1
        headers = {"Content-Type": ["application/json"], "Accept": ["application/json"]}
        if token:
            headers["Authorization"] = [f"Bearer {token}"]
        body = _web.FileBodyProducer(BytesIO(json.dumps(question).encode()))
        asked = self._agent.request(b"POST", url.encode(), Headers(headers), body)
        asked.addCallback(_body)
        asked.addTimeout(seconds, self._reactor)
        asked.addCallbacks(_parsed, _failed)
        asked.addBoth(self._over, answered)

    def _over(self, found: Mapping[str, Any] | None, answered: Answered) -> None:
        self.open -= 1
        answered(found if isinstance(found, Mapping) else None)

    def stop(self) -> None:
        """The worker ends."""
        self._pool.closeCachedConnections()


class _Body(Connection):
    """What comes, up to a bound."""

    def __init__(self, whole: Deferred[bytes]) -> None:
        self._whole, self._size = whole, 0
        self._parts: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._parts.append(data)
        if self._size > LONGEST:
            self.transport.abortConnection()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = ConnectionDone) -> None:  # type: ignore[assignment]
        if not self._whole.called:
            self._whole.callback(b"" if self._size > LONGEST else b"".join(self._parts))


def _body(response: Any) -> Deferred[bytes]:
    whole: Deferred[bytes] = Deferred()
    if response.code != 200:
        response.deliverBody(_Body(whole))  # read, so that the connection can be used again
        raise ValueError(f"status {response.code}")
    response.deliverBody(_Body(whole))
    return whole


def _parsed(data: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(data)
    except ValueError:
        log.warning("externalauth_url answered with something else than JSON")
        return None
    return found if isinstance(found, dict) else None


def _failed(failure: Failure) -> None:
    log.warning("externalauth_url: %s", failure.getErrorMessage() or failure.type)
