"""Two parties on one clock: what a worker kept of a call becomes stereo sound, the caller left and the called right.

It is done in one pass and in little memory, however long the call was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np

from apps.recordings.engine.spool import CALLER, NOTE, Entry
from apps.recordings.engine.timeline import Packet, Placed, Timeline, parse
from apps.recordings.sound import CODECS, SILENT, STATIC, CannotDecode, Decoder, Samples

KEPT: Final = 12
"""Seconds that may still be written into behind what came last; what belongs before is left out."""
LONGEST_GAP: Final = 3600.0
"""Seconds of silence that are believed; a clock that says more is broken."""


class Mixer:
    """`rate`: of the result; `soft`, `hard`: see `Timeline`, seconds. `unknown`: encodings that could not be decoded."""

    def __init__(self, rate: int, *, soft: float, hard: float) -> None:
        self.rate = rate
        self.unknown: set[str] = set()
        self._names: list[dict[int, str]] = [{}, {}]
        self._decoders: dict[tuple[int, str], Decoder | None] = {}
        self._lines = [Timeline(self._clock_of(side), soft=soft, hard=hard) for side in (0, 1)]
        self._canvas = Canvas(rate)

    def mix(self, entries: Iterable[Entry]) -> Iterator[Samples]:
        """Blocks of shape (n, 2), from the beginning to the last sound of either."""
        last = 0.0
        for entry in entries:
            if entry.who == NOTE:
                self._told(json.loads(entry.data))
                continue
            if entry.at > last + LONGEST_GAP:
                continue
            last = max(last, entry.at)
            packet = parse(entry.data, entry.at)
            if packet is not None and self._is_speech(entry.who - CALLER, packet):
                self._draw(entry.who - CALLER, self._lines[entry.who - CALLER].push(packet))
            yield from self._canvas.done(last - KEPT)
        for side in (0, 1):
            self._draw(side, self._lines[side].until(float("inf")))
        yield from self._canvas.rest()

    def _told(self, facts: dict[str, Any]) -> None:
        """A note: what payload types mean in what comes from caller and called."""
        for side, name in ((0, "caller_codecs"), (1, "called_codecs")):
            for kind, encoding in facts.get(name, {}).items():
                self._names[side][int(kind)] = str(encoding).upper()

    def _encoding(self, side: int, kind: int) -> str:
        return self._names[side].get(kind) or STATIC.get(kind, "")

    def _clock_of(self, side: int) -> Callable[[int], int]:
        def clock(kind: int) -> int:
            codec = CODECS.get(self._encoding(side, kind))
            return codec.clock if codec is not None else 8000

        return clock

    def _is_speech(self, side: int, packet: Packet) -> bool:
        return bool(packet.payload) and packet.kind != 13 and self._encoding(side, packet.kind) not in SILENT

    def _draw(self, side: int, placed: Iterable[Placed]) -> None:
        for begins, packet in placed:
            decoder = self._decoder(side, packet.kind)
            if decoder is not None:
                self._canvas.draw(side, begins, decoder.decode(packet.payload))

    def _decoder(self, side: int, kind: int) -> Decoder | None:
        encoding = self._encoding(side, kind)
        key = side, encoding
        if key not in self._decoders:
            try:
                self._decoders[key] = Decoder(encoding, self.rate)
            except CannotDecode:
                self._decoders[key] = None
                self.unknown.add(encoding or f"payload type {kind}")
        return self._decoders[key]


class Canvas:
    """Sound that may still change; silence where nothing was drawn."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._origin = 0
        self._used = 0
        self._sheet = np.zeros((rate * 4, 2), np.int16)

    def draw(self, side: int, begins: float, samples: Samples) -> None:
        at = round(begins * self._rate) - self._origin
        samples = samples[max(0, -at) :]
        at = max(0, at)
        end = at + len(samples)
        while end > len(self._sheet):
            self._sheet = np.concatenate((self._sheet, np.zeros_like(self._sheet)))
        self._sheet[at:end, side] = samples
        self._used = max(self._used, end)

    def done(self, moment: float) -> Iterator[Samples]:
        """What is before this moment, once it is a second or more."""
        count = int(moment * self._rate) - self._origin
        if count >= self._rate:
            yield from self._give(count)

    def rest(self) -> Iterator[Samples]:
        yield from self._give(self._used)

    def _give(self, count: int) -> Iterator[Samples]:
        while count > 0:
            part = min(count, len(self._sheet))
            yield self._sheet[:part].copy()
            self._sheet[: -part or None] = self._sheet[part:]
            self._sheet[-part:] = 0
            self._origin += part
            self._used = max(0, self._used - part)
            count -= part
