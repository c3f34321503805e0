"""Compiled price lists: one file per tariff, mapped into memory by every worker, matched by longest prefix.

A number's first 16 symbols make one 64-bit key, four bits each (`0` is 1 … `9` is 10, `*` 11, `#` 12,
and 0 is "ended", so that padding a short number never looks like a longer prefix). Prefixes lie in key
order, each with a link to the longest shorter prefix of itself: whatever prefixes a number has, they are
links away from its predecessor in that order. The few prefixes of more than 16 symbols follow, by name.

All that rates say beside their price is their kind, which thousands have in common and the file has once. What is
looked at to compare prices lies in columns: a call asks many lists, and no memory is slower than what nobody asked lately.

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
from typing import Any, Literal

from apps.pricing.engine.rates import Manner, Price, Rate, plain_price, select, shared

MAGIC = b"MIZUDECK"
VERSION = 3
SYMBOLS = 16
NIBBLES = {symbol: code for code, symbol in enumerate("0123456789*#", start=1)}
HEADER = struct.Struct("=8sIIqQQQQI")
"""Magic, version, CRC of what follows the header, tariff, groups, groups of at most 16 symbols, rates, size, kinds."""
HEADER_SIZE = 64  # with the header's own CRC in the last four bytes
KIND = struct.Struct("=q5i2h3qi3q")
"""The fields of `Rate` in their order from the connect fee on; window 0 is none."""
WINDOW = 10
"""The window's place among them."""
CACHED_GROUPS = 8192
CACHED_KINDS = 1024
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


Kind = tuple[Any, ...]
"""The fields of a `Rate` from the connect fee on."""
Header = tuple[int, int, int, int, int, int]
"""Tariff, groups, groups of at most 16 symbols, rates, size, kinds."""


def layout(groups: int, short: int, rates: int, kinds: int) -> dict[str, int]:
    """Where each part of a file begins, and its size."""
    places = {"keys": HEADER_SIZE}
    places["prices"] = places["keys"] + 8 * groups
    places["tails"] = places["prices"] + 8 * rates
    places["ids"] = places["tails"] + 8 * (groups - short)
    places["starts"] = places["ids"] + 8 * rates
    places["parents"] = places["starts"] + 4 * (groups + 1)
    places["kinds"] = places["parents"] + 4 * groups
    places["table"] = places["kinds"] + 4 * rates
    places["lengths"] = places["table"] + KIND.size * kinds
    places["size"] = places["lengths"] + groups
    return places


