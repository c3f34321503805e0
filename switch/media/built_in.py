"""Recordings that are there although nobody has put them into the folder: music for who waits, a ringing tone, a notice of failure.

A file of the same name in the folder is played in their place.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import cache
from math import exp, pi, sin
from typing import Final

RATE: Final = 8000
_LEVEL: Final = 6000
"""Amplitude of the loudest note: about -15 dBm0, as music beside speech."""
_NOTES: Final = (0, 4, 7, 12, 7, 4, 9, 5, 0, 5, 9, 12, 7, 4, 2, -1)
"""Semitones above the A of 220 Hz, half a second each: two broken chords that lead back to their beginning."""


def _music() -> array[int]:
    """Plucked notes over eight seconds; each dies away, so that the end meets the beginning."""
    made: array[int] = array("h")
    for semitone in _NOTES:
        step = 2 * pi * 220 * 2 ** (semitone / 12) / RATE
        made.extend(
            int(_LEVEL * min(1.0, n / 80) * exp(-n / 1500) * (sin(step * n) + sin(2 * step * n) / 3))
            for n in range(RATE // 2)
        )
    return made


def _ring() -> array[int]:
    """A second of 425 Hz, four of silence (ITU-T E.180)."""
    return _tones((425,), 1.0) + array("h", bytes(2 * 4 * RATE))


def _failed() -> array[int]:
    """Three rising tones: what was asked for did not work (special information tone, ITU-T E.180)."""
    made = array("h", bytes(RATE // 5 * 2))
    for hertz in (950, 1400, 1800):
        made.extend(_tones((hertz,), 0.33))
    return made + array("h", bytes(RATE // 5 * 2))


def _tones(hertz: tuple[int, ...], seconds: float) -> array[int]:
    steps = [2 * pi * one / RATE for one in hertz]
    return array(
        "h", (int(_LEVEL * sum(sin(step * n) for step in steps)) for n in range(int(seconds * RATE)))
    )


def _pin() -> array[int]:
    """One short tone: the PIN is awaited."""
    return _tones((800,), 0.3)


def _number() -> array[int]:
    """Two: the number."""
    return _tones((800,), 0.15) + array("h", bytes(RATE // 5 * 2)) + _tones((800,), 0.15)


_MADE: Final[dict[str, Callable[[], array[int]]]] = {
    "music": _music,
    "ring": _ring,
    "failed": _failed,
    "pin": _pin,
    "number": _number,
}
NAMES: Final = tuple(_MADE)


@cache
def samples(name: str) -> array[int] | None:
    """8 kHz, 16 bit; None: there is none of this name."""
    make = _MADE.get(name)
    return None if make is None else make()
