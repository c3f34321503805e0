"""How messages lie on a stream: one after the other (TCP, TLS), or in frames (`switch.net.websocket`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Shape

PING = b"\r\n\r\n"
PONG = b"\r\n"


class Framer(Shape):
    """Cuts a stream into messages (RFC 3261 §18.3); one per connection, made by the injected factory."""

    @property
    def waiting(self) -> int:
        """Bytes of a message that has begun and is not whole yet; 0 between messages."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what arrived, give the messages that are now whole, and CRLF CRLF between messages as it is.

        Raises the `framing_error` that `Net` was given when the stream cannot be cut any more.
        """


MakeFramer = Callable[[], Framer]


class Codec(Shape):
    """A stream as messages. `BadFrames` or the framing error of `Net`: it cannot be read any more, close it."""

    @property
    def waiting(self) -> int:
        """Above zero while something has begun that must come to its end: a message, the first handshake."""

    def feed(self, data: bytes) -> list[bytes]:
        """What arrived → whole messages; `PING` where the peer wants a `PONG`."""

    def frame(self, message: bytes) -> bytes:
        """A message as it is sent."""

    def replies(self) -> bytes:
        """What the codec itself has to say: the answer to a handshake, to a ping, to a farewell. Each once."""

    def heartbeat(self) -> bytes:
        """What makes the other side say something; nothing where no such thing is needed."""

    def farewell(self) -> bytes:
        """What is sent last."""

    @property
    def open(self) -> bool:
        """Whether messages may be sent yet, and still."""


class BadFrames(Exception):
    """What came is not of this protocol. `answer` may be sent before the connection is closed."""

    def __init__(self, reason: str, answer: bytes = b"") -> None:
        super().__init__(reason)
        self.answer = answer


class Closed(BadFrames):
    """The peer said that it closes: no fault."""


class Plain:
    """Messages one after the other, cut by a `Framer`."""

    __slots__ = ("_framer", "feed")

    open = True

    def __init__(self, framer: Framer) -> None:
        self._framer = framer
        self.feed = framer.feed

    @property
    def waiting(self) -> int:
        return self._framer.waiting

    def frame(self, message: bytes) -> bytes:
        return message

    def replies(self) -> bytes:
        return b""

    def heartbeat(self) -> bytes:
        return b""

    def farewell(self) -> bytes:
        return b""
