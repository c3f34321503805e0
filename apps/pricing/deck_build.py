"""Writes the decks: from PostgreSQL by binary COPY, which arrays view without parsing, or from rates in memory.

Apart from `deck` so that only the compiler loads numpy.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from apps.pricing.engine import NEVER, Rate
from apps.pricing.engine.deck import HEADER_SIZE, KIND, SYMBOLS, DeckError, key_of, layout, name_of, seal

Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.void]
Convert = Callable[[str, npt.NDArray[Any]], npt.NDArray[Any]]

_WIDE = ("id", "price", "connect_fee")
_NARROW = ("first_increment", "next_increment", "minimum_seconds", "free_seconds", "free_after")
_SHORT = ("min_digits", "max_digits")
_LATE = ("valid_from", "valid_until", "window")
_ONCE = ("minimum_charge", "maximum_charge", "surcharge")
_KIND = (
    [("connect_fee", "i8")]
    + [(n, "i4") for n in _NARROW]
    + [(n, "i2") for n in _SHORT]
    + [(n, "i8") for n in _LATE]
    + [("grace_seconds", "i4")]
    + [(n, "i8") for n in _ONCE]
)
KINDS = np.dtype(_KIND)
ROWS = np.dtype([("id", "i8"), ("price", "i8"), *_KIND])
assert KINDS.itemsize == KIND.size

_COPIED = [
    *((name, ">i8") for name in ("key", "tail", *_WIDE)),
    *((name, ">i4") for name in _NARROW),
    *((name, ">i2") for name in _SHORT),
    *((name, ">i8") for name in _LATE),
    ("grace_seconds", ">i4"),
    *((name, ">i8") for name in _ONCE),
]
_ROW = np.dtype(
    [("fields", ">i2")] + [part for name, kind in _COPIED for part in ((f"{name}_size", ">i4"), (name, kind))]
)
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no header extension
_POSTGRES_EPOCH = 946_684_800  # 2000-01-01, in seconds since 1970

# Letters would pass for digits in hexadecimal; `z` makes the cast fail instead.
_HEX = "translate({}, '0123456789*#abcdefABCDEF', '123456789abczzzzzzzzzzzz')"
_WORD = "('x' || rpad(" + _HEX + ", 16, '0'))::bit(64)::bigint"


class Cursor(Protocol):
    """What is used of a psycopg2 cursor."""

    def execute(self, query: str) -> None: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...
    def copy_expert(self, sql: str, file: IO[bytes]) -> None: ...


def deck_query(tariff_id: int) -> str:
    """All rates of a tariff as rows of constant width: no column is NULL or varies in length."""
    inherited = ", ".join(f"coalesce(r.{name}, t.{name})::int4" for name in _NARROW)
    once = ", ".join(f"(coalesce(r.{name}, t.{name}) * 1000000)::int8" for name in _ONCE)
    return f"""
        SELECT {_WORD.format("r.prefix")},
               CASE WHEN length(r.prefix) > {SYMBOLS} THEN {_WORD.format(f"substr(r.prefix, {SYMBOLS + 1})")} ELSE 0 END,
               r.id::int8, (r.price * 1000000)::int8, (coalesce(r.connect_fee, t.connect_fee) * 1000000)::int8,
               {inherited}, r.min_digits::int2, r.max_digits::int2,
               r.valid_from, coalesce(r.valid_until, 'infinity'), coalesce(r.window_id, 0)::int8,
               coalesce(r.grace_seconds, t.grace_seconds)::int4, {once}
        FROM pricing_rate r JOIN pricing_tariff t ON t.id = r.tariff_id
        WHERE r.tariff_id = {int(tariff_id)}"""  # noqa: S608 - the only value is an integer


def copy_deck(cursor: Cursor, tariff_id: int, path: Path) -> int:
    """Compile a tariff from the database and put it in place; returns the number of rates."""
    copied = path.with_name(f"{path.name}.{os.getpid()}.copy")
    try:
        with copied.open("wb") as file:
            cursor.copy_expert(f"COPY ({deck_query(tariff_id)}) TO STDOUT (FORMAT binary)", file)
        rows = _rows(copied)
        keys, tails = rows["key"].astype(np.uint64), rows["tail"].astype(np.uint64)
        _write(path, tariff_id, rows, keys=keys, tails=tails, convert=_from_postgres)
        return len(rows)
    finally:
        copied.unlink(missing_ok=True)


def compile_deck(rates: Iterable[Rate], path: Path, tariff_id: int = 0) -> int:
    """Compile rates that are in memory and put the file in place; returns their number."""
    kept = list(rates)
    rows = np.array([(one.id, *one[2:13], one.window or 0, *one[14:]) for one in kept], dtype=ROWS)
    keys = np.array([key_of(one.prefix[:SYMBOLS]) for one in kept], dtype=np.uint64)
    tails = np.array([key_of(one.prefix[SYMBOLS:]) for one in kept], dtype=np.uint64)
    _write(path, tariff_id, rows, keys=keys, tails=tails, convert=lambda name, column: column)
    return len(kept)


def _rows(copied: Path) -> Rows:
    """The rows of a binary COPY, seen in place. Raises DeckError when they are not of constant width."""
    size = copied.stat().st_size - len(_SIGNATURE) - 2
    count, rest = divmod(size, _ROW.itemsize)
    with copied.open("rb") as file:
        signature = file.read(len(_SIGNATURE))
    if signature != _SIGNATURE or rest or count < 0:
        raise DeckError("PostgreSQL sent rates in a form that was not asked for")
    if not count:
        return np.empty(0, dtype=_ROW)
    rows: Rows = np.memmap(copied, dtype=_ROW, mode="r", offset=len(_SIGNATURE), shape=(count,))
    sizes = all((rows[f"{name}_size"] == np.dtype(kind).itemsize).all() for name, kind in _COPIED)
    if not sizes or not (rows["fields"] == len(_COPIED)).all():
        raise DeckError("PostgreSQL sent a rate with an empty column")
    return rows


def _from_postgres(name: str, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column in our units: PostgreSQL counts microseconds since 2000; the ends of its range are infinite."""
    if name not in ("valid_from", "valid_until"):
        return column
    plain = column.astype(np.int64)
    seconds = -(-plain // 1_000_000) + _POSTGRES_EPOCH
    infinite = (plain == NEVER) | (plain == -NEVER - 1)
    return np.where(infinite, plain, seconds)


def _write(path: Path, tariff_id: int, rows: Rows, *, keys: Words, tails: Words, convert: Convert) -> None:
    """Sort, group, link, and put the file in place in one step, so that no reader ever sees a part of it."""
    order = np.lexsort((tails, keys, tails != 0))
    keys, tails = keys[order], tails[order]
    changed = np.ones(len(keys), dtype=bool)
    changed[1:] = (keys[1:] != keys[:-1]) | (tails[1:] != tails[:-1])
    first = np.flatnonzero(changed)
    group_keys, group_tails = keys[first], tails[first]
    short = int(np.count_nonzero(group_tails == 0))
    lengths = lengths_of(group_keys) + lengths_of(group_tails)
    parents = parents_of(group_keys, group_tails, lengths, short)
    names = KINDS.names or ()
    kinds, examples = kinds_of(len(rows), (convert(name, rows[name])[order] for name in names))
    table = np.empty(len(examples), dtype=KINDS)
    for name in names:
        table[name] = convert(name, rows[name][order[examples]])
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    places = layout(len(first), short, len(rows), len(table))
    try:
        with temporary.open("w+b") as file:
            file.truncate(places["size"])
            out = np.memmap(file, dtype=np.uint8, mode="r+", shape=(places["size"],))
            parts: dict[str, npt.NDArray[Any]] = {
                "keys": group_keys,
                "prices": rows["price"][order].astype(np.int64),
                "tails": group_tails[short:],
                "ids": rows["id"][order].astype(np.int64),
                "starts": np.append(first, len(rows)).astype(np.uint32),
                "parents": parents,
                "kinds": kinds,
                "table": table,
                "lengths": lengths,
            }
            for name, values in parts.items():
                raw = values.view(np.uint8)
                out[places[name] : places[name] + len(raw)] = raw
            content = zlib.crc32(out[HEADER_SIZE:].data)
            header = seal(content, (tariff_id, len(first), short, len(rows), places["size"], len(table)))
            out[:HEADER_SIZE] = np.frombuffer(header, dtype=np.uint8)
            out.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def kinds_of(
    count: int, columns: Iterable[npt.NDArray[Any]]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.intp]]:
    """Of each of so many rows the number of its kind, and of each kind a row: rows of a kind are alike in all columns."""
    kinds: npt.NDArray[Any] = np.zeros(count, dtype=np.int64)
    for column in columns:
        if count and (column != column[0]).any():  # mostly it is the same for all
            values, numbers = np.unique(column, return_inverse=True)
            kinds = np.unique(kinds * len(values) + numbers, return_inverse=True)[1]
    _, examples = np.unique(kinds, return_index=True)
    return kinds.astype(np.uint32), examples


