"""A browser's half of a WebSocket, written out so that the switch's library is not tested by itself (RFC 6455)."""

from __future__ import annotations

import base64
import os

TEXT, BINARY, CLOSE, PING_FRAME, PONG_FRAME = 1, 2, 8, 9, 10


def upgrade(*, protocol: str = "sip", origin: str = "https://phone.example.com", extra: str = "") -> bytes:
    lines = [
        "GET / HTTP/1.1",
        "Host: sip.example.net",
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        *([f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []),
        *([f"Origin: {origin}"] if origin else []),
        *([extra] if extra else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(payload: bytes, kind: int = TEXT, *, last: bool = True, masked: bool = True) -> bytes:
    """As a browser sends it (RFC 6455 §5.2), written out here so that the switch's library is not tested by itself."""
    size = len(payload)
    head = bytes([(0x80 if last else 0) | kind])
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([mask_bit | size])
    elif size < 1 << 16:
        head += bytes([mask_bit | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([mask_bit | 127]) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))


def unframe(data: bytes) -> list[tuple[int, bytes]]:
    """What the switch sends: frames that are whole and not masked."""
    found = []
    while data:
        kind, size, start = data[0] & 15, data[1], 2
        assert data[0] & 0x80 and size < 128
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        found.append((kind, data[start : start + size]))
        data = data[start + size :]
    return found
