"""Ported numbers: one mapped file for millions of them, and what becomes of a call to one. Pure.

The file: header, then columns: numbers in ascending order as 64-bit keys (those of `apps.pricing.engine.deck`), new numbers as keys
(0: none), places of targets; blocks (prefixes in ascending order), their lengths and places; the targets' offsets, and the
targets as JSON. It belongs to the node that made it (native byte order); `build` writes it.
"""

from __future__ import annotations

import json
import mmap
import struct
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from apps.pricing.engine.deck import key_of, name_of

MAGIC = b"MIZUPORT"
VERSION = 1
HEADER = struct.Struct("=8sIqQQQQQ")
"""Magic, version, stamp, numbers, blocks, targets, bytes of JSON, size."""
HEADER_SIZE = 64
NONE = 0xFFFFFFFF
LONGEST = 16
_FIRST = 64 - 4 * 5
"""Bits of a key after its first five symbols."""


class PortedError(Exception):
    """A file of ported numbers that cannot be used; the message says what to do."""


class Porting(NamedTuple):
    """Where a number has gone, or whose it is. What is not said is "" or 0."""

    carrier: int = 0  # account
    code: str = ""  # the operator's
    prefix: str = ""
    domain: str = ""
    port: int = 5060
    number: str = ""  # the new one
    cnl: str = ""
    ported: bool = True  # else it is in a block of the operator's


class Places(NamedTuple):
    """Where the columns begin, and the size of the whole."""

    keys: int
    news: int
    targets: int
    blocks: int
    block_lengths: int
    block_targets: int
    offsets: int
    text: int
    size: int


