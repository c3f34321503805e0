"""From a file in MaxMind's format (MaxMind DB 2.0) to the one that workers map (`apps.screening.engine.countries`).

1. The search tree is walked level by level, all nodes of a level at once: each end is a range with a record.
2. Each record is decoded once, and tells a country: `country.iso_code`, as MaxMind and DB-IP write it, `country` or
   `country_code` as text, as others do; without these `registered_country.iso_code`.
3. Neighbours of one country are joined; networks that nobody routes are cut out as of no country.

IPv6 is told by its first 64 bits: who is nearer than that is the same customer. The library's compiled reader is not used: it writes
beyond its memory when a file is broken (tried with 3.2.0). Nobody else's file is believed: what is no tree is refused.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import maxminddb
import numpy as np
import numpy.typing as npt

from apps.core.values.networks import PRIVATE, SHARED
from apps.screening.engine.countries import HEADER, MAGIC, NOWHERE, UNKNOWN_NUMBER, CountriesError, number_of

Numbers = npt.NDArray[np.uint64]
NEAR = (*PRIVATE, SHARED, ip_network("127.0.0.0/8"), ip_network("0.0.0.0/8"), ip_network("::/64"))
"""What is of no country; ::/64 holds :: and ::1."""
MOST_RECORDS = 1_000_000
_SEPARATOR = 16
_CODE = re.compile(r"[A-Z]{2}\Z")
_BROKEN = (maxminddb.InvalidDatabaseError, ValueError, TypeError, IndexError, KeyError, RecursionError,
           MemoryError, OverflowError, AttributeError)  # fmt: skip


def build(source: Path, target: Path) -> int:
    """Compile the file; when its maker made it, in epoch seconds. Raises CountriesError."""
    try:
        return _Source(source).write(target)
    except OSError as error:
        raise CountriesError(f"{source.name} cannot be read: {error.strerror or error}") from error
    except CountriesError:
        raise
    except _BROKEN as error:
        raise CountriesError(f"{source.name} is no MaxMind DB file, or a broken one: {error}") from error


class _Source:
    """One file, read into memory."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        metadata = self.reader.metadata()
        self.count, self.built = int(metadata.node_count), int(metadata.build_epoch)
        self.is_wide = metadata.ip_version == 6
        self.tree = _tree(path, self.count, int(metadata.record_size))
        self.root = self._narrow_root() if self.is_wide else 0

    def write(self, target: Path) -> int:
        """Both kinds of addresses, with their countries."""
        told: dict[int, int] = {}
        narrow = self._ranges(self.root, 32, told) if self.root < self.count else _NOTHING
        wide = self._ranges(0, 64, told) if self.is_wide else _NOTHING
        if not any(code > NOWHERE for code in told.values()):
            raise CountriesError(f"{self.name} tells no countries")
        narrow, wide = _without_near(*narrow, 4), _without_near(*wide, 6)
        head = HEADER.pack(MAGIC, len(narrow[0]), len(wide[0]), self.built)
        columns = ((wide[0], "<u8"), (narrow[0], "<u4"), (wide[1], "<u2"), (narrow[1], "<u2"))
        with target.open("wb") as file:
            file.write(head + b"".join(values.astype(kind).tobytes() for values, kind in columns))
            file.flush()
            os.fsync(file.fileno())
        return self.built

    def _narrow_root(self) -> int:
        """The node below which IPv4 lies: ::/96."""
        node = 0
        for _ in range(96):
            if node >= self.count:
                break
            node = int(self.tree[node, 0])
        return node

    def _ranges(self, root: int, bits: int, told: dict[int, int]) -> tuple[Numbers, Numbers]:
        """Where ranges begin, and the country of each, 0 in gaps; sorted, joined."""
        starts, sizes, pointers = self._ends(root, bits)
        codes = self._codes(starts, pointers, bits, told)
        order = np.argsort(starts, kind="stable")
        starts, sizes, codes = starts[order], sizes[order], codes[order]
        after = starts + sizes  # 0 where the last range ends with the last address
        gap = np.ones(len(starts), dtype=bool)
        gap[:-1] = after[:-1] != starts[1:]
        gap &= after != (2**bits if bits < 64 else 0)
        begins = np.concatenate([np.zeros(1, np.uint64), starts, after[gap]])
        found = np.concatenate([np.zeros(1, np.uint64), codes, np.zeros(int(gap.sum()), np.uint64)])
        order = np.argsort(begins, kind="stable")
        begins, found = begins[order], found[order]
        last = np.append(begins[1:] != begins[:-1], True)  # of several that begin together the last holds
        return _joined(begins[last], found[last])

    def _ends(self, root: int, bits: int) -> tuple[Numbers, Numbers, Numbers]:
        """(start, size, place of the record) of all networks; those of IPv6 that are longer than `bits` are left out."""
        nodes, prefixes = np.array([root], np.uint64), np.zeros(1, np.uint64)
        found: list[tuple[Numbers, int, Numbers]] = []
        for depth in range(bits):
            size = 1 << (bits - 1 - depth)
            sides = self.tree[nodes]
            values = np.concatenate([sides[:, 0], sides[:, 1]]).astype(np.uint64)
            starts = np.concatenate([prefixes, prefixes | np.uint64(size)])
            ends = values > self.count
            found.append((starts[ends], size, values[ends]))
            goes_on = values < self.count
            if bits == 64:
                goes_on &= values != self.root  # other names of IPv4 addresses (2002::/16) point to its tree
            nodes, prefixes = values[goes_on], starts[goes_on]
            if len(nodes) > self.count:
                raise CountriesError(f"{self.name} is no tree")
        starts = np.concatenate([one for one, _size, _values in found])
        sizes = np.concatenate([np.full(len(one), size, np.uint64) for one, size, _values in found])
        return starts, sizes, np.concatenate([values for _one, _size, values in found])

    def _codes(self, starts: Numbers, pointers: Numbers, bits: int, told: dict[int, int]) -> Numbers:
        """The country of each, each record looked up once, by an address that has it."""
        unique, first, inverse = np.unique(pointers, return_index=True, return_inverse=True)
        if len(unique) > MOST_RECORDS:
            raise CountriesError(f"{self.name} has too many records: a file of countries is enough")
        for pointer, place in zip(unique.tolist(), first.tolist(), strict=True):
            if pointer not in told:
                number = int(starts[place])
                address = ip_address(number.to_bytes(4) if bits == 32 else (number << 64).to_bytes(16))
                told[pointer] = _country(self.reader.get(address))
        return np.array([told[one] for one in unique.tolist()], np.uint64)[inverse]


