"""What the network layer counts, for metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Totals since the worker started; every one only grows."""

    udp_received: int = 0
    udp_sent: int = 0
    udp_blocked: int = 0
    """Datagrams not sent because the send buffer was full: lost, as on the wire, and repeated by SIP's timers."""
    tcp_received: int = 0
    tcp_sent: int = 0
    tcp_accepted: int = 0
    tcp_connected: int = 0
    tcp_refused: int = 0
    """Connections turned away: banned source, or a limit of connections."""
    tcp_closed_idle: int = 0
    tcp_closed_slow: int = 0
    """Connections closed because a message was begun and not finished in time."""
    tcp_closed_garbage: int = 0
    tcp_closed_silent: int = 0
    """Connections closed because nothing whole ever came, or because nobody answered our ping."""
    tcp_overflows: int = 0
    tls_failed: int = 0
    """TLS handshakes that came to nothing: a certificate or name that is not believed, no TLS at all, no version in common."""
    keepalives: int = 0
    """Empty lines that hold a NAT open (RFC 5626 §3.5.1) and other datagrams too short to be SIP."""
    stun_answered: int = 0
    """STUN binding requests on a SIP port (RFC 5389)."""
    errors: int = 0
    """Failures to send that were reported to the owner."""
    handed_over: int = 0
    taken_over: int = 0
    handover_missing: int = 0
    """Messages dropped because the worker they belong to does not run."""
    handover_blocked: int = 0
    """Messages dropped because the worker they belong to does not keep up."""
    handover_invalid: int = 0
    handler_failures: int = 0
    """Messages whose handling raised: a defect, logged with its traceback."""

    def as_dict(self) -> dict[str, int]:
        """Name → value."""
        return asdict(self)
