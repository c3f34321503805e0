"""Certificates of those who sign: fetched once, judged once, kept as long as they are good. Runs on the reactor; nothing waits in it."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from cryptography import x509

from switch.stir.credentials import BadCredential, Credential, believed, read_chain

log = logging.getLogger("switch.stir")

Then = Callable[[Credential | str], None]

MOST = 1000
"""Places that are remembered; who was asked for longest ago goes first."""
KEPT = 24 * 3600.0
"""Seconds after which a certificate is fetched anew: its holder may have got another."""
AVOIDED = 60.0
"""Seconds for which a place that could not give one is not asked again."""
MOST_WAITING = 5000
"""Calls that wait for certificates; more are told at once that there is none."""


class Fetch(Protocol):
    """Gets what an HTTPS address holds: `done` is called once, with the bytes or with what went wrong, in words."""

    def __call__(self, url: str, done: Callable[[bytes | str], None]) -> None: ...


class Store:
    """One worker's. `wall` gives epoch seconds."""

    def __init__(self, fetch: Fetch, wall: Callable[[], float]) -> None:
        self._fetch = fetch
        self._wall = wall
        self._trusted: list[x509.Certificate] = []
        self._known: OrderedDict[str, tuple[Credential | str, float]] = OrderedDict()
        self._waiting: dict[str, list[Then]] = {}

    def trust(self, authorities: list[x509.Certificate]) -> None:
        """Believe those whom these vouch for, and nobody else any more."""
        if authorities != self._trusted:
            self._trusted = authorities
            self._known.clear()

    def known(self, url: str) -> Credential | str | None:
        """What is known of the place: its certificate, why it has none, or None: it has to be asked."""
        found = self._known.get(url)
        if found is None or found[1] <= self._wall():
            return None
        self._known.move_to_end(url)
        return found[0]

    def find(self, url: str, then: Then) -> None:
        """Give `then` the certificate that is there, or in words why it cannot be believed; at once if that is known."""
        found = self.known(url)
        if found is not None:
            then(found)
        elif url in self._waiting:
            self._join(self._waiting[url], then)
        elif sum(map(len, self._waiting.values())) >= MOST_WAITING:
            then("too many certificates are being fetched")
        else:
            self._waiting[url] = [then]
            self._fetch(url, lambda got: self._got(url, got))

    @staticmethod
    def _join(waiting: list[Then], then: Then) -> None:
        if len(waiting) >= MOST_WAITING:
            then("too many calls wait for this certificate")
        else:
            waiting.append(then)

    def _got(self, url: str, got: bytes | str) -> None:
        now = self._wall()
        found: Credential | str = got if isinstance(got, str) else self._judge(got, now)
        if isinstance(found, str):
            log.warning("the certificate at %s cannot be used: %s", url, found)
            until = now + AVOIDED
        else:
            until = min(now + KEPT, found.until)
        self._known[url] = (found, until)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        for then in self._waiting.pop(url, []):
            then(found)

    def _judge(self, data: bytes, now: float) -> Credential | str:
        try:
            return believed(read_chain(data), self._trusted, now)
        except BadCredential as error:
            return str(error)
