"""In which order files are played, whatever the random order within says. A file stays together: lanes are dealt files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SLOW = ("flows", "interop", "faults", "site", "browser")
"""Folders whose files take long: early, so that the lanes end together. Who kills what the first two share comes after them."""
MIXED = 0.6
"""The part of the quick files that is played among them."""
ROLLED_BACK, FLUSHED, COMMITTED = range(3)
"""What a file leaves in the test database: nothing, empty tables, or what later tests that count would find."""


def put_in_order(items: list[pytest.Item]) -> None:
    """1. The slow folders, in their order, among files that leave nothing behind. 2. Who uses the test database, as pytest-django would have it. 3. Who wants to be alone."""
    files: defaultdict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.path].append(item)
    turns = {path: _turn(path, found) for path, found in files.items()}
    ordered = sorted(files, key=turns.__getitem__)  # of the same turn: as they came, by chance
    slow = [path for path in ordered if turns[path] < (False, len(SLOW), 0)]
    quick = [path for path in ordered if turns[path] == (False, len(SLOW), ROLLED_BACK)]
    ordered[: len(slow) + len(quick)] = _among(slow, quick)
    places = {path: place for place, path in enumerate(ordered)}
    items.sort(key=lambda item: places[item.path])


def _among(slow: list[Path], quick: list[Path]) -> Iterator[Path]:
    """Some mostly wait and the others mostly compute: so a lane seldom waits while all others do. The slow ones come to an end earlier."""
    done = 0
    for place, path in enumerate(slow):
        yield path
        until = int(MIXED * len(quick) * (place + 1) / len(slow))
        yield from quick[done:until]
        done = until
    yield from quick[done:]


def _turn(path: Path, items: Iterable[pytest.Item]) -> tuple[bool, int, int]:
    alone = any(item.get_closest_marker("alone") for item in items)
    folder, left = path.relative_to(HERE).parts[0], _left_behind(items)
    if folder in SLOW and not (left == FLUSHED or _commits(items)):
        return alone, SLOW.index(folder), 0
    return alone, len(SLOW), left


def _left_behind(items: Iterable[pytest.Item]) -> int:
    if any(map(_flushes, items)):
        return FLUSHED
    return ROLLED_BACK if any(item.get_closest_marker("django_db") for item in items) else COMMITTED


def _flushes(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("django_db")
    asked = {"transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(asked or (mark and mark.kwargs.get("transaction")))


def _commits(items: Iterable[pytest.Item]) -> bool:
    """Processes of theirs use the test database, and keep what they write."""
    unmarked = (item for item in items if not item.get_closest_marker("django_db"))
    return any("django_db_setup" in getattr(item, "fixturenames", ()) for item in unmarked)
