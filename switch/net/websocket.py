"""SIP in WebSocket frames, the server's side (RFC 6455, RFC 7118). Sans-I/O: bytes in, messages and bytes out.

1. The HTTP upgrade must offer the sub-protocol `sip` and come from an allowed Origin; else 400 or 403, and the end.
2. Each WebSocket message is one SIP message, text or binary. CRLF CRLF alone is a keep-alive (RFC 7118 §6).
3. Pings are answered, a close is answered by a close.

wsproto does the protocol; bounded here is what it leaves to its user: the length of the upgrade, and of a message in fragments.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError

from .codec import PING, BadFrames, Closed

SUBPROTOCOL = "sip"
LONGEST_UPGRADE = 8192
MOST_FRAGMENTS = 1024
"""Of one message; an empty one adds nothing to its length."""

Origins = frozenset[str]
"""Allowed Origins as browsers send them, lower-case, and host names; empty: any."""


def allows(origins: Iterable[str], origin: str | None) -> bool:
    """Whether a page of that Origin may speak to us. A program that is no browser sends none, and proves itself by its password.

    An entry is a whole origin (`https://phone.example.com`), a host name, or `*.example.com` for all names below it.
    """
    allowed = frozenset(one.lower() for one in origins)
    if not allowed or origin is None:
        return True
    origin = origin.lower()
    host = urlsplit(origin).hostname or ""
    labels = host.split(".")
    above = {"*." + ".".join(labels[place:]) for place in range(1, len(labels))} if _is_name(host) else set()
    return bool(allowed & {origin, host, *above} - {""})


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return bool(host)
    return False


class WebSocket:
    """One connection of a browser (a `Codec`)."""

    __slots__ = ("_closed", "_fragments", "_longest", "_origins", "_out", "_parts", "_size", "_ws", "open")

    def __init__(self, *, longest: int, origins: Origins = frozenset()) -> None:
        """`longest`: bytes of one message."""
        self._ws = WSConnection(ConnectionType.SERVER)
        self._longest = longest
        self._origins = origins
        self._out = bytearray()
        self._parts: list[bytes] = []
        self._size = 0
        self._fragments = 0
        self._closed = False
        self.open = False

    @property
    def waiting(self) -> int:
        """Bytes of a message; 1 before the upgrade is done, which must not last either."""
        return self._size + self._fragments + (not self.open)

    def feed(self, data: bytes) -> list[bytes]:
        """Raises BadFrames: with the answer to send, if there is one."""
        found: list[bytes] = []
        if not self.open and not self._closed:
            self._size += len(data)
            if self._size > LONGEST_UPGRADE:
                raise BadFrames("an upgrade without end")
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                self._take(event, found)
        except ProtocolError as error:
            self.open = False
            raise BadFrames(str(error), self._refusal(error)) from error
        except (ValueError, AssertionError) as error:  # wsproto decodes headers without looking
            self.open = False
            raise BadFrames("malformed upgrade") from error
        return found

    def frame(self, message: bytes) -> bytes:
        """As text, which is what browsers expect, unless it is none (RFC 7118 §5)."""
        try:
            return self._ws.send(TextMessage(message.decode()))
        except UnicodeDecodeError:
            return self._ws.send(BytesMessage(message))

    def heartbeat(self) -> bytes:
        """A ping; the pong shows that the browser is there still."""
        return self._ws.send(Ping()) if self.open else b""

    def farewell(self) -> bytes:
        if not self.open:
            return b""
        self.open, self._closed = False, True
        return self._ws.send(CloseConnection(code=CloseReason.GOING_AWAY))

    def replies(self) -> bytes:
        out, self._out = bytes(self._out), bytearray()
        return out

    # --- what came

    def _take(self, event: object, found: list[bytes]) -> None:
        if isinstance(event, Message):
            self._message(event, found)
        elif isinstance(event, Request):
            self._upgrade(event)
        elif isinstance(event, Ping):
            self._out += self._ws.send(event.response())
        elif isinstance(event, CloseConnection):
            fault = self._ws.state is ConnectionState.OPEN  # wsproto itself wants to close
            if not self._closed:
                self._closed, self.open = True, False
                self._out += self._ws.send(event.response())
            if fault:
                raise BadFrames(event.reason or "no WebSocket", self.replies())
            raise Closed("closed by the peer", self.replies())

    def _message(self, event: Message[Any], found: list[bytes]) -> None:
        data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
        self._size += len(data)
        self._fragments += 1
        if self._size > self._longest or self._fragments > MOST_FRAGMENTS:
            self.open, self._closed = False, True
            farewell = self._ws.send(CloseConnection(code=CloseReason.MESSAGE_TOO_BIG))
            raise BadFrames("message too long", farewell)
        self._parts.append(data)
        if event.message_finished:
            message = b"".join(self._parts)
            self._parts.clear()
            self._size = self._fragments = 0
            if message.strip(b"\r\n") or message == PING:
                found.append(message)

    def _upgrade(self, request: Request) -> None:
        origin = next(
            (value.decode("latin-1") for name, value in request.extra_headers if name == b"origin"), None
        )
        if SUBPROTOCOL not in request.subprotocols:
            raise BadFrames("not for SIP", self._ws.send(RejectConnection(status_code=400)))
        if not allows(self._origins, origin):
            raise BadFrames(f"from origin {origin!r}", self._ws.send(RejectConnection(status_code=403)))
        self._out += self._ws.send(AcceptConnection(subprotocol=SUBPROTOCOL))
        self._size = 0
        self.open = True

    def _refusal(self, error: ProtocolError) -> bytes:
        hint = getattr(error, "event_hint", None)
        try:
            return self._ws.send(hint) if hint is not None else b""
        except ProtocolError:
            return b""