def lengths_of(keys: Words) -> npt.NDArray[np.uint8]:
    """How many symbols each key has."""
    found = np.zeros(len(keys), dtype=np.uint8)
    for shift in range(60, -1, -4):
        found += (keys >> np.uint64(shift)) & np.uint64(15) != 0
    return found


def parents_of(
    keys: Words, tails: Words, lengths: npt.NDArray[np.uint8], short: int
) -> npt.NDArray[np.int32]:
    """The link of every group to its longest shorter prefix, -1 for none.

    Lengths are taken in rising order; each prefix names itself the parent of everything that it
    begins (one stretch of the sorted keys), and longer ones then overwrite it in theirs.
    """
    parents = np.full(len(keys), -1, dtype=np.int32)
    for length in range(SYMBOLS + 1):
        owners = np.flatnonzero(lengths[:short] == length)
        if not len(owners):
            continue
        if length:
            ends = np.searchsorted(keys[:short], keys[owners] + np.uint64(1 << (64 - 4 * length)))
        else:
            ends = np.full(1, short)
        inside = ends - owners - 1
        owners, inside = owners[inside > 0], inside[inside > 0]
        begin = np.cumsum(inside) - inside
        members = np.repeat(owners + 1 - begin, inside) + np.arange(int(inside.sum()))
        parents[members] = np.repeat(owners, inside)
    _link_long(keys, tails, parents, short)
    return parents


def _link_long(keys: Words, tails: Words, parents: npt.NDArray[np.int32], short: int) -> None:
    """The same for prefixes of more than 16 symbols: the longest of their own kind, else of their head."""
    names = {
        name_of(int(keys[place])) + name_of(int(tails[place])): place for place in range(short, len(keys))
    }
    for name, place in names.items():
        kin = (names.get(name[:length]) for length in range(len(name) - 1, SYMBOLS, -1))
        parents[place] = next((other for other in kin if other is not None), None) or _head(
            keys, parents, short, place
        )


def _head(keys: Words, parents: npt.NDArray[np.int32], short: int, place: int) -> int:
    """The longest prefix of at most 16 symbols of a longer one."""
    key = int(keys[place])
    found = int(np.searchsorted(keys[:short], keys[place], side="right")) - 1
    while found >= 0 and not name_of(key).startswith(name_of(int(keys[found]))):
        found = int(parents[found])
    return found


def _sync_folder(folder: Path) -> None:
    """A rename lasts once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
