"""G.711: samples of 16 bits and their bytes, by tables made once (ITU-T G.711)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from functools import cache
from typing import Final

PCMU, PCMA = 0, 8
"""Payload types (RFC 3551 §6)."""
_BIAS: Final = 132
_STEP: Final = 4
"""The encoding tables have one entry for so many neighbouring sample values: finer than any step of G.711 but the finest of mu-law."""


def _mu(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS << (code >> 4 & 7)) - _BIAS
    return -magnitude if code & 0x80 else magnitude


def _a(code: int) -> int:
    code ^= 0x55
    exponent, low = code >> 4 & 7, (code & 0x0F) << 4
    magnitude = low + 8 if exponent == 0 else low + 264 << exponent - 1
    return magnitude if code & 0x80 else -magnitude


DECODED: Final[dict[int, tuple[int, ...]]] = {
    PCMU: tuple(map(_mu, range(256))),
    PCMA: tuple(map(_a, range(256))),
}
"""Payload type → the sample of each byte."""


@cache
def _encoding(kind: int) -> bytes:
    """For every fourth sample value from -32768 on, the byte whose sample is nearest."""
    by_sample = sorted((sample, code) for code, sample in enumerate(DECODED[kind]))
    made = bytearray()
    place = 0
    for value in range(-32768, 32768, _STEP):
        middle = value + _STEP // 2
        while place + 1 < 256 and abs(by_sample[place + 1][0] - middle) <= abs(by_sample[place][0] - middle):
            place += 1
        made.append(by_sample[place][1])
    return bytes(made)


def encode(samples: Iterable[int], kind: int) -> bytes:
    """Samples from -32768 to 32767 as G.711 of this payload type."""
    table = _encoding(kind)
    return bytes(table[(sample + 32768) // _STEP] for sample in samples)


def decode(data: bytes, kind: int) -> array[int]:
    """The samples."""
    table = DECODED[kind]
    return array("h", [table[byte] for byte in data])
