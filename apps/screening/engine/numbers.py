"""Lists of called numbers as files: sorted, mapped into memory by every worker, asked for all prefixes of a number at once.

Entries lie in the order of their 64-bit keys (`apps.pricing.engine.deck.key_of`), those of one prefix in that of their accounts.
Each prefix has a link to the longest shorter prefix of itself, so that a look-up is one search and some links.
The file belongs to the node that made it (native byte order); `apps.screening.build` writes it.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from apps.pricing.engine.deck import SYMBOLS, key_of

MAGIC = b"MIZULIST"
VERSION = 1
HEADER = struct.Struct("=8sIIQQQ")
"""Magic, version, CRC of what follows the header, prefixes, entries, size of the file."""
HEADER_SIZE = 64
EVERYBODY = 0
"""The account of an entry that holds for all."""
_SHIFTS = tuple(64 - 4 * length for length in range(SYMBOLS + 1))


class ListError(Exception):
    """A file that is no list, or was cut off; the message says which."""


class Hit(NamedTuple):
    """An entry that a number begins with: how many of its symbols, and how sure the entry is."""

    length: int
    level: int
    account: int


def layout(prefixes: int, entries: int) -> dict[str, int]:
    """Where each part of a file begins, and its size."""
    places = {"keys": HEADER_SIZE}
    places["accounts"] = places["keys"] + 8 * prefixes
    places["expires"] = places["accounts"] + 8 * entries
    places["starts"] = places["expires"] + 8 * entries
    places["parents"] = places["starts"] + 4 * (prefixes + 1)
    places["lengths"] = places["parents"] + 4 * prefixes
    places["levels"] = places["lengths"] + prefixes
    places["size"] = places["levels"] + entries
    return places


class MappedList:
    """One list. Open once per worker; a newer file is another `MappedList`."""

    __slots__ = ("_accounts", "_expires", "_keys", "_lengths", "_levels", "_parents", "_starts", "size")

    def __init__(self, mapped: mmap.mmap, prefixes: int, entries: int) -> None:
        places = layout(prefixes, entries)
        view = memoryview(mapped)
        self.size = entries
        self._keys = _numbers(view[places["keys"] : places["accounts"]], "Q")
        self._accounts = _numbers(view[places["accounts"] : places["expires"]], "q")
        self._expires = _numbers(view[places["expires"] : places["starts"]], "q")
        self._starts = _numbers(view[places["starts"] : places["parents"]], "I")
        self._parents = _numbers(view[places["parents"] : places["lengths"]], "i")
        self._lengths = view[places["lengths"] : places["levels"]]
        self._levels = view[places["levels"] : places["size"]]

    @classmethod
    def open(cls, path: Path) -> MappedList:
        """Map a file. Raises ListError when it is none, is cut off, or was made by another version."""
        with path.open("rb") as file:
            raw = file.read(HEADER_SIZE)
            size = file.seek(0, 2)
            if len(raw) < HEADER_SIZE or raw[:8] != MAGIC:
                raise ListError(f"{path} is not a list of numbers")
            _, version, _, prefixes, entries, expected = HEADER.unpack_from(raw)
            if version != VERSION or size != expected:
                raise ListError(f"{path} is of another version, or was cut off: compile it again")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(mapped, prefixes, entries)

    def hits(self, number: str, path: Sequence[int], at: float) -> Iterator[Hit]:
        """The entries in force whose prefix the number begins with, for everybody or an account of `path`; longest first."""
        place = self._find(number)
        while place >= 0:
            first, end = self._starts[place], self._starts[place + 1]
            for account in (EVERYBODY, *path):
                entry = bisect_left(self._accounts, account, first, end)
                if entry < end and self._accounts[entry] == account:
                    expires = self._expires[entry]
                    if not expires or at < expires:
                        yield Hit(self._lengths[place], self._levels[entry], account)
            place = self._parents[place]

    def strongest(self, number: str, path: Sequence[int], at: float) -> Hit | None:
        """The surest of them, of those the longest; None: the number is not in the list."""
        found: Hit | None = None
        for hit in self.hits(number, path, at):
            if found is None or hit.level > found.level:
                found = hit
        return found

    def _find(self, number: str) -> int:
        """The longest prefix of the number that the list has; -1 for none, and for what is no number."""
        try:
            key = key_of(number[:SYMBOLS])
        except ValueError:
            return -1
        if not self.size:
            return -1
        place = bisect_right(self._keys, key) - 1
        while place >= 0 and (key ^ self._keys[place]) >> _SHIFTS[self._lengths[place]]:
            place = self._parents[place]
        return place


def seal(content: memoryview, prefixes: int, entries: int, size: int) -> bytes:
    """The header of a file."""
    return HEADER.pack(MAGIC, VERSION, zlib.crc32(content), prefixes, entries, size).ljust(HEADER_SIZE, b"\0")


def _numbers(view: memoryview, kind: Literal["Q", "q", "I", "i"]) -> memoryview[int]:
    """A part of the file as numbers (a part without any cannot be cast)."""
    return (view if len(view) else memoryview(bytes(8))).cast(kind)
