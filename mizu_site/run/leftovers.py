"""Processes of an instance whose supervisor was killed: they were told to end; what has not, is ended here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from mizu_site.run.place import Place

PATIENCE = 10.0


def clear(place: Place) -> None:
    """Wait for the processes of an earlier life of this instance, then kill those that still run.

    Called with the instance's lock in hand, so nobody else can be running it. PostgreSQL is not among them: its
    process hides its environment, and it has to be waited for (`Cluster.wait_for_predecessor`).
    """
    deadline = time.monotonic() + PATIENCE
    while pids := list(_processes(place)):
        if time.monotonic() > deadline:
            for pid in pids:
                _kill(pid)
        time.sleep(0.05)


def _processes(place: Place) -> Iterator[int]:
    """Children of the supervisor carry this mark in their environment; who runs `mizu manage` does not."""
    wanted = f"MIZU_SUPERVISED={place.var}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = wanted in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if marked and not _is_zombie(folder):
            yield int(folder.name)


def _is_zombie(folder: Path) -> bool:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
