"""DTMF as telephone events in RTP (RFC 4733)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

EVENTS: Final = "0123456789*#ABCD"
"""Digits by event number (RFC 4733 §3.2); 16 is a flash."""
_VOLUME: Final = 10
_BODY: Final = struct.Struct("!BBH")
_HEAD: Final = struct.Struct("!BBHII")
LONGEST: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Event:
    """One packet's word about a digit. `duration` in units of the stream's clock since the event began."""

    digit: str
    duration: int
    end: bool


@dataclass(frozen=True, slots=True)
class Timing:
    """How a digit is sent: packets while it lasts, packets that end it, one packet every so many ms, and the pause to the next one.

    A digit takes (packets + end_packets) * packet_ms + pause_ms (guide 6114).
    """

    packets: int = 6
    end_packets: int = 2
    packet_ms: int = 20
    pause_ms: int = 0
    sleep_ms: int = 500

    @property
    def digit_ms(self) -> int:
        return (self.packets + self.end_packets) * self.packet_ms + self.pause_ms


def read(payload: bytes) -> Event | None:
    """None for what is malformed or no digit."""
    if len(payload) < 4:
        return None
    number, flags, duration = _BODY.unpack_from(payload)
    return Event(EVENTS[number], duration, bool(flags & 0x80)) if number < len(EVENTS) else None


def write(digit: str, duration: int, *, end: bool) -> bytes:
    """The payload. Raises ValueError for what is no digit."""
    return _BODY.pack(EVENTS.index(digit), _VOLUME | end << 7, min(duration, LONGEST))


def packet(
    kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, *, marker: bool = False
) -> bytes:
    """An RTP packet (RFC 3550 §5.1)."""
    return _HEAD.pack(0x80, kind | marker << 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


class Listener:
    """Digits out of the events of one stream: told when an event is first heard, once, whichever of its packets get lost."""

    __slots__ = ("_stamp", "kind")

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self._stamp = -1

    def digit(self, data: bytes) -> str:
        """The digit that this RTP packet begins; "" for all other packets."""
        if len(data) < 16 or data[1] & 0x7F != self.kind:
            return ""
        stamp = int.from_bytes(data[4:8], "big")
        event = read(payload_of(data))
        if event is None or stamp == self._stamp:
            return ""
        self._stamp = stamp
        return event.digit


def payload_of(data: bytes) -> bytes:
    """What follows header, contributing sources, extension; without padding. Empty for what is malformed."""
    at = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        at += 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
    end = len(data) - data[-1] if data[0] & 0x20 else len(data)
    return data[at:end] if at <= end else b""
