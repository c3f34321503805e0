"""DTMF of one party on its way to the other: recognised, converted, and digits of our own put into the stream.

A `Conversion` is a filter of the relay (`Endpoint.convert`): it sees every RTP packet of one direction and answers what goes on in
its place. What it adds or takes out moves the sequence numbers of all that follows; timestamps stay those of the sender.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import getrandbits
from typing import Final

from . import events, g711, tones
from .events import Timing

SAMPLES_PER_MS: Final = 8
_SPEECH: Final = frozenset((g711.PCMU, g711.PCMA))
_MOST: Final = 200 * SAMPLES_PER_MS
"""Samples of tone in one packet."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the party that hears this direction gets, and how it may be sent.

    events_in, events_out: payload types of telephone events from the sender and for the hearer; None: it has none.
    tone: events become sound; drop: and are not passed on themselves; detect: sound is listened to for digits.
    """

    events_in: int | None = None
    events_out: int | None = None
    tone: bool = False
    drop: bool = False
    detect: bool = False
    timing: Timing = field(default_factory=Timing)


class Conversion:
    """One direction of a stream. `on_digit(digit)` is told of every digit that is heard as an event or, if asked for, as sound.

    send: puts a packet of ours into the stream; later, clock: a reactor's, seconds.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        send: Callable[[bytes], object],
        later: Callable[[float, Callable[[], None]], object],
        clock: Callable[[], float],
        on_digit: Callable[[str], None] | None = None,
    ) -> None:
        self.wanted = wanted
        self.on_digit = on_digit
        self._send, self._later, self._clock = send, later, clock
        self._events = events.Listener(wanted.events_in) if wanted.events_in is not None else None
        self._detector = tones.Detector() if wanted.detect else None
        self._offset = 0
        self._speech = g711.PCMU
        self._event: tuple[int, int] = (-1, 0)
        """The event that is being turned into sound: its timestamp, and how much of it has been."""
        self._own: deque[Step] = deque()
        self._sequence, self._stamp, self._ssrc, self._at = 0, 0, 0, clock()
        """Of what went out last, and when."""

    def __call__(self, data: bytes, now: float) -> Sequence[bytes]:
        """What goes on in the place of a packet."""
        if len(data) < 12 or data[0] & 0xC0 != 0x80:
            return (data,)
        kind = data[1] & 0x7F
        if self._events is not None and kind == self._events.kind:
            return self._event_came(data, now)
        if kind in _SPEECH:
            self._speech = kind
            if self._detector is not None:
                for digit in self._detector.feed(g711.decode(events.payload_of(data), kind)):
                    self._tell(digit)
        if self._own and self._own[0].digit:
            self._offset -= 1  # a digit of ours is in its place
            return ()
        return (self._renumbered(data, now),)

    # --- events of the sender ---------------------------------------------------------------------------------------------------

    def _event_came(self, data: bytes, now: float) -> Sequence[bytes]:
        assert self._events is not None
        if digit := self._events.digit(data):
            self._tell(digit)
        passed: tuple[bytes, ...] = ()
        if self.wanted.drop:
            self._offset -= 1
        else:
            passed = (self._renumbered(data, now, kind=self.wanted.events_out),)
        sound = self._sound_of(data, now) if self.wanted.tone else b""
        return (*passed, sound) if sound else passed

    def _sound_of(self, data: bytes, now: float) -> bytes:
        """The part of the event's tone that is new in this packet; copies of its end bring nothing new."""
        event = events.read(events.payload_of(data))
        stamp = int.from_bytes(data[4:8], "big")
        if event is None:
            return b""
        done = self._event[1] if self._event[0] == stamp else 0
        fresh = min(event.duration - done, _MOST)
        if fresh <= 0:
            return b""
        self._event = (stamp, event.duration)
        self._offset += 1
        sound = g711.encode(tones.samples(event.digit, fresh, done), self._speech)
        header = data[:2] + data[2:4] + (stamp + done & 0xFFFFFFFF).to_bytes(4, "big") + data[8:12]
        return self._renumbered(b"\x80" + header[1:] + sound, now, kind=self._speech)

    # --- digits of our own ------------------------------------------------------------------------------------------------------

    def press(self, digits: str) -> None:
        """Put digits into the stream, as events if the hearer has them, else as sound; the sender's voice is left out meanwhile.

        A blank, w or W is a pause (guide 6107). What is no digit is left out.
        """
        idle = not self._own
        timing = self.wanted.timing
        for one in digits.upper():
            if one in " W":
                self._own.append(Step("", timing.sleep_ms))
            elif one in events.EVENTS:
                self._own.append(Step(one, 0))
                if timing.pause_ms:
                    self._own.append(Step("", timing.pause_ms))
        if idle and self._own:
            self._tick()

    def _tick(self) -> None:
        """The next packet of the digit that is being sent, or the end of a pause."""
        timing = self.wanted.timing
        step = self._own[0]
        if not step.digit:
            if step.sent:
                self._own.popleft()
                if self._own:
                    self._tick()
                return
            step.sent = 1
            self._later(step.lasts_ms / 1000, self._tick)
            return
        if step.sent >= timing.packets + timing.end_packets:
            self._own.popleft()
            if self._own:
                self._tick()
            return
        self._send(self._packet(step))
        step.sent += 1
        self._later(timing.packet_ms / 1000, self._tick)

    def _packet(self, step: Step) -> bytes:
        timing, kind = self.wanted.timing, self.wanted.events_out
        each = timing.packet_ms * SAMPLES_PER_MS
        if not step.sent:
            passed = int((self._clock() - self._at) * 1000) * SAMPLES_PER_MS
            step.stamp = self._stamp + max(each, passed)
            self._ssrc = self._ssrc or getrandbits(31)
        self._offset += 1
        self._sequence += 1
        if kind is None or self.wanted.tone:
            sound = g711.encode(tones.samples(step.digit, each, step.sent * each), self._speech)
            stamp = step.stamp + step.sent * each
            return events.packet(self._speech, self._sequence, stamp, self._ssrc, sound)
        lasted = min(step.sent + 1, timing.packets) * each
        body = events.write(step.digit, lasted, end=step.sent >= timing.packets)
        return events.packet(kind, self._sequence, step.stamp, self._ssrc, body, marker=step.sent == 0)

    # --- all packets ------------------------------------------------------------------------------------------------------------

    def _renumbered(self, data: bytes, now: float, *, kind: int | None = None) -> bytes:
        self._sequence = int.from_bytes(data[2:4], "big") + self._offset & 0xFFFF
        self._stamp = int.from_bytes(data[4:8], "big")
        self._ssrc = int.from_bytes(data[8:12], "big")
        self._at = now
        if not self._offset and (kind is None or kind == data[1] & 0x7F):
            return data
        second = data[1] if kind is None else data[1] & 0x80 | kind
        return bytes((data[0], second)) + self._sequence.to_bytes(2, "big") + data[4:]

    def _tell(self, digit: str) -> None:
        if self.on_digit is not None:
            self.on_digit(digit)


class Step:
    """A digit, or a pause of so many ms, that is being sent."""

    __slots__ = ("digit", "lasts_ms", "sent", "stamp")

    def __init__(self, digit: str, lasts_ms: int) -> None:
        self.digit, self.lasts_ms = digit, lasts_ms
        self.sent = 0
        self.stamp = 0
