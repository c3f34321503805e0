"""Writes the lists of numbers as files for the switch: from PostgreSQL by binary COPY, or from rows in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.pricing.deck_build import Cursor, lengths_of, parents_of
from apps.pricing.engine.deck import key_of
from apps.screening.engine.numbers import HEADER_SIZE, ListError, layout, seal

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no header extension
_COLUMNS = (("key", ">i8"), ("account", ">i8"), ("expires", ">i8"), ("level", ">i2"))
_ROW = np.dtype(
    [("fields", ">i2")]
    + [part for name, kind in _COLUMNS for part in ((f"{name}_size", ">i4"), (name, kind))]
)
_KEY = "('x' || rpad(translate(number, '0123456789', '123456789a'), 16, '0'))::bit(64)::bigint"


def copy_list(cursor: Cursor, book: str, path: Path) -> int:
    """Compile a list of the database; the number of its entries. What has expired is left out."""
    query = f"""
        SELECT {_KEY}, COALESCE(account_id, 0)::int8, COALESCE(ceil(extract(epoch FROM expires_at)), 0)::int8, level::int2
        FROM screening_screenednumber
        WHERE book = '{book}' AND enabled AND (expires_at IS NULL OR expires_at > now())"""  # noqa: S608 - one of three words
    copied = path.with_name(f"{path.name}.{os.getpid()}.copy")
    try:
        with copied.open("wb") as file:
            cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", file)
        rows = _rows(copied)
        columns = {name: rows[name].astype(np.int64) for name, _ in _COLUMNS}
        _write(path, **columns)
        return len(rows)
    finally:
        copied.unlink(missing_ok=True)


def compile_list(rows: Iterable[tuple[str, int, int, float]], path: Path) -> int:
    """Compile entries that are in memory: (number, account or 0, level, until: epoch seconds or 0)."""
    kept = list(rows)
    _write(
        path,
        key=np.array([key_of(one[0]) for one in kept], dtype=np.uint64).view(np.int64),
        account=np.array([one[1] for one in kept], dtype=np.int64),
        level=np.array([one[2] for one in kept], dtype=np.int64),
        expires=np.array([one[3] for one in kept], dtype=np.int64),
    )
    return len(kept)


def _rows(copied: Path) -> npt.NDArray[np.void]:
    size = copied.stat().st_size - len(_SIGNATURE) - 2
    count, rest = divmod(size, _ROW.itemsize)
    with copied.open("rb") as file:
        signature = file.read(len(_SIGNATURE))
    if signature != _SIGNATURE or rest or count < 0:
        raise ListError("PostgreSQL sent numbers in a form that was not asked for")
    return np.fromfile(copied, dtype=_ROW, count=count, offset=len(_SIGNATURE))


def _write(
    path: Path,
    key: npt.NDArray[np.int64],
    account: npt.NDArray[np.int64],
    level: npt.NDArray[np.int64],
    expires: npt.NDArray[np.int64],
) -> None:
    """Sort, link, and put the file in place."""
    words = np.ascontiguousarray(key).view(np.uint64)
    order = np.lexsort((account, words))
    words = words[order]
    changed = np.ones(len(words), dtype=bool)
    changed[1:] = words[1:] != words[:-1]
    first = np.flatnonzero(changed)
    keys = words[first]
    lengths = lengths_of(keys)
    places = layout(len(keys), len(words))
    parts: dict[str, npt.NDArray[Any]] = {
        "keys": keys,
        "accounts": account[order],
        "expires": expires[order],
        "starts": np.append(first, len(words)).astype(np.uint32),
        "parents": parents_of(keys, np.zeros(len(keys), dtype=np.uint64), lengths, len(keys)),
        "lengths": lengths,
        "levels": level[order].astype(np.uint8),
    }
    content = bytearray(places["size"])
    for name, values in parts.items():
        raw = np.ascontiguousarray(values).view(np.uint8)
        content[places[name] : places[name] + len(raw)] = raw.tobytes()
    content[:HEADER_SIZE] = seal(memoryview(content)[HEADER_SIZE:], len(keys), len(words), places["size"])
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
