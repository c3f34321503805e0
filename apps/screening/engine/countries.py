"""The country of an address: sorted beginnings of ranges and what holds from there on, in one file that all workers map.

A header, then for IPv4 its beginnings (32 bits) and countries (16 bits), then for IPv6 those of the first 64 bits of addresses. A
country is its two letters as a number, 0 an unknown one, 1 none at all: private networks, this machine, a provider's shared ones.
`apps.screening.country_build` makes it from a file in MaxMind's format.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_right
from ipaddress import IPv6Address
from pathlib import Path

from apps.core.values.countries import UNKNOWN
from apps.core.values.networks import address_of

HEADER = struct.Struct("<8sQQQ")
MAGIC = b"mizugeo1"
UNKNOWN_NUMBER, NOWHERE = 0, 1
_BITS_OF_HOST = 64


class CountriesError(ValueError):
    """A file that tells no countries; the message says why."""


class Countries:
    """An open file. Immutable: another file is another object."""

    __slots__ = ("_map", "_narrow", "_narrow_codes", "_wide", "_wide_codes", "built")

    def __init__(self, content: mmap.mmap, narrow: int, wide: int, built: int) -> None:
        view, at = memoryview(content), HEADER.size
        self._map = content
        self._wide = view[at : (at := at + 8 * wide)].cast("Q")
        self._narrow = view[at : (at := at + 4 * narrow)].cast("I")
        self._wide_codes = view[at : (at := at + 2 * wide)].cast("H")
        self._narrow_codes = view[at : at + 2 * narrow].cast("H")
        self.built = built
        """When its maker made it, in epoch seconds."""

    @classmethod
    def open(cls, path: Path) -> Countries:
        """Map it. Raises CountriesError, OSError."""
        with path.open("rb") as file:
            try:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                magic, narrow, wide, built = HEADER.unpack_from(content)
            except (ValueError, struct.error) as error:
                raise CountriesError(f"{path.name} is cut off") from error
        if magic != MAGIC or len(content) != HEADER.size + 6 * narrow + 10 * wide or not (narrow and wide):
            raise CountriesError(f"{path.name} is damaged")
        return cls(content, narrow, wide, built)

    def of(self, host: str) -> str:
        """Two letters, `UNKNOWN`, or "" for an address of no country."""
        try:
            address = address_of(host)
        except ValueError:
            return ""
        if isinstance(address, IPv6Address):
            number = int(address.sixtofour or 0) or None
            if number is None:
                code = self._wide_codes[bisect_right(self._wide, int(address) >> _BITS_OF_HOST) - 1]
                return _letters(code)
        else:
            number = int(address)
        return _letters(self._narrow_codes[bisect_right(self._narrow, number) - 1])


def number_of(letters: str) -> int:
    """Two letters as a number."""
    return ord(letters[0]) << 8 | ord(letters[1])


def _letters(number: int) -> str:
    if number <= NOWHERE:
        return UNKNOWN if number == UNKNOWN_NUMBER else ""
    return chr(number >> 8) + chr(number & 255)
