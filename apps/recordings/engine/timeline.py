"""When a party said what: the place of its RTP packets on the clock that both parties share (guide 4711-4712).

The parties' RTP clocks begin anywhere, drift, stop while a call is on hold, and jump when somebody else takes over; packets come
late, twice, in disorder, or not at all. So a packet's place is its timestamp, and where the timestamps begin is found by arrival:

1. Packets wait `SLACK` seconds, and leave in the order of their timestamps; what comes later still is left out.
2. Nothing arrives before it was said: the least delayed packet of those that wait tells where the party's clock is.
3. The sound is moved there when it is off by more than `soft` seconds and the party makes a pause, or by more than `hard` seconds anyway.
4. Another source, another clock rate, or timestamps that jump begin anew.
"""

from __future__ import annotations

import heapq
import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

SLACK: Final = 2.0
PAUSE: Final = 0.1
MISSED: Final = 3000
"""Packets that a late one may be behind: a minute of speech."""
_HEADER: Final = struct.Struct("!BBHII")


class Packet(NamedTuple):
    """An RTP packet, and when it came."""

    at: float
    kind: int
    marker: bool
    sequence: int
    timestamp: int
    source: int
    payload: bytes


class Placed(NamedTuple):
    """`begins`: seconds since the recording began."""

    begins: float
    packet: Packet


def parse(data: bytes, at: float) -> Packet | None:
    """The packet (RFC 3550 §5.1), without padding and extension; None for what is none."""
    if len(data) < _HEADER.size:
        return None
    flags, kind, sequence, timestamp, source = _HEADER.unpack_from(data)
    start, end = _HEADER.size + 4 * (flags & 0x0F), len(data)
    if flags >> 6 != 2 or 64 <= kind & 0x7F <= 95:
        return None
    if flags & 0x10:
        if start + 4 > end:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if flags & 0x20:
        end -= data[-1]
    return Packet(
        at, kind & 0x7F, bool(kind & 0x80), sequence, timestamp, source, data[start : max(start, end)]
    )


@dataclass(slots=True)
class _Stretch:
    """Timestamps that belong together."""

    number: int
    source: int
    rate: int
    latest: int
    """The highest timestamp, counted on beyond 32 bits."""
    latest_at: float
    sequence: int
    least: deque[tuple[float, float]] = field(default_factory=deque)
    """(arrival, delay) of packets that wait, each less delayed than all before it in the queue's order."""
    offset: float | None = None
    left: int = -1
    """The timestamp of the packet that left last."""


class Timeline:
    """One party's packets."""

    def __init__(self, rate_of: Callable[[int], int], *, soft: float, hard: float) -> None:
        """`rate_of`: the RTP clock rate of a payload type."""
        self._rate_of, self._soft, self._hard = rate_of, soft, hard
        self._stretch: _Stretch | None = None
        self._waiting: list[tuple[int, int, int, _Stretch, Packet]] = []
        self._count = 0

    def push(self, packet: Packet) -> Iterator[Placed]:
        """It came; what has waited long enough."""
        if self._is_too_late(packet):
            return self.until(packet.at - SLACK)
        stretch, stamp = self._belongs(packet)
        delay = packet.at - stamp / stretch.rate
        while stretch.least and stretch.least[-1][1] >= delay:
            stretch.least.pop()
        stretch.least.append((packet.at, delay))
        self._count += 1
        heapq.heappush(self._waiting, (stretch.number, stamp, self._count, stretch, packet))
        return self.until(packet.at - SLACK)

    def until(self, moment: float) -> Iterator[Placed]:
        """What came before this moment."""
        while self._waiting and self._waiting[0][4].at <= moment:
            _, stamp, _, stretch, packet = heapq.heappop(self._waiting)
            if stamp > stretch.left:
                yield Placed(max(0.0, stamp / stretch.rate + self._offset(stretch, stamp, packet)), packet)
                stretch.left = stamp

    def _offset(self, stretch: _Stretch, stamp: int, packet: Packet) -> float:
        while len(stretch.least) > 1 and stretch.least[0][0] < packet.at:
            stretch.least.popleft()
        true = stretch.least[0][1]
        if stretch.offset is None:
            stretch.offset = true
            return true
        off = abs(true - stretch.offset)
        paused = packet.marker or (stamp - stretch.left) / stretch.rate > PAUSE
        if off > self._hard or (paused and off > self._soft):
            stretch.offset = true
        return stretch.offset

    def _is_too_late(self, packet: Packet) -> bool:
        """Whether it was sent so long before the latest that its place is gone; by its number, for timestamps may begin anew."""
        latest = self._stretch
        if latest is None or latest.source != packet.source:
            return False
        step = ((packet.timestamp - latest.latest + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        return step < -SLACK * latest.rate and 0 < (latest.sequence - packet.sequence) & 0xFFFF < MISSED

    def _belongs(self, packet: Packet) -> tuple[_Stretch, int]:
        """The stretch of a packet, and its timestamp as counted there."""
        stretch, rate = self._stretch, self._rate_of(packet.kind)
        if stretch is not None and (stretch.source, stretch.rate) == (packet.source, rate):
            step = ((packet.timestamp - stretch.latest + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
            passed = packet.at - stretch.latest_at
            if -SLACK <= step / rate <= passed + self._hard:
                stamp = stretch.latest + step
                if step > 0:
                    stretch.latest, stretch.latest_at, stretch.sequence = stamp, packet.at, packet.sequence
                return stretch, stamp
        number = stretch.number + 1 if stretch is not None else 0
        self._stretch = _Stretch(number, packet.source, rate, packet.timestamp, packet.at, packet.sequence)
        return self._stretch, packet.timestamp
