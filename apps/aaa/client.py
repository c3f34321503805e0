"""RADIUS for who may wait: asks over a socket of its own and blocks. The switch has a client of its own that does not."""

from __future__ import annotations

import socket
import time

from apps.aaa.engine.radius import LONGEST, BadPacket, Reply, read_reply

TRIES = 3


def exchange(
    request: bytes, place: tuple[str, int], secret: bytes, *, signed: bool, seconds: float
) -> Reply | None:
    """The server's answer; None when none came in time. The request is sent up to three times."""
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(place)
        for _ in range(TRIES):
            try:
                sock.send(request)
                return _answer(sock, request, secret, signed=signed, until=time.monotonic() + seconds / TRIES)
            except (TimeoutError, OSError):
                continue
    return None


def _answer(sock: socket.socket, request: bytes, secret: bytes, *, signed: bool, until: float) -> Reply:
    """What is no answer of the server's is passed over. Raises TimeoutError."""
    while (left := until - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            return read_reply(sock.recv(LONGEST + 1), request, secret, signed=signed)
        except BadPacket:
            continue
    raise TimeoutError
