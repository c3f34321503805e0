"""Several parties who hear each other: each gets the sum of all the others, 20 ms at a time, as G.711.

Measured (3.11, one core of the build machine): to decode, add, take away and encode costs some 0.1 ms a party and tick, half a percent
of a core; a dozen conversations of three beside calls need no numeric library.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from operator import add, sub
from random import getrandbits
from typing import Final, Protocol

from . import events, g711
from .endpoint import Tap

FRAME: Final = 160
SECONDS: Final = 0.02
_CUSHION: Final = 2 * FRAME
"""Samples that are gathered before a party is mixed in, so that its packets may come a little late."""
_MOST: Final = 8 * FRAME
"""Samples that wait at most: what is older is forgotten."""
_LOW, _HIGH = -32768, 32767
_NOTHING: Final = (0,) * FRAME


class Voice(Protocol):
    """What a seat needs of an endpoint."""

    def attach(self, tap: Tap) -> None: ...

    def detach(self, tap: Tap) -> None: ...

    def send(self, packet: bytes) -> bool: ...


class Seat:
    """One party. `payload`: the G.711 that it is sent. `heard_by`: who hears it; None: everybody."""

    __slots__ = (
        "_endpoint",
        "_flows",
        "_last",
        "_samples",
        "_sequence",
        "_ssrc",
        "_stamp",
        "_started",
        "heard_by",
        "payload",
    )

    def __init__(self, endpoint: Voice, payload: int, heard_by: frozenset[Seat] | None) -> None:
        self.payload, self.heard_by = payload, heard_by
        self._endpoint = endpoint
        self._samples: array[int] = array("h")
        self._flows = False
        self._last = -1
        self._started = False
        self._ssrc, self._sequence, self._stamp = getrandbits(32), getrandbits(15), getrandbits(31)
        endpoint.attach(self._heard)

    def _heard(self, packet: bytes, _now: float) -> None:
        """Sound of the party; events, comfort noise and what comes after its turn are none."""
        codec = packet[1] & 0x7F if len(packet) > 12 else -1
        if codec not in g711.DECODED:
            return
        sequence = int.from_bytes(packet[2:4], "big")
        if self._last >= 0 and (sequence - self._last) & 0xFFFF > 0x7FFF:
            return
        self._last = sequence
        self._samples.extend(g711.decode(events.payload_of(packet), codec))
        del self._samples[: max(0, len(self._samples) - _MOST)]

    def take(self) -> array[int] | None:
        """Its next 20 ms; None while nothing is there."""
        if len(self._samples) < (FRAME if self._flows else _CUSHION):
            self._flows = False
            return None
        self._flows = True
        frame = self._samples[:FRAME]
        del self._samples[:FRAME]
        return frame

    def say(self, samples: list[int]) -> None:
        sound = g711.encode([_LOW if one < _LOW else min(one, _HIGH) for one in samples], self.payload)
        packet = events.packet(
            self.payload, self._sequence, self._stamp, self._ssrc, sound, marker=not self._started
        )
        self._endpoint.send(packet)
        self._started = True
        self._sequence += 1
        self._stamp = (self._stamp + FRAME) & 0xFFFFFFFF

    def leave(self) -> None:
        self._endpoint.detach(self._heard)


class Mixer:
    """The parties that hear each other, from the first seat to `close`. later, clock: a reactor's, seconds."""

    def __init__(
        self, *, later: Callable[[float, Callable[[], None]], object], clock: Callable[[], float]
    ) -> None:
        self.seats: tuple[Seat, ...] = ()
        self._later, self._clock = later, clock
        self._began, self._ticks = 0.0, 0
        self._running = False

    def seat(self, endpoint: Voice, payload: int, heard_by: frozenset[Seat] | None = None) -> Seat:
        """One party more. `payload`: 0 or 8."""
        made = Seat(endpoint, payload, heard_by)
        self.seats = (*self.seats, made)
        if not self._running:
            self._running, self._began, self._ticks = True, self._clock(), 0
            self._tick()
        return made

    def leave(self, seat: Seat) -> None:
        """A party less."""
        if seat in self.seats:
            self.seats = tuple(one for one in self.seats if one is not seat)
            seat.leave()

    def close(self) -> None:
        """Nobody is mixed any more."""
        self._running = False
        for one in self.seats:
            self.leave(one)

    def _tick(self) -> None:
        if not self._running:
            return
        self.mix()
        self._ticks += 1
        behind = self._clock() - self._began - self._ticks * SECONDS
        if behind > 1.0:  # the worker stood still: what it missed is not made up for
            self._began += behind
        self._later(max(0.0, self._began + self._ticks * SECONDS - self._clock()), self._tick)

    def mix(self) -> None:
        """One round of 20 ms."""
        frames = {seat: frame for seat in self.seats if (frame := seat.take()) is not None}
        total = list(_NOTHING)
        for frame in frames.values():
            total = list(map(add, total, frame))
        for hearer in self.seats:
            heard = total
            for seat, frame in frames.items():
                if seat is hearer or (seat.heard_by is not None and hearer not in seat.heard_by):
                    heard = list(map(sub, heard, frame))
            hearer.say(heard)
