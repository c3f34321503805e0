"""Compiled price lists: one file per tariff, mapped into memory by every worker, matched by longest prefix.

A number's first 16 symbols make one 64-bit key, four bits each (`0` is 1 … `9` is 10, `*` 11, `#` 12,
and 0 is "ended", so that padding a short number never looks like a longer prefix). Prefixes lie in key
order, each with a link to the longest shorter prefix of itself: whatever prefixes a number has, they are
links away from its predecessor in that order. The few prefixes of more than 16 symbols follow, by name.

The file belongs to the node that made it (native byte order); `deck_build` writes it.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

from apps.pricing.engine.rates import Price, Rate, plain_price, select

MAGIC = b"MIZUDECK"
VERSION = 2
SYMBOLS = 16
NIBBLES = {symbol: code for code, symbol in enumerate("0123456789*#", start=1)}
HEADER = struct.Struct("=8sIIqQQQQ")
"""Magic, version, CRC of what follows the header, tariff, groups, groups of at most 16 symbols, rates, size."""
HEADER_SIZE = 64  # with the header's own CRC in the last four bytes
RECORD = struct.Struct("=3q5i2h3qi3q")
"""The fields of `Rate` in their order, without the prefix; window 0 is none."""
WINDOW = 12
"""The window's place among them."""
CACHED_GROUPS = 8192
_AFTER_ID = struct.Struct("=8x2q5i2h3qi3q")
"""The same without the id: enough to know a price."""
_BEGINNING = 64 - 4 * 3
"""Bits of a key after its first three symbols."""
_new_tuple = tuple.__new__
_SHIFTS = tuple(64 - 4 * length for length in range(SYMBOLS + 1))
_ONES = tuple(int("1" * length or "0", 16) for length in range(SYMBOLS + 1))
_NAMES = " 0123456789*#"


class DeckError(Exception):
    """A deck file that cannot be used; the message says what to do."""


@lru_cache(maxsize=1024)
def key_of(symbols: str) -> int:
    """The 64-bit key of at most 16 symbols. Raises ValueError for what no number can hold.

    Remembered for a moment: a call asks the lists of many carriers for one number.
    """
    length = len(symbols)
    if symbols.isdecimal():
        return (int(symbols, 16) + _ONES[length]) << _SHIFTS[length]
    key = 0
    for symbol in symbols:
        if symbol not in NIBBLES:
            raise ValueError(f"{symbols!r} is not a normalised number: digits, * and # only")
        key = key << 4 | NIBBLES[symbol]
    return key << _SHIFTS[length]


