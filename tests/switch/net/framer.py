"""The simplest framing there is, for tests of the transport: a message ends with a line of its own, '.'."""

from __future__ import annotations


class LineFramer:
    """Messages end with CRLF '.' CRLF; a NUL cannot be framed."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def pending(self) -> int:
        return len(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        if b"\0" in data:
            raise ValueError("not text")
        *whole, self._rest = (self._rest + data).split(b"\r\n.\r\n")
        return whole
