"""What a worker keeps of a recorded call while it lasts: RTP packets of both parties as they came, and notes about them.

Each chunk of the (growing, sealed) file holds whole entries: who, seconds since the recording began, size, bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from apps.recordings.engine.sealed import Tampered

FOLDER: Final = "recording"
"""Below MIZU_VAR: what workers have not finished, or nobody has fetched yet."""
ENDING: Final = ".rtp"
NOTE, CALLER, CALLED = 0, 1, 2
_ENTRY: Final = struct.Struct("!BdH")
_LARGEST: Final = 0xFFFF


class Entry(NamedTuple):
    """`who`: NOTE, CALLER or CALLED; `at`: seconds since the recording began."""

    who: int
    at: float
    data: bytes


def packed(who: int, at: float, data: bytes) -> bytes:
    """An entry as it stands in a chunk."""
    return _ENTRY.pack(who, at, len(data)) + data


def note(at: float, facts: dict[str, Any]) -> bytes:
    """What is known, or known better, from now on."""
    return packed(NOTE, at, json.dumps(facts).encode()[:_LARGEST])


def entries(chunks: Iterable[bytes]) -> Iterator[Entry]:
    """All entries in the order in which they came. Raises Tampered."""
    for chunk in chunks:
        at = 0
        while at < len(chunk):
            try:
                who, moment, size = _ENTRY.unpack_from(chunk, at)
            except struct.error as error:
                raise Tampered(f"an entry cannot be read: {error}") from error
            at += _ENTRY.size + size
            yield Entry(who, moment, chunk[at - size : at])
