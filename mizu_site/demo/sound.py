"""Tones: made for a phone to speak, and found again in what another phone has heard."""

from __future__ import annotations

import wave
from array import array
from math import cos, pi, sin
from pathlib import Path

RATE = 8000
SECONDS = 60
LOUDNESS = 8000


def tone_file(folder: Path, hertz: int) -> Path:
    """A minute of a pure tone, one channel of 16 bits; made once per folder."""
    path = folder / f"tone-{hertz}.wav"
    if not path.exists():
        # A whole number of periods in a second, so that a second can be repeated without a click.
        second = array("h", (round(LOUDNESS * sin(2 * pi * hertz * n / RATE)) for n in range(RATE)))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(second.tobytes() * SECONDS)
    return path


def share(path: Path, hertz: int) -> float:
    """Which part of a recording's power is this tone: 0 for none of it, 1 for nothing else (Goertzel's filter).

    By tenths of a second: a call that was held goes on with another phase, which would cancel what was before.
    """
    samples, rate = _samples(path)
    samples = samples[rate // 2 : rate // 2 + rate]  # at first the other side may not yet have spoken
    power = sum(sample * sample for sample in samples)
    if len(samples) < rate // 2 or not power:
        return 0.0
    pieces = [samples[start : start + rate // 10] for start in range(0, len(samples), rate // 10)]
    return sum(2 * _energy(piece, hertz / rate) / len(piece) for piece in pieces) / power


def _energy(samples: array[int], frequency: float) -> float:
    """Of one frequency, given in cycles per sample."""
    factor = 2 * cos(2 * pi * frequency)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    return last * last + before * before - factor * last * before


def _samples(path: Path) -> tuple[array[int], int]:
    """The first channel, and how many samples a second has."""
    with wave.open(str(path), "rb") as file:
        data = file.readframes(file.getnframes())
        samples = array("h", data[: len(data) // 2 * 2])
        return samples[:: file.getnchannels()], file.getframerate()
