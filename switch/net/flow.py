"""Where a message came from, and where an answer or a request goes."""

from __future__ import annotations

import errno
from enum import StrEnum
from typing import NamedTuple


class Flow(NamedTuple):
    """One path between a socket of ours and a remote address (RFC 5626 §1 calls it a flow).

    Hashable and made of plain values: it can be a key, and `Flow(*json.loads(...))` brings it back from Redis.
    Sending on the flow that a phone registered from passes the NAT in front of that phone.
    """

    transport: str
    """'udp', 'tcp', 'tls', 'ws' or 'wss' (WebSocket, RFC 7118)."""
    host: str
    """Remote address, numeric, as the kernel prints it."""
    port: int
    """Remote port."""
    own: bool
    """True: our socket is the worker's own port. False: the SIP port that all workers share."""
    connection: int
    """Id of the connection, never used twice, not even after a restart; 0 for UDP."""
    worker: int
    """The worker that received it, or that holds the connection."""
    local: int = 0
    """Number of the secondary bind address that it uses (setting `secondarybind`); 0: the main ones."""
    peer: str = ""
    """Names that the remote has proved by a certificate, with blanks between; "" when it has not."""

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats what gets lost (RFC 3261 §17: then no retransmission timers)."""
        return self.transport != "udp"

    def same_way(self, other: Flow) -> bool:
        """Whether both have the same remote, and the same connection with it, whichever worker and port of ours heard it."""
        return (self.transport, self.host, self.port, self.connection) == (
            other.transport, other.host, other.port, other.connection,
        )  # fmt: skip


class Reason(StrEnum):
    """Why something could not be sent on a flow; what `on_error` gets."""

    REFUSED = "refused"
    """Nobody listens there (ICMP port unreachable, TCP reset at connect)."""
    UNREACHABLE = "unreachable"
    """No way to that host or network."""
    TOO_LARGE = "too large"
    """Longer than a datagram may be on that path; RFC 3261 §18.1.1 asks for TCP then."""
    FORBIDDEN = "forbidden"
    """The machine's own packet filter refuses (EPERM, EACCES)."""
    TIMEOUT = "timeout"
    """The connection was not there in time."""
    TLS = "tls"
    """No TLS with that remote: its certificate or name is not what we believe, or it speaks none."""
    CLOSED = "closed"
    """The connection has ended, told once when the remote ends it and on each later attempt to send."""
    OVERFLOW = "overflow"
    """The remote reads too slowly, or the connection is not up, and the bound of bytes waiting is reached."""
    FRAMING = "framing"
    """What came on the stream cannot be cut into messages; the connection was closed."""
    NO_WORKER = "no worker"
    """The worker that holds the connection does not run, or does not keep up."""
    LIMIT = "limit"
    """This worker already holds as many connections as it may."""
    FAILED = "failed"
    """Any other error of the operating system."""


SECURE = frozenset(("tls", "wss"))
"""Transports that nobody on the way can read."""
WEBSOCKETS = frozenset(("ws", "wss"))
"""Transports that only the other side can open."""

_REASONS = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.EMSGSIZE: Reason.TOO_LARGE,
    errno.EPERM: Reason.FORBIDDEN,
    errno.EACCES: Reason.FORBIDDEN,
    errno.ENETUNREACH: Reason.UNREACHABLE,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
    errno.ENETDOWN: Reason.UNREACHABLE,
    errno.EHOSTDOWN: Reason.UNREACHABLE,
    errno.EADDRNOTAVAIL: Reason.UNREACHABLE,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.ECONNRESET: Reason.CLOSED,
    errno.EPIPE: Reason.CLOSED,
}


def reason_of(number: int | None) -> Reason:
    """The reason that an errno stands for."""
    return _REASONS.get(number or 0, Reason.FAILED)
