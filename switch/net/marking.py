"""DSCP: what routers are told of a socket's packets (RFC 2474), so that voice is let through before files."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any


def mark(sock: socket.socket, dscp: int) -> None:
    """Mark all that leaves the socket from now on; a system that does not let us sends it unmarked."""
    six = sock.family == socket.AF_INET6
    level, option = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if six else (socket.IPPROTO_IP, socket.IP_TOS)
    with suppress(OSError):
        sock.setsockopt(level, option, dscp << 2)


def beneath(transport: Any) -> Any:
    """The TCP transport that TLS runs over, or the one that was given."""
    while (inner := getattr(transport, "transport", None)) is not None:
        transport = inner
    return transport