class Deck:
    """One tariff's rates. Open once per worker; a newer file is another `Deck`."""

    __slots__ = (
        "_cache", "_firsts", "_ids", "_keys", "_kind_of", "_known", "_lengths", "_long", "_long_lengths", "_manners", "_map",
        "_parents", "_prices", "_short", "_single", "_starts", "_table", "rates", "tariff_id",
    )  # fmt: skip

    def __init__(self, mapped: mmap.mmap, header: Header) -> None:
        self.tariff_id, groups, self._short, self.rates, size, kinds = header
        places = layout(groups, self._short, self.rates, kinds)
        self._single = groups == self.rates  # no prefix has versions: the first of a group is its number
        view = memoryview(mapped)
        self._map = mapped
        self._keys = _numbers(view[places["keys"] : places["prices"]], "Q")
        self._prices = _numbers(view[places["prices"] : places["tails"]], "q")
        self._ids = _numbers(view[places["ids"] : places["starts"]], "q")
        self._starts = _numbers(view[places["starts"] : places["parents"]], "I")
        self._parents = _numbers(view[places["parents"] : places["kinds"]], "i")
        self._kind_of = _numbers(view[places["kinds"] : places["table"]], "I")
        self._table = view[places["table"] : places["lengths"]]
        self._lengths = view[places["lengths"] : size]
        self._cache: dict[int, tuple[Rate, ...]] = {}
        self._known: dict[int, Kind] = {}
        self._manners: dict[int, tuple[float, float, Manner]] = {}
        self._firsts = _firsts(self._keys, self._short)
        tails = _numbers(view[places["tails"] : places["ids"]], "Q")
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
            # Whoever loads it waits for its pages, and not the first calls that look at them.
            flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
            mapped = mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ)
        return cls(mapped, header)

    def verify(self) -> None:
        """Read the whole file and compare its checksum. Raises DeckError when a byte has changed."""
        expected = HEADER.unpack_from(self._map)[2]
        with memoryview(self._map) as view, view[HEADER_SIZE:] as content:
            if zlib.crc32(content) != expected:
                raise DeckError(f"the deck of tariff {self.tariff_id} is damaged: compile the tariff again")

    def close(self) -> None:
        """Give the memory back; the deck cannot be asked any more."""
        self._cache.clear()
        columns = (self._keys, self._prices, self._ids, self._starts, self._parents, self._kind_of)
        for view in (*columns, self._table, self._lengths):
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
        first = place if self._single else self._alone(place)
        if first >= 0:
            kind = self._kind_of[first]
            begins, ends, manner = self._manners.get(kind) or self._manner(kind)
            if begins <= at < ends:
                return self._prices[first], manner
        return plain_price(select(self._chain(place, number), number, at))

    def prefixes(self) -> Iterator[str]:
        """Every prefix that has a rate."""
        for place in range(self._short):
            yield name_of(self._keys[place])[: self._lengths[place]]
        yield from self._long

    def moments(self) -> set[float]:
        """When rates begin and end to hold, epoch seconds."""
        return {
            float(moment) for kind in KIND.iter_unpack(self._table) for moment in kind[WINDOW - 2 : WINDOW]
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

    def _alone(self, place: int) -> int:
        """The one rate of a group; -1: it has several."""
        first = self._starts[place]
        return first if self._starts[place + 1] - first == 1 else -1

    def _chain(self, place: int, number: str) -> Iterator[tuple[Rate, ...]]:
        while place >= 0:
            yield self._cache.get(place) or self._decode(place, number)
            place = self._parents[place]

    def _decode(self, place: int, number: str) -> tuple[Rate, ...]:
        if len(self._cache) >= CACHED_GROUPS:
            self._cache.clear()  # cheaper than keeping an order, and the busy ones are back at once
        prefix = number[: self._lengths[place]]
        group = tuple(
            [
                # as `Rate._make` does, in half the time
                _new_tuple(Rate, (self._ids[one], prefix, self._prices[one], *self._kind(self._kind_of[one])))
                for one in range(self._starts[place], self._starts[place + 1])
            ]
        )
        self._cache[place] = group
        return group

    def _kind(self, kind: int) -> Kind:
        found = self._known.get(kind)
        if found is None:
            if len(self._known) >= CACHED_KINDS:
                self._known.clear()
            values = KIND.unpack_from(self._table, kind * KIND.size)
            found = (*values[:WINDOW], values[WINDOW] or None, *values[WINDOW + 1 :])
            self._known[kind] = found
        return found

    def _manner(self, kind: int) -> tuple[float, float, Manner]:
        """When rates of this kind hold, whatever the number and the hour, and how they charge."""
        if len(self._manners) >= CACHED_KINDS:
            self._manners.clear()
        fields = self._kind(kind)
        least, most, begins, ends, window = fields[6:11]
        span = (0.0, 0.0) if least or most or window is not None else (float(begins), float(ends))
        found = self._manners[kind] = *span, shared(fields[:6] + fields[11:])
        return found


def _firsts(keys: memoryview[int], count: int) -> array[int]:
    """How many of the first `count` keys come before those of each beginning: it saves most steps of a search, and most pages that it would touch."""
    places, place = array("I"), 0
    for beginning in range((1 << 64 - _BEGINNING) + 1):
        key = beginning << _BEGINNING
        if place < count and keys[place] < key:
            place = bisect_left(keys, key, place, count)
        places.append(place)
    return places


def _numbers(view: memoryview, kind: Literal["Q", "q", "I", "i"]) -> memoryview[int]:
    """A part of the file as numbers (a part without any cannot be cast)."""
    return (view if len(view) else memoryview(bytes(8))).cast(kind)


def name_of(key: int) -> str:
    """The symbols of a key."""
    return "".join(_NAMES[int(nibble, 16)] for nibble in f"{key:016x}".rstrip("0"))


def seal(content: int, header: Header) -> bytes:
    """The header of a file; `content`: CRC of what follows it."""
    plain = HEADER.pack(MAGIC, VERSION, content, *header)
    return plain + struct.pack("=I", zlib.crc32(plain))


def _header(path: Path | str, raw: bytes) -> Header:
    if len(raw) < HEADER_SIZE or raw[:8] != MAGIC:
        raise DeckError(f"{path} is not a compiled price list")
    plain, check = raw[:-4], raw[-4:]
    if struct.pack("=I", zlib.crc32(plain)) != check:
        raise DeckError(f"the header of {path} is damaged: compile the tariff again")
    _, version, _, *rest = HEADER.unpack_from(plain)
    if version != VERSION:
        raise DeckError(
            f"{path} is of version {version}, this program reads {VERSION}: compile the tariff again"
        )
    tariff_id, groups, short, rates, size, kinds = rest
    return tariff_id, groups, short, rates, size, kinds
