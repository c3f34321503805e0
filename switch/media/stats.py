"""What one received RTP stream tells about itself (RFC 3550 §6.4.1, appendix A.1, A.3 and A.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MAX_DROPOUT: Final = 3000
_MAX_MISORDER: Final = 100
_USUAL_CLOCK: Final = 8000
_CLOCKS: Final = {14: 90000, 6: 16000, 10: 44100, 11: 44100, 16: 11025, 17: 22050} | dict.fromkeys(
    (25, 26, 28, 31, 32, 33, 34), 90000
)
"""Clock rates of the static payload types that are not 8 kHz (RFC 3551 §6)."""


@dataclass(frozen=True, slots=True)
class Report:
    """The counters of one direction at one moment. Jitter is in seconds, times as the reactor's."""

    packets: int
    octets: int
    lost: int
    jitter: float
    strays: int
    unsent: int
    last_packet: float | None
    ssrc_changes: int
    payload_type: int | None
    rtcp_packets: int


class Stream:
    """Running counters of one direction; `receive` is called for every packet and allocates nothing that stays."""

    __slots__ = (
        "_base",
        "_clock_rate",
        "_cycles",
        "_highest",
        "_jitter",
        "_lost_before",
        "_received",
        "_ssrc",
        "_timestamp",
        "_transit",
        "last_packet",
        "octets",
        "packets",
        "payload_type",
        "rtcp_packets",
        "ssrc_changes",
        "strays",
        "unsent",
    )

    def __init__(self) -> None:
        self.packets = 0
        self.octets = 0
        """Bytes of UDP payload."""
        self.strays = 0
        """Packets of sources other than the learned one: not relayed."""
        self.unsent = 0
        """Packets that could not be passed on: no address yet, or the socket refused."""
        self.last_packet: float | None = None
        self.payload_type: int | None = None
        """The latest; telephone-event and comfort noise come and go."""
        self.ssrc_changes = 0
        self.rtcp_packets = 0
        self._ssrc = -1
        self._base = 0
        self._highest = 0
        self._cycles = 0
        self._received = 0
        self._lost_before = 0
        self._transit = 0.0
        self._timestamp = -1
        self._jitter = 0.0
        self._clock_rate = _USUAL_CLOCK

    def receive(self, payload_type: int, sequence: int, timestamp: int, ssrc: int, now: float) -> None:
        """Count one RTP packet that came `now`."""
        if ssrc != self._ssrc:
            self._begin(sequence, timestamp, ssrc, now)
        elif (step := (sequence - self._highest) & 0xFFFF) < _MAX_DROPOUT:
            if sequence < self._highest:
                self._cycles += 0x10000
            self._highest = sequence
        elif step <= 0x10000 - _MAX_MISORDER:
            # The stream jumped without a new SSRC: a restarted source. Losses so far stand.
            self._restart(sequence)
        self._received += 1
        if payload_type != self.payload_type:
            self.payload_type = payload_type
            self._clock_rate = _CLOCKS.get(payload_type, self._clock_rate)
        if timestamp != self._timestamp:
            transit = now * self._clock_rate - timestamp
            change = abs(transit - self._transit)
            # A wrapped or restarted timestamp is no jitter.
            if change < 0x8000_0000:
                self._jitter += (change - self._jitter) / 16
            self._transit = transit
            self._timestamp = timestamp

    @property
    def ssrc(self) -> int:
        """Of the stream that is heard now; -1 before the first packet."""
        return self._ssrc

    @property
    def clock_rate(self) -> int:
        """Units of its timestamps in a second."""
        return self._clock_rate

    def set_clock_rate(self, rate: int) -> None:
        """The clock rate that the SDP gives for the stream (a=rtpmap), for the jitter."""
        self._clock_rate = rate

    def _begin(self, sequence: int, timestamp: int, ssrc: int, now: float) -> None:
        if self._ssrc >= 0:
            self.ssrc_changes += 1
        self._ssrc = ssrc
        self._restart(sequence)
        self._transit = now * self._clock_rate - timestamp
        self._timestamp = timestamp

    def _restart(self, sequence: int) -> None:
        self._lost_before = self.lost
        self._base = self._highest = sequence
        self._cycles = self._received = 0

    @property
    def lost(self) -> int:
        """Packets missing by their sequence numbers; duplicates never make it negative."""
        if self._ssrc < 0 or not self._received:
            return self._lost_before
        expected = self._cycles + self._highest - self._base + 1
        return self._lost_before + max(0, expected - self._received)

    @property
    def jitter(self) -> float:
        """Interarrival jitter in seconds."""
        return self._jitter / self._clock_rate

    def report(self) -> Report:
        """The counters as a value."""
        return Report(
            packets=self.packets,
            octets=self.octets,
            lost=self.lost,
            jitter=self.jitter,
            strays=self.strays,
            unsent=self.unsent,
            last_packet=self.last_packet,
            ssrc_changes=self.ssrc_changes,
            payload_type=self.payload_type,
            rtcp_packets=self.rtcp_packets,
        )