def layout(groups: int, short: int, rates: int) -> dict[str, int]:
    """Where each part of a file begins, and its size."""
    places = {"keys": HEADER_SIZE}
    places["tails"] = places["keys"] + 8 * groups
    places["starts"] = places["tails"] + 8 * (groups - short)
    places["parents"] = places["starts"] + 4 * (groups + 1)
    places["lengths"] = places["parents"] + 4 * groups
    places["records"] = -(-(places["lengths"] + groups) // 8) * 8
    places["size"] = places["records"] + RECORD.size * rates
    return places


class Deck:
    """One tariff's rates. Open once per worker; a newer file is another `Deck`."""

    __slots__ = (
        "_cache",
        "_firsts",
        "_keys",
        "_lengths",
        "_long",
        "_long_lengths",
        "_map",
        "_parents",
        "_records",
        "_short",
        "_starts",
        "rates",
        "tariff_id",
    )

    def __init__(self, mapped: mmap.mmap, header: tuple[int, int, int, int]) -> None:
        self.tariff_id, groups, self._short, self.rates = header
        places = layout(groups, self._short, self.rates)
        view = memoryview(mapped)
        self._map = mapped
        self._keys = _numbers(view[places["keys"] : places["tails"]], "Q")
        self._starts = _numbers(view[places["starts"] : places["parents"]], "I")
        self._parents = _numbers(view[places["parents"] : places["lengths"]], "i")
        self._lengths = view[places["lengths"] : places["lengths"] + groups]
        self._records = view[places["records"] : places["size"]]
        self._cache: dict[int, tuple[Rate, ...]] = {}
        self._firsts = _firsts(self._keys, self._short)
        tails = _numbers(view[places["tails"] : places["starts"]], "Q")
        self._long = {
            name_of(self._keys[self._short + place]) + name_of(tails[place]): self._short + place
            for place in range(groups - self._short)
        }
        self._long_lengths = sorted({len(prefix) for prefix in self._long}, reverse=True)

    @classmethod
    def open(cls, path: Path | str) -> Deck:
        """Map a file. Raises DeckError when it is none, is cut off, or was made by another version."""
        with Path(path).open("rb") as file:
            header = _header(path, file.read(HEADER_SIZE))
            found = file.seek(0, 2)
            if found != header[4]:
                raise DeckError(f"{path} has {found} bytes instead of {header[4]}: compile the tariff again")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(mapped, header[:4])

    def verify(self) -> None:
        """Read the whole file and compare its checksum. Raises DeckError when a byte has changed."""
        expected = HEADER.unpack_from(self._map)[2]
        with memoryview(self._map) as view, view[HEADER_SIZE:] as content:
            if zlib.crc32(content) != expected:
                raise DeckError(f"the deck of tariff {self.tariff_id} is damaged: compile the tariff again")

    def close(self) -> None:
        """Give the memory back; the deck cannot be asked any more."""
        self._cache.clear()
        for view in (self._keys, self._starts, self._parents, self._lengths, self._records):
            view.release()
        self._map.close()

    def match(self, number: str, at: float) -> tuple[Rate, ...] | None:
        """The rates that price a call to the normalised number at that time (see `select`), or None."""
        place = self._find(number)
        if place < 0:
            return None
        group = self._cache.get(place) or self._decode(place, number)
        if len(group) == 1:
            # The usual case, decided without building the chain of shorter prefixes.
            one = group[0]
            length = len(number)
            if (
                one.window is None
                and one.valid_from <= at < one.valid_until
                and one.min_digits <= length
                and (not one.max_digits or length <= one.max_digits)
            ):
                return group
        return select(self._chain(place, number), number, at) or None

    def price(self, number: str, at: float) -> Price | None:
        """`plain_price` of what `match` finds. Who only compares prices asks for this: no rate is made, and none is kept."""
        place = self._find(number)
        if place < 0:
            return None
        first = self._starts[place]
        if self._starts[place + 1] - first == 1:
            found = _AFTER_ID.unpack_from(self._records, first * RECORD.size)
            least, most, begins, ends, window = found[7:12]
            if not (window or least or most) and begins <= at < ends:
                return found[:7] + found[12:]
        return plain_price(select(self._chain(place, number), number, at))

    def prefixes(self) -> Iterator[str]:
        """Every prefix that has a rate."""
        for place in range(self._short):
            yield name_of(self._keys[place])[: self._lengths[place]]
        yield from self._long

    def moments(self) -> set[float]:
        """When rates begin and end to hold, epoch seconds."""
        begins, ends = Rate._fields.index("valid_from") - 1, Rate._fields.index("valid_until") - 1
        return {
            float(moment) for row in RECORD.iter_unpack(self._records) for moment in (row[begins], row[ends])
        }

    def _find(self, number: str) -> int:
        """The group of the longest prefix, whatever its dates say; -1 when there is none."""
        if len(number) > SYMBOLS:
            for length in self._long_lengths:
                place = self._long.get(number[:length])
                if place is not None and length <= len(number):
                    return place
            key = key_of(number[:SYMBOLS])
        else:
            key = key_of(number)
        keys, lengths, firsts, beginning = self._keys, self._lengths, self._firsts, key >> _BEGINNING
        place = bisect_right(keys, key, firsts[beginning], firsts[beginning + 1]) - 1
        while place >= 0 and (key ^ keys[place]) >> _SHIFTS[lengths[place]]:
            place = self._parents[place]
        return place

    def _chain(self, place: int, number: str) -> Iterator[tuple[Rate, ...]]:
        while place >= 0:
            yield self._cache.get(place) or self._decode(place, number)
            place = self._parents[place]

    def _decode(self, place: int, number: str) -> tuple[Rate, ...]:
        if len(self._cache) >= CACHED_GROUPS:
            self._cache.clear()  # cheaper than keeping an order, and the busy ones are back at once
        prefix = number[: self._lengths[place]]
        size = RECORD.size
        first, last = self._starts[place], self._starts[place + 1]
        found = []
        for offset in range(first * size, last * size, size):
            values = RECORD.unpack_from(self._records, offset)
            window = values[WINDOW] or None
            fields = (values[0], prefix, *values[1:WINDOW], window, *values[WINDOW + 1 :])
            found.append(_new_tuple(Rate, fields))  # as `Rate._make` does, in half the time
        group = self._cache[place] = tuple(found)
        return group


def _firsts(keys: memoryview[int], count: int) -> array[int]:
    """How many of the first `count` keys come before those of each beginning: it saves most steps of a search, and most pages that it would touch."""
    places, place = array("I"), 0
    for beginning in range((1 << 64 - _BEGINNING) + 1):
        key = beginning << _BEGINNING
        if place < count and keys[place] < key:
            place = bisect_left(keys, key, place, count)
        places.append(place)
    return places


def _numbers(view: memoryview, kind: Literal["Q", "I", "i"]) -> memoryview[int]:
    """A part of the file as numbers (a part without any cannot be cast)."""
    return (view if len(view) else memoryview(bytes(8))).cast(kind)


def name_of(key: int) -> str:
    """The symbols of a key."""
    return "".join(_NAMES[int(nibble, 16)] for nibble in f"{key:016x}".rstrip("0"))


def seal(fields: tuple[int, int, int, int, int, int]) -> bytes:
    """The header of a file: CRC of the content, tariff, groups, short groups, rates, size."""
    content, *rest = fields
    plain = HEADER.pack(MAGIC, VERSION, content, *rest).ljust(HEADER_SIZE - 4, b"\0")
    return plain + struct.pack("=I", zlib.crc32(plain))


def _header(path: Path | str, raw: bytes) -> tuple[int, int, int, int, int]:
    if len(raw) < HEADER_SIZE or raw[:8] != MAGIC:
        raise DeckError(f"{path} is not a compiled price list")
    plain, check = raw[:-4], raw[-4:]
    if struct.pack("=I", zlib.crc32(plain)) != check:
        raise DeckError(f"the header of {path} is damaged: compile the tariff again")
    _, version, _, tariff_id, groups, short, rates, size = HEADER.unpack_from(plain)
    if version != VERSION:
        raise DeckError(
            f"{path} is of version {version}, this program reads {VERSION}: compile the tariff again"
        )
    return tariff_id, groups, short, rates, size
