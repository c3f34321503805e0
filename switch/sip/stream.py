"""SIP over a byte stream: where one message ends and the next begins (RFC 3261 §18.3, §7.5; RFC 5626 §3.5.1)."""

import re

from switch.sip.grammar import BadValue, number
from switch.sip.message import MAX_MESSAGE

PING = b"\r\n\r\n"
PONG = b"\r\n"
LONGEST_START = 8192
"""Bytes within which the first line must say that it is SIP."""
_LENGTH = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:(?:[ \t]|\r\n[ \t])*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE
)
_START = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]")


class BadStream(Exception):
    """The stream cannot be cut any more: close the connection. `head` is what came of the message (an answer may be tried)."""

    def __init__(self, reason: str, head: bytes = b"") -> None:
        super().__init__(reason)
        self.head = head


class Framer:
    """Feed it what arrives, in any pieces; it gives whole messages, and `PING` where the peer wants a `PONG`.

    A lone CRLF between messages (a pong, or politeness of old peers) is skipped. What is whole before the stream breaks is given
    first, and BadStream comes with the next call. After it the framer must not be fed again.
    """

    __slots__ = ("_buffer", "_is_sip", "_seen", "_total")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_sip = False
        self._seen = 0
        self._total = 0

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        frames: list[bytes] = []
        try:
            while (frame := self._next()) is not None:
                frames.append(frame)
        except BadStream:
            if not frames:
                raise
        return frames

    @property
    def waiting(self) -> int:
        """Bytes of a message that is not whole yet: the owner closes connections that keep it above zero for long."""
        return len(self._buffer)

    def _next(self) -> bytes | None:
        if not self._total:
            if self._buffer[:1] == b"\r":
                return self._keepalive()
            if not self._buffer or not self._read_head():
                return None
        if len(self._buffer) < self._total:
            return None
        frame = bytes(self._buffer[: self._total])
        self._drop(self._total)
        return frame

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._is_sip = False
        self._seen = self._total = 0

    def _keepalive(self) -> bytes | None:
        """CRLF CRLF is a ping; one CRLF before anything else is nothing."""
        start = bytes(self._buffer[:4])
        if start == PING:
            self._drop(4)
            return PING
        if PING.startswith(start):
            return None
        if start[:2] != b"\r\n":
            raise BadStream("a bare CR between messages")
        if start[2:3] == b"\r" and start[3:4] != b"\n":
            raise BadStream("a bare CR between messages")
        self._drop(2)
        return self._next()

    def _read_head(self) -> bool:
        """Find the end of the headers and the length of the whole; False while the end has not come."""
        buffer = self._buffer
        if not self._is_sip:
            self._check_start()
        end = buffer.find(b"\r\n\r\n", max(0, self._seen - 3))
        if end < 0:
            self._seen = len(buffer)
            if len(buffer) > MAX_MESSAGE:
                raise BadStream("headers without end", bytes(buffer[:MAX_MESSAGE]))
            return False
        head = bytes(buffer[: end + 4])
        total = end + 4 + _body_length(head)
        if total > MAX_MESSAGE:
            raise BadStream("message too long", head)
        self._total = total
        return True

    def _check_start(self) -> None:
        """What does not begin like SIP is not waited for. Asked for each piece, so that no cut makes a difference."""
        buffer = self._buffer
        if not _START.match(buffer):
            raise BadStream("not SIP")
        line_end = buffer.find(b"\r\n", 0, LONGEST_START)
        if line_end < 0 and len(buffer) < LONGEST_START:
            return
        if b"SIP/" not in buffer[: line_end if line_end >= 0 else LONGEST_START].upper():
            raise BadStream("not SIP")
        self._is_sip = True


def _body_length(head: bytes) -> int:
    """Content-Length, which a stream cannot do without; several must agree."""
    values = set(_LENGTH.findall(head))
    if len(values) != 1:
        raise BadStream("no Content-Length, or more than one", head)
    try:
        return number(values.pop().decode("latin-1"), MAX_MESSAGE)
    except BadValue as error:
        raise BadStream(f"bad Content-Length: {error}", head) from error