_NOTHING = (np.zeros(1, np.uint64), np.full(1, UNKNOWN_NUMBER, np.uint64))


def _tree(path: Path, count: int, record_size: int) -> npt.NDArray[np.uint32]:
    """The nodes, each with where its two sides lead."""
    if record_size not in {24, 28, 32} or count < 1:
        raise CountriesError(f"{path.name} has records of {record_size} bits")
    width = record_size // 4
    raw = np.fromfile(path, np.uint8, count * width)
    if len(raw) != count * width:
        raise CountriesError(f"{path.name} is cut off")
    parts = raw.reshape(count, width).astype(np.uint32)
    if record_size == 28:
        left, middle, right = parts[:, :3], parts[:, 3], parts[:, 4:]
        return np.stack([_whole(left, middle >> 4), _whole(right, middle & 15)], axis=1)
    half, none = width // 2, np.zeros(count, np.uint32)
    return np.stack([_whole(parts[:, :half], none), _whole(parts[:, half:], none)], axis=1)


def _whole(columns: npt.NDArray[np.uint32], top: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    value = top.astype(np.uint32)
    for column in columns.T:
        value = np.bitwise_or(value << np.uint32(8), column).astype(np.uint32)
    return value


def _joined(starts: Numbers, codes: Numbers) -> tuple[Numbers, Numbers]:
    other = np.append(True, codes[1:] != codes[:-1])
    return starts[other], codes[other]


def _without_near(starts: Numbers, codes: Numbers, version: int) -> tuple[Numbers, Numbers]:
    """With the networks of `NEAR` cut out."""
    shift, end = (64, 2**64) if version == 6 else (0, 2**32)
    for network in NEAR:
        if network.version != version:
            continue
        first = int(network.network_address) >> shift
        after = first + (network.num_addresses >> shift)
        goes_on = codes[np.searchsorted(starts, np.uint64(min(after, end - 1)), "right") - 1]
        before = starts < np.uint64(first)
        behind = starts > np.uint64(after) if after < end else np.zeros(len(starts), bool)
        cut = [first, after] if after < end else [first]
        starts, codes = (
            np.concatenate([starts[before], np.array(cut, np.uint64), starts[behind]]),
            np.concatenate(
                [codes[before], np.array([NOWHERE, goes_on][: len(cut)], np.uint64), codes[behind]]
            ),
        )
    return _joined(starts, codes)


def _country(record: Any) -> int:
    if isinstance(record, dict):
        for name in ("country", "country_code", "registered_country"):
            told = record.get(name)
            code = told.get("iso_code") if isinstance(told, dict) else told
            if isinstance(code, str) and _CODE.match(code.upper()):
                return number_of(code.upper())
    return UNKNOWN_NUMBER
