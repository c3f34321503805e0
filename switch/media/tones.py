"""DTMF as sound: made, and recognised with the Goertzel algorithm (ITU-T Q.23, Q.24)."""

from __future__ import annotations

from array import array
from functools import lru_cache
from math import cos, pi, sin
from typing import Final

RATE: Final = 8000
LOW: Final = (697, 770, 852, 941)
HIGH: Final = (1209, 1336, 1477, 1633)
DIGITS: Final = "123A456B789C*0#D"
"""Row by row: the low frequency names the row, the high one the column."""
BLOCK: Final = 205
"""Samples that are looked at together: 25.6 ms, in which every DTMF frequency is near the middle of a bin."""
_LEVEL: Final = 7300
"""Amplitude of each of the two tones: together about -10 dBm0."""
_FAINTEST: Final = 400.0
"""Amplitude below which a tone is none: about -38 dBm0."""
_TWIST: Final = 6.3
"""How much stronger in power (8 dB) one of the two tones may be."""
_SHARE: Final = 0.7
"""Share of the block's power that the two tones must have: speech spreads it."""
_COEFFICIENTS: Final = tuple(2 * cos(2 * pi * one / RATE) for one in (*LOW, *HIGH))


@lru_cache(maxsize=64)
def samples(digit: str, count: int, start: int = 0) -> tuple[int, ...]:
    """`count` samples of a digit's tone, from its sample `start` on. Raises ValueError for what is no digit."""
    place = DIGITS.index(digit)
    low, high = 2 * pi * LOW[place // 4] / RATE, 2 * pi * HIGH[place % 4] / RATE
    return tuple(int(_LEVEL * (sin(low * n) + sin(high * n))) for n in range(start, start + count))


class Detector:
    """Digits out of a stream of samples.

    A digit is told once, when two blocks after each other have it (so it lasts at least 40 ms, as Q.24 asks), and again
    only after a block without it.
    """

    __slots__ = ("_last", "_rest", "_told")

    def __init__(self) -> None:
        self._rest: array[int] = array("h")
        self._last = ""
        self._told = ""

    def feed(self, more: array[int]) -> str:
        """The digits that were completed by these samples."""
        self._rest.extend(more)
        found = ""
        while len(self._rest) >= BLOCK:
            found += self._block(digit_in(self._rest[:BLOCK]))
            del self._rest[:BLOCK]
        return found

    def _block(self, digit: str) -> str:
        before, self._last = self._last, digit
        if not digit:
            self._told = ""
        if digit and digit == before and digit != self._told:
            self._told = digit
            return digit
        return ""


def digit_in(block: array[int]) -> str:
    """The digit whose two tones make up this block, or nothing.

    1. Too quiet: nothing, which is the usual case and costs little.
    2. The power of each of the eight frequencies (Goertzel); the strongest low and high one are the candidates.
    3. Both must be loud enough, about equally loud, and nearly all there is.
    """
    power = sum(value * value for value in block)
    size = len(block)
    if power < size * _FAINTEST * _FAINTEST:
        return ""
    powers = [_goertzel(block, coefficient) for coefficient in _COEFFICIENTS]
    low = max(range(4), key=powers.__getitem__)
    high = max(range(4, 8), key=powers.__getitem__)
    a, b = powers[low], powers[high]
    # A tone of amplitude A has the power (A * size / 2)² here, and A² * size / 2 in `power`.
    if min(a, b) < (_FAINTEST * size / 2) ** 2 or max(a, b) > _TWIST * min(a, b):
        return ""
    if (a + b) * 2 / size < _SHARE * power:
        return ""
    return DIGITS[4 * low + high - 4]


def _goertzel(block: array[int], coefficient: float) -> float:
    one = two = 0.0
    for value in block:
        one, two = value + coefficient * one - two, one
    return one * one + two * two - coefficient * one * two
