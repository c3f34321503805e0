"""Reading a worker's journal while it is being written, and afterwards.

Segments are read in order, each to its end before the next. What was read is remembered until it is settled:
a segment is deleted when nothing in it is needed any more, so a writer that is started anew just reads what is
there again.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.core.compact import decoded
from switch.charging.record import Line, lost, merged, moment_of

log = logging.getLogger(__name__)

CHUNK = 1 << 18


@dataclass(slots=True)
class Segment:
    """One file: how far it was read, and the calls that it is still needed for."""

    number: int
    offset: int = 0
    finished: bool = False
    calls: set[str] = field(default_factory=set)


@dataclass(slots=True, frozen=True)
class Ended:
    """A record that can be settled, and where it comes from."""

    journal: Journal
    record: dict[str, Any]


class Journal:
    """All segments of one worker's boot. `read` hands out what has ended, `settled` takes it back as done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.label = folder.name
        self.up: dict[str, Line] = {}
        self.last_sign = 0.0
        self.dead = False
        self._segments: list[Segment] = []
        self._where: dict[str, list[Segment]] = {}  # call → segments with lines of it
        self._waiting: set[str] = set()  # handed out, not settled yet
        self._last = 0  # number of the segment that was opened last
        self._file = -1
        self._rest = b""
        self._lock = -1

    def read(self, limit: int) -> list[Ended]:
        """Up to about `limit` records that have ended since the last time; a chunk of the file is read whole."""
        found: list[Ended] = []
        while len(found) < limit:
            segment = self._current()
            if segment is None:
                break
            data = os.read(self._file, CHUNK)
            if not data:
                if self._following(segment.number) is None:
                    break
                data = os.read(
                    self._file, CHUNK
                )  # what came before the next segment did; now it grows no more
            if data:
                found += self._lines(segment, data)
            else:
                self._leave(segment)
        return found

    def settled(self, call_ids: list[str]) -> None:
        """These records are in the database (or rejected for good)."""
        for call in call_ids:
            self._waiting.discard(call)
            for segment in self._where.pop(call, ()):
                segment.calls.discard(call)

    def tidy(self) -> None:
        """Delete the segments that nothing is needed of, oldest first, never the one being written."""
        for segment in [s for s in self._segments if s.finished and not s.calls]:
            self._path(segment.number).unlink(missing_ok=True)
            self._segments.remove(segment)

    def is_dead(self) -> bool:
        """Whether the worker is gone. Once it is, its lock is ours, until `remove`."""
        if self.dead:
            return True
        try:
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1
            return False
        self.dead = True
        return True

    def left_over(self) -> list[Ended]:
        """Of a dead worker, after everything was read: its answered calls that never ended."""
        records = [lost(up, self.last_sign) for up in self.up.values()]
        self.up.clear()
        self._waiting |= {record["id"] for record in records}
        return [Ended(self, self._labelled(record)) for record in records]

    @property
    def idle(self) -> bool:
        """Nothing of it waits for the database, and no call of it is up."""
        return not self._waiting and not self.up

    def remove(self) -> None:
        """The worker is dead and all of it is settled."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        for handle in (self._file, self._lock):
            if handle >= 0:
                os.close(handle)
        self._file = self._lock = -1

    def _current(self) -> Segment | None:
        """The segment that is being read, opened; the next one if that is finished."""
        if self._file >= 0:
            return self._segments[-1]
        number = self._following(self._last)
        if number is None:
            return None
        self._file = os.open(self._path(number), os.O_RDONLY)
        self._segments.append(Segment(number))
        self._last = number
        return self._segments[-1]

    def _following(self, number: int) -> int | None:
        """The next segment there is: those between may be settled and deleted already."""
        if self._path(number + 1).exists():
            return number + 1
        there = (int(file.stem) for file in self.folder.glob("*.log") if file.stem.isdigit())
        return min((other for other in there if other > number), default=None)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}.log"

    def _leave(self, segment: Segment) -> None:
        if self._rest:
            log.warning("%s ends in half a line", self._path(segment.number))
        os.close(self._file)
        self._file, self._rest, segment.finished = -1, b"", True

    def _lines(self, segment: Segment, data: bytes) -> list[Ended]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = []
        for text in lines:
            if text:
                try:
                    ended = self._line(segment, decoded(text))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    log.error("%s: a line is no journal line (%s)", self._path(segment.number), error)
                    continue
                if ended is not None:
                    found.append(ended)
        return found

    def _line(self, segment: Segment, line: Line) -> Ended | None:
        self.last_sign = max(self.last_sign, moment_of(line))
        kind = line["k"]
        if kind == "alive":
            return None
        if kind not in {"up", "end", "do"}:
            raise ValueError(f"unknown kind {kind!r}")
        call = str(line["id"])
        segment.calls.add(call)
        self._where.setdefault(call, []).append(segment)
        if kind == "up":
            self.up[call] = merged(self.up.get(call), line)
            return None
        self._waiting.add(call)
        if kind == "do":
            return Ended(self, line)
        return Ended(self, self._labelled(merged(self.up.pop(call, None), line)))

    def _labelled(self, record: Line) -> Line:
        record["worker"] = self.label
        return record
