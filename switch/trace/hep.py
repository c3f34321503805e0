"""HEP3, the encapsulation in which capture servers (Homer and others) take SIP messages over UDP.

A packet is "HEP3", its length, and chunks: vendor 0, type, length (of all six header bytes and the value), value.
"""

from __future__ import annotations

import socket
from struct import pack

UDP, TCP = 17, 6
SIP = 1
_ADDRESSES = {socket.AF_INET: (0x03, 0x04), socket.AF_INET6: (0x05, 0x06)}


def packet(
    data: bytes,
    *,
    source: tuple[str, int],
    target: tuple[str, int],
    reliable: bool,
    at: float,
    capture_id: int,
    password: str,
    correlation: str = "",
) -> bytes:
    """One message. `at`: epoch seconds; `correlation`: the call's id, when it is known."""
    family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    source_type, target_type = _ADDRESSES[family]
    seconds = int(at)
    chunks = [
        _chunk(0x01, pack("!B", family if family == socket.AF_INET else 10)),
        _chunk(0x02, pack("!B", TCP if reliable else UDP)),
        _chunk(source_type, socket.inet_pton(family, source[0])),
        _chunk(target_type, socket.inet_pton(family, target[0])),
        _chunk(0x07, pack("!H", source[1])),
        _chunk(0x08, pack("!H", target[1])),
        _chunk(0x09, pack("!I", seconds)),
        _chunk(0x0A, pack("!I", int((at - seconds) * 1_000_000))),
        _chunk(0x0B, pack("!B", SIP)),
        _chunk(0x0C, pack("!I", capture_id)),
    ]
    if password:
        chunks.append(_chunk(0x0E, password.encode()))
    if correlation:
        chunks.append(_chunk(0x11, correlation.encode()))
    chunks.append(_chunk(0x0F, data))
    body = b"".join(chunks)
    return b"HEP3" + pack("!H", len(body) + 6) + body


def _chunk(kind: int, value: bytes) -> bytes:
    return pack("!HHH", 0, kind, len(value) + 6) + value
