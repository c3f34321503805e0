"""What the two parties of a stream report to each other by RTCP, read on its way through the relay (RFC 3550 §6.4)."""

from __future__ import annotations

import struct
from typing import Final

from .endpoint import Endpoint
from .quality import Reported

_SENDER, _RECEIVER = 200, 201
_BLOCK: Final = struct.Struct("!IIIIII")
_KEPT: Final = 8


class Reports:
    """The reports of one party about the stream that it hears from the other, and the way there and back between it and us.

    The round trip: the other's sender report passed us at a known time; this party says how long it held it before it
    answered (RFC 3550 §6.4.1), and the answer passes us.
    """

    __slots__ = ("_passed", "_reporter", "_source", "lost", "round_trip", "seen", "units")

    def __init__(self, reporter: Endpoint, source: Endpoint) -> None:
        self._reporter, self._source = reporter, source
        self._passed: dict[int, float] = {}
        """Middle of the NTP time of a sender report of the source → when it passed."""
        self.seen = False
        self.lost = 0
        self.units = 0
        """Jitter in units of the stream's clock."""
        self.round_trip: float | None = None

    def sent(self, middle: int, now: float) -> None:
        """A sender report of the source passes."""
        if len(self._passed) >= _KEPT:
            del self._passed[next(iter(self._passed))]
        self._passed[middle] = now

    def block(self, ssrc: int, loss: int, jitter: int, middle: int, held: int, now: float) -> None:
        """A report block of the reporter; one about another stream than the source's is not for us."""
        if ssrc != self._source.stream.ssrc:
            return
        lost = loss & 0xFFFFFF
        self.seen = True
        self.lost = lost - 0x1000000 if lost & 0x800000 else lost
        self.units = jitter
        passed = self._passed.get(middle) if middle else None
        if passed is not None:
            self.round_trip = max(0.0, now - passed - held / 65536)

    def as_value(self) -> Reported | None:
        """None when the party never reported."""
        if not self.seen:
            return None
        jitter = 1000 * self.units / self._source.stream.clock_rate
        trip = None if self.round_trip is None else round(1000 * self.round_trip, 1)
        return Reported(max(0, self.lost), round(jitter, 2), trip)


def follow(caller: Endpoint, called: Endpoint) -> tuple[Reports, Reports]:
    """Read along what both say: the reports of the caller, and those of the called."""
    mine, theirs = Reports(caller, called), Reports(called, caller)
    caller.on_rtcp(lambda data, now: _read(data, now, mine, theirs))
    called.on_rtcp(lambda data, now: _read(data, now, theirs, mine))
    return mine, theirs


def _read(data: bytes, now: float, own: Reports, others: Reports) -> None:
    """One compound packet of a party; what is malformed or encrypted tells nothing."""
    at = 0
    while at + 8 <= len(data):
        flags, kind, words = data[at], data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 4 + 4 * words
        if flags & 0xC0 != 0x80 or end > len(data):
            return
        first = at + (28 if kind == _SENDER else 8)
        if kind == _SENDER and end >= at + 28:
            others.sent(int.from_bytes(data[at + 10 : at + 14], "big"), now)
        if kind in {_SENDER, _RECEIVER}:
            for place in range(first, min(end - 23, first + 24 * (flags & 0x1F)), 24):
                ssrc, loss, _highest, jitter, middle, held = _BLOCK.unpack_from(data, place)
                own.block(ssrc, loss, jitter, middle, held, now)
        at = end
