"""Writes the file of ported numbers from PostgreSQL, by binary COPY whose columns are used in place.

Apart from `engine` so that only the compiler loads numpy.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from apps.portability.engine import NONE, PortedError, Porting, written
from apps.pricing.engine.deck import key_of

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPIED = [("key", ">i8"), ("new", ">i8"), ("target", ">i8")]
_ROW = np.dtype(
    [("fields", ">i2")] + [part for name, kind in _COPIED for part in ((f"{name}_size", ">i4"), (name, kind))]
)
_WORD = "('x' || rpad(translate({}, '0123456789', '123456789a'), 16, '0'))::bit(64)::bigint"
# The best row of each number comes first: the lowest priority, then the longest domain, then the newest (guide 13222-13236).
_QUERY = f"""
    SELECT {_WORD.format("n.number")}, CASE WHEN n.new_number = '' THEN 0 ELSE {_WORD.format("n.new_number")} END,
           coalesce(n.target_id, -1)
    FROM portability_portednumber n LEFT JOIN portability_porttarget t ON t.id = n.target_id
    ORDER BY n.number, n.priority, length(coalesce(t.domain, '')) DESC, n.created_at DESC, n.id DESC"""  # noqa: S608


class Cursor(Protocol):
    """What is used of a psycopg2 cursor."""

    def execute(self, query: str) -> None: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...
    def copy_expert(self, sql: str, file: IO[bytes]) -> None: ...


def build(cursor: Cursor, path: Path, stamp: int) -> int:
    """Write the file from the database; the number of ported numbers in it. Raises PortedError."""
    cursor.execute(
        "SELECT id, coalesce(carrier_id, 0), code, prefix, domain, port FROM portability_porttarget ORDER BY id"
    )
    rows = cursor.fetchall()
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    targets = [Porting(*row[1:]) for row in rows]
    copied = path.with_name(f"{path.name}.{os.getpid()}.copy")
    try:
        with copied.open("wb") as file:
            cursor.copy_expert(f"COPY ({_QUERY}) TO STDOUT (FORMAT binary)", file)
        numbers = _numbers(copied, ids)
    finally:
        copied.unlink(missing_ok=True)
    blocks = _blocks(cursor, targets)
    written(path, numbers | blocks, targets, stamp)
    return len(numbers["keys"])


def _numbers(copied: Path, ids: Any) -> dict[str, Any]:
    """The columns of the numbers, each number once."""
    count, rest = divmod(copied.stat().st_size - len(_SIGNATURE) - 2, _ROW.itemsize)
    with copied.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE or rest or count < 0:
            raise PortedError("PostgreSQL sent ported numbers in a form that was not asked for")
    if not count:
        return {
            "keys": np.empty(0, np.uint64),
            "news": np.empty(0, np.uint64),
            "targets": np.empty(0, np.uint32),
        }
    rows = np.memmap(copied, dtype=_ROW, mode="r", offset=len(_SIGNATURE), shape=(count,))
    keys = rows["key"].astype(np.uint64)
    if count > 1 and not bool(np.all(keys[:-1] <= keys[1:])):
        raise PortedError("PostgreSQL sent ported numbers in another order than that of their digits")
    first = np.ones(count, dtype=bool)
    first[1:] = keys[1:] != keys[:-1]
    wanted = rows["target"][first].astype(np.int64)
    places = np.searchsorted(ids, wanted).astype(np.uint32)
    places[wanted < 0] = NONE
    return {"keys": keys[first], "news": rows["new"][first].astype(np.uint64), "targets": places}


def _blocks(cursor: Cursor, targets: list[Porting]) -> dict[str, Any]:
    """The columns of the blocks; what they lead to is added to the targets."""
    cursor.execute("SELECT prefix, spid, cnl FROM portability_numberblock ORDER BY prefix")
    rows = cursor.fetchall()
    places: dict[tuple[str, str], int] = {}
    chosen = np.empty(len(rows), np.uint32)
    for number, (_prefix, spid, cnl) in enumerate(rows):
        place = places.get((spid, cnl))
        if place is None:
            place = places[spid, cnl] = len(targets)
            targets.append(Porting(code=spid, cnl=cnl, ported=False))
        chosen[number] = place
    return {
        "blocks": np.array([key_of(row[0]) for row in rows], dtype=np.uint64),
        "block_lengths": np.array([len(row[0]) for row in rows], dtype=np.uint8),
        "block_targets": chosen,
    }
