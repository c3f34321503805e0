"""Destinations' names of a retail price list, by rate: mapped into memory beside its deck.

The file: header, ids of the rates that have a name in ascending order, the number of each one's name,
then the names as a JSON list. It belongs to the node that made it (native byte order).
"""

from __future__ import annotations

import json
import mmap
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

from switch.world.store import StoreError

HEADER = struct.Struct("=8sQQ")
"""Magic, number of rates, size of the file."""
MAGIC = b"MIZUNAM1"


def write_names(rows: Iterable[tuple[int, str]], path: Path) -> int:
    """Write the names of these rates (id, name), which come in ascending order; their number."""
    ids, places = array("q"), array("I")
    names: dict[str, int] = {}
    for rate_id, name in rows:
        ids.append(rate_id)
        places.append(names.setdefault(name, len(names)))
    listed = json.dumps(list(names), ensure_ascii=False).encode()
    size = HEADER.size + 12 * len(ids) + len(listed)
    with path.open("wb") as file:
        file.write(HEADER.pack(MAGIC, len(ids), size))
        ids.tofile(file)
        places.tofile(file)
        file.write(listed)
    return len(ids)


class Names:
    """The names of one price list's destinations."""

    __slots__ = ("_ids", "_names", "_places")

    def __init__(self, path: Path) -> None:
        """Map a file. Raises StoreError when it is none or was cut off."""
        with path.open("rb") as file:
            raw = file.read(HEADER.size)
            size = file.seek(0, 2)
            if len(raw) < HEADER.size or raw[:8] != MAGIC or HEADER.unpack(raw)[2] != size:
                raise StoreError(f"{path.name} holds no destinations' names, or was cut off")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        count = HEADER.unpack(raw)[1]
        view = memoryview(mapped)
        middle, last = HEADER.size + 8 * count, HEADER.size + 12 * count
        self._ids = (view[HEADER.size : middle] if count else memoryview(bytes(8))).cast("q")
        self._places = (view[middle:last] if count else memoryview(bytes(4))).cast("I")
        self._names: list[str] = json.loads(view[last:].tobytes())

    def of(self, rate_id: int) -> str:
        """The name that the rate gives its destination, or nothing."""
        place = bisect_left(self._ids, rate_id)
        if place < len(self._ids) and self._ids[place] == rate_id and self._names:
            return self._names[self._places[place]]
        return ""
