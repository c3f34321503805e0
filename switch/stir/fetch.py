"""Fetching a certificate by HTTPS on the reactor: with a time-out, a bound on its size, and no redirects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers

MOST_BYTES = 64 * 1024
"""A chain of P-256 certificates has 5 kB."""
SECONDS = 3.0

Done = Callable[[bytes | str], None]


class Fetcher:
    """`switch.stir.store.Fetch` over Twisted's HTTP client. Names are looked up in the reactor's own threads."""

    def __init__(self, reactor: Any, seconds: float = SECONDS) -> None:
        """`seconds`: for the whole of one fetch."""
        self._reactor = reactor
        self._seconds = seconds
        self._pool = HTTPConnectionPool(reactor, persistent=False)  # type: ignore[no-untyped-call]
        self.follow(None)

    def follow(self, authorities: Path | None) -> None:
        """Whose certificates servers have to show; None: those that the machine trusts. Raises OSError, ValueError."""
        roots: tuple[Any, ...] = ()
        if authorities is not None:
            text = authorities.read_bytes()
            end = b"-----END CERTIFICATE-----"
            parts = [part + end for part in text.split(end)[:-1]]
            if not parts:
                raise ValueError(f"{authorities} holds no certificate")
            roots = (trustRootFromCertificates([Certificate.loadPEM(one) for one in parts]),)  # type: ignore[no-untyped-call]
        policy = BrowserLikePolicyForHTTPS(*roots)  # type: ignore[no-untyped-call]
        self._agent = Agent(  # type: ignore[no-untyped-call]
            self._reactor, policy, connectTimeout=self._seconds, pool=self._pool
        )

    def __call__(self, url: str, done: Done) -> None:
        """Get it; `done` is called once, later."""
        waiting = self._agent.request(
            b"GET", url.encode(), Headers({b"Accept": [b"application/pem-certificate-chain, */*"]})
        )
        waiting.addCallback(self._answered)
        waiting.addTimeout(self._seconds, self._reactor)
        waiting.addCallbacks(done, lambda failure: done(_told(failure)))

    def _answered(self, response: Any) -> Deferred[bytes] | str:
        if response.code != 200:
            response.deliverBody(_Body(Deferred(lambda _: None), most=0))
            return f"the server answered {response.code}"
        found: Deferred[bytes] = Deferred(lambda _: None)
        response.deliverBody(_Body(found, MOST_BYTES))
        return found


class _Body(Protocol):
    """What an answer holds, up to a size."""

    def __init__(self, found: Deferred[bytes], most: int) -> None:
        self._found, self._most = found, most
        self._parts: list[bytes] = []
        self._size = 0
        self._over = False

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._parts.append(data)
        if self._size > self._most and not self._over:
            self._end(ValueError(f"it has more than {self._most} bytes"))
            self.transport.abortConnection()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end(b"".join(self._parts))

    def _end(self, result: Any) -> None:
        if not self._over:
            self._over = True
            if isinstance(result, Exception):
                self._found.errback(result)
            else:
                self._found.callback(result)


def _told(failure: Failure) -> str:
    reasons = getattr(failure.value, "reasons", None)
    value = reasons[0].value if reasons else failure.value
    return f"it cannot be fetched ({type(value).__name__}: {str(value)[:120]})"