def layout(numbers: int, blocks: int, targets: int, text: int) -> Places:
    """Every column begins at a multiple of eight bytes."""
    sizes = (8 * numbers, 8 * numbers, 4 * numbers, 8 * blocks, blocks, 4 * blocks, 8 * (targets + 1), text)
    places, at = [], HEADER_SIZE
    for size in sizes:
        places.append(at)
        at += -(-size // 8) * 8
    return Places._make([*places, at])


class PortedFile:
    """All ported numbers and blocks as they were when it was built. Open once per worker."""

    __slots__ = (
        "_block_lengths", "_block_targets", "_blocks", "_keys", "_known", "_lengths", "_map", "_news", "_offsets", "_ranges",
        "_targets", "_text", "blocks", "numbers", "stamp",
    )  # fmt: skip

    def __init__(self, path: Path | str) -> None:
        """Map a file. Raises PortedError when it is none, is cut off, or was made by another version."""
        with Path(path).open("rb") as file:
            raw = file.read(HEADER_SIZE)
            size = file.seek(0, 2)
            if len(raw) < HEADER_SIZE or raw[:8] != MAGIC:
                raise PortedError(f"{path} holds no ported numbers")
            _magic, version, self.stamp, self.numbers, self.blocks, targets, text, wanted = (
                HEADER.unpack_from(raw)
            )
            if version != VERSION or wanted != size:
                raise PortedError(f"{path} is of another version, or was cut off: have it built again")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        places = layout(self.numbers, self.blocks, targets, text)
        view = memoryview(self._map)

        def column(begin: int, count: int, kind: Literal["Q", "I", "B"], width: int) -> memoryview[int]:
            part = view[begin : begin + count * width]
            return (part if count else memoryview(bytes(8))).cast("B").cast(kind)

        self._keys = column(places.keys, self.numbers, "Q", 8)
        self._news = column(places.news, self.numbers, "Q", 8)
        self._targets = column(places.targets, self.numbers, "I", 4)
        self._blocks = column(places.blocks, self.blocks, "Q", 8)
        self._block_lengths = column(places.block_lengths, self.blocks, "B", 1)
        self._block_targets = column(places.block_targets, self.blocks, "I", 4)
        self._offsets = column(places.offsets, targets + 1, "Q", 8)
        self._text = view[places.text : places.text + text]
        self._known: dict[int, Porting] = {}
        self._ranges: dict[int, tuple[int, int]] = {}  # first symbols → where such keys lie
        self._lengths = sorted(set(self._block_lengths[: self.blocks]), reverse=True)

    def close(self) -> None:
        """Give the memory back; the file cannot be asked any more."""
        for view in (
            self._keys, self._news, self._targets, self._blocks, self._block_lengths, self._block_targets, self._offsets,
            self._text,
        ):  # fmt: skip
            view.release()
        self._map.close()

    def find(self, number: str) -> Porting | None:
        """Where the number has gone; None: it was not ported."""
        if not 0 < len(number) <= LONGEST or not self.numbers:
            return None
        key = key_of(number)
        beginning = key >> _FIRST
        first, end = self._ranges.get(beginning) or self._range(beginning)
        place = bisect_left(self._keys, key, first, end)
        if place == end or self._keys[place] != key:
            return None
        target, new = self._targets[place], self._news[place]
        found = Porting() if target == NONE else self._target(target)
        return found._replace(number=name_of(new)) if new else found

    def _range(self, beginning: int) -> tuple[int, int]:
        """Where the keys lie that begin so: what is known once saves most steps of the search."""
        first = bisect_left(self._keys, beginning << _FIRST, 0, self.numbers)
        end = bisect_left(self._keys, beginning + 1 << _FIRST, first, self.numbers)
        found = self._ranges[beginning] = first, end
        return found

    def block_of(self, number: str) -> Porting | None:
        """Whose the number is by the longest block that it begins with; None: nobody's."""
        for length in self._lengths:
            if length > len(number):
                continue
            key = key_of(number[:length])
            place = bisect_left(self._blocks, key, 0, self.blocks)
            # Of two blocks with one key there is none: a shorter one ends in zeros where a longer has a symbol.
            if place < self.blocks and self._blocks[place] == key and self._block_lengths[place] == length:
                return self._target(self._block_targets[place])
        return None

    def _target(self, place: int) -> Porting:
        found = self._known.get(place)
        if found is None:
            text = self._text[self._offsets[place] : self._offsets[place + 1]].tobytes()
            found = self._known[place] = Porting(*json.loads(text))
        return found


def written(path: Path, columns: Mapping[str, Any], targets: Sequence[Porting], stamp: int) -> None:
    """Write a file. `columns`: keys, news, targets, blocks, block_lengths, block_targets, as something with `tofile`."""
    texts = [json.dumps(one, ensure_ascii=True).encode() for one in targets]
    offsets, at = [0], 0
    for text in texts:
        at += len(text)
        offsets.append(at)
    numbers, blocks = len(columns["keys"]), len(columns["blocks"])
    places = layout(numbers, blocks, len(targets), at)
    with path.open("wb") as file:
        file.write(
            HEADER.pack(MAGIC, VERSION, stamp, numbers, blocks, len(targets), at, places.size).ljust(
                HEADER_SIZE, b"\0"
            )
        )
        for name in ("keys", "news", "targets", "blocks", "block_lengths", "block_targets"):
            file.seek(getattr(places, name))
            columns[name].tofile(file)
        file.seek(places.offsets)
        file.write(struct.pack(f"={len(offsets)}Q", *offsets))
        file.seek(places.text)
        file.write(b"".join(texts))
        file.truncate(places.size)


class Operator(NamedTuple):
    """A carrier as portability data names it."""

    carrier: int  # account; 0: none
    prefix: str  # put before the called number


@dataclass(slots=True)
class Portability:
    """The parts `ported` and `porting` of a snapshot."""

    file: PortedFile | None = None
    changes: dict[str, Porting | None] = field(default_factory=dict)
    operators: dict[str, Operator] = field(default_factory=dict)

    def take(self, section: str, rows: Sequence[Sequence[Any]]) -> None:
        """Rows of `apps.portability.snapshot`."""
        if section == "port_changes":
            for number, values in rows:
                self.changes[number] = Porting(*values) if values is not None else None
        elif section == "operators":
            self.operators.update((code, Operator(carrier or 0, prefix)) for code, carrier, prefix in rows)

    @property
    def has_numbers(self) -> bool:
        """Whether any number is ported, as far as is known."""
        return bool(self.file is not None and self.file.numbers) or any(
            one is not None for one in self.changes.values()
        )

    def of(self, number: str) -> Porting | None:
        """Where the number has gone."""
        if number in self.changes:
            return self.changes[number]
        return self.file.find(number) if self.file is not None else None

    def look_up(self, number: str, country: str) -> Porting | None:
        """Where the number has gone or, where a country's rules say so, whose it is otherwise."""
        for spelling in spellings(number, country):
            found = self.of(spelling)
            if found is not None:
                return found
        if country == "default" or self.file is None:
            return None
        return next(
            (block for one in spellings(number, country) if (block := self.file.block_of(one)) is not None),
            None,
        )


def spellings(number: str, country: str) -> tuple[str, ...]:
    """The number, and how else data of the country may have it.

    Brazil: mobile numbers with and without the ninth digit (55, two digits of the area, 9, eight digits).
    Mexico: mobile numbers with and without the 1 that was dialled after 52 until 2019.
    """
    if country == "brazil" and number.startswith("55"):
        if len(number) == 13 and number[4] == "9":
            return number, number[:4] + number[5:]
        if len(number) == 12 and number[4] in "6789":
            return number, f"{number[:4]}9{number[4:]}"
    if country == "mexico" and number.startswith("52"):
        if len(number) == 13 and number[2] == "1":
            return number, f"52{number[3:]}"
        if len(number) == 12:
            return number, f"521{number[2:]}"
    return (number,)


class Change(NamedTuple):
    """What portability makes of a call. What stays is "" or 0."""

    number: str = ""  # the called number is this one now, for routes, prices and the record
    insert: str = ""  # goes before the number that carriers are sent
    carrier: int = 0  # goes there first
    domain: str = ""  # goes there before all carriers
    port: int = 0


#: Which parts of a porting each mode of `checknumport` heeds (guide 3569-3585).
MODES: Mapping[str, frozenset[str]] = {
    "no": frozenset(),
    "prefix": frozenset(("prefix",)),
    "number": frozenset(("number",)),
    "domain": frozenset(("domain",)),
    "carrier": frozenset(("carrier",)),
    "insert": frozenset(("insert",)),
    "all": frozenset(("prefix", "number", "domain", "carrier")),
}


def change(
    found: Porting, number: str, mode: str, operators: Mapping[str, Operator], country: str = "default"
) -> Change:
    """What becomes of a call to the number.

    1. number: it is another number. Else prefix: its beginning is replaced, digit for digit; insert: the prefix goes before it.
    2. domain, carrier: where it goes. A carrier may be named by its operator's code.
    3. In Brazil and Mexico the routing number of the operator goes before the number that carriers are sent, ported or not.
    """
    heeded = MODES[mode]
    operator = operators.get(found.code) if found.code else None
    changed = ""
    if "number" in heeded and found.number:
        changed = found.number
    elif "prefix" in heeded and found.prefix:
        changed = found.prefix + number[len(found.prefix) :]
    insert = found.prefix if "insert" in heeded else ""
    if country != "default" and operator is not None and heeded:
        insert = operator.prefix or insert
    carrier = 0
    if "carrier" in heeded:
        carrier = found.carrier or (operator.carrier if operator is not None else 0)
    to_domain = "domain" in heeded and bool(found.domain)
    return Change(
        changed if changed != number else "",
        insert,
        carrier,
        found.domain if to_domain else "",
        found.port if to_domain else 0,
    )


def mode_of(setting: str, portability: Portability, *, asked: bool = False) -> str:
    """The mode in force: auto is `carrier` once there are ported numbers, or somebody is asked for them; else no."""
    if setting != "auto":
        return setting
    return "carrier" if asked or portability.has_numbers else "no"
