"""Asks RADIUS servers without waiting: each question has a socket of its own, so that an answer cannot be guessed from another.

1. The servers are asked in their order, each for an equal share of the time, up to three times.
2. What is no answer of the server's (another source, a wrong proof) is passed over.
3. Nobody answered: None. More than `MOST` questions at once: None at once.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from apps.aaa.engine.radius import Attribute, BadPacket, Reply, access_request, accounting_request, read_reply
from switch.outside.servers import Server

log = logging.getLogger("switch.outside")

MOST = 500
TRIES = 3

Answered = Callable[[Reply | None], object]
Write = Callable[[Server], Sequence[Attribute]]


class Radius:
    """The client of one worker. `unseal`: the secret of a sealed one; raises ValueError."""

    def __init__(self, reactor: Any, unseal: Callable[[str], bytes]) -> None:
        self._reactor = reactor
        self._unseal = unseal
        self._secrets: dict[str, bytes] = {}
        self.open: set[_Question] = set()

    def ask(self, servers: Sequence[Server], write: Write, seconds: float, answered: Answered) -> None:
        """An Access-Request; `write`: its attributes for a server."""
        self._begin(servers, write, seconds, answered, accounting=False)

    def tell(self, servers: Sequence[Server], write: Write, seconds: float) -> None:
        """An Accounting-Request that nobody waits for."""
        self._begin(servers, write, seconds, lambda _reply: None, accounting=True)

    def _begin(
        self, servers: Sequence[Server], write: Write, seconds: float, answered: Answered, *, accounting: bool
    ) -> None:
        if not servers or len(self.open) >= MOST:
            answered(None)
            return
        question = _Question(
            self, list(servers), write, seconds / len(servers), answered, accounting=accounting
        )
        self.open.add(question)
        question.next_server()

    def secret(self, server: Server) -> bytes | None:
        """None, with a line in the log, when it was sealed with another key."""
        if server.sealed_secret not in self._secrets:
            try:
                self._secrets[server.sealed_secret] = self._unseal(server.sealed_secret)
            except ValueError:
                log.error("the secret of RADIUS server %s cannot be read: enter it anew", server.name)
                return None
        return self._secrets[server.sealed_secret]

    def listen(self, wire: _Wire, server: Server) -> Any:
        return self._reactor.listenUDP(0, wire, interface="::" if ":" in server.address else "")

    def later(self, seconds: float, do: Callable[[], None]) -> Any:
        return self._reactor.callLater(seconds, do)

    def stop(self) -> None:
        """The worker ends: nobody waits any more."""
        for question in list(self.open):
            question.give_up()


class _Wire(DatagramProtocol):
    """The socket between a question and one server. It is not connected: a server that is not there would close it."""

    noisy = False
    transport: Any

    def __init__(self, question: _Question, place: tuple[str, int]) -> None:
        self._question, self._place = question, place

    def send(self, data: bytes) -> None:
        self.transport.write(data, self._place)

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        if tuple(addr[:2]) == self._place:
            self._question.heard(data)


class _Question:
    """One question, from its first datagram to an answer or the end of its time."""

    def __init__(
        self,
        client: Radius,
        servers: list[Server],
        write: Write,
        share: float,
        answered: Answered,
        *,
        accounting: bool,
    ) -> None:
        self._client, self._servers, self._write = client, servers, write
        self._share, self._answered, self._accounting = share, answered, accounting
        self._port: Any = None
        self._timer: Any = None
        self._wire: _Wire | None = None
        self._server: Server | None = None
        self._request = self._secret = b""
        self._tries = 0

    def next_server(self) -> None:
        """The next one that can be asked; without any it is over."""
        self._close()
        while self._servers:
            server = self._servers.pop(0)
            secret = self._client.secret(server)
            if secret is not None and self._open(server, secret):
                return
        self._end(None)

    def _open(self, server: Server, secret: bytes) -> bool:
        made = accounting_request if self._accounting else access_request
        wire = _Wire(self, (server.address, server.acct_port if self._accounting else server.auth_port))
        try:
            self._request = made(secrets.randbelow(256), secret, self._write(server))
            self._port = self._client.listen(wire, server)
        except (CannotListenError, ValueError) as error:
            log.warning("RADIUS server %s cannot be asked: %s", server.name, error)
            return False
        self._wire = wire
        self._server, self._secret, self._tries = server, secret, 0
        self._send()
        return True

    def _send(self) -> None:
        self._tries += 1
        if self._tries > TRIES:
            log.warning("RADIUS server %s does not answer", self._server.name if self._server else "")
            self.next_server()
            return
        self._timer = self._client.later(self._share / TRIES, self._send)
        assert self._wire is not None
        self._wire.send(self._request)

    def heard(self, data: bytes) -> None:
        """A datagram came from the server's address."""
        if self._port is None or self._server is None:
            return
        try:
            signed = self._server.signed and not self._accounting
            reply = read_reply(data, self._request, self._secret, signed=signed)
        except BadPacket as error:
            log.warning("RADIUS server %s: %s", self._server.name, error)
            return
        self._end(reply)

    def give_up(self) -> None:
        self._servers.clear()
        self._end(None)

    def _end(self, reply: Reply | None) -> None:
        self._close()
        if self in self._client.open:
            self._client.open.discard(self)
            self._answered(reply)

    def _close(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._port is not None:
            self._port.stopListening()
        self._timer = self._port = None
