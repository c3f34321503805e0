"""`mizu down`, `mizu status`, `mizu logs`: what one asks of an instance that runs."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from mizu_site.run.logs import ALL
from mizu_site.run.place import Fault, Place

STOP_SECONDS = 120.0
TAIL = 60


class Row(TypedDict):
    """What the supervisor writes about one process."""

    pid: int
    since: float
    restarts: int
    state: str


def supervisor_pid(place: Place) -> int | None:
    """Who runs this instance; None when nobody holds its lock."""
    try:
        handle = os.open(place.run / "lock", os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(handle, 20) or 0) or None
    else:
        return None
    finally:
        os.close(handle)


def down(words: list[str]) -> int:
    argparse.ArgumentParser(prog="mizu down", description="Stop Mizu and wait until it is gone.").parse_args(
        words
    )
    place = Place.read()
    pid = supervisor_pid(place)
    if not pid:
        print(f"Mizu does not run on {place.var}.")
        return 0
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        raise Fault(f"Mizu (process {pid}) was started by another user, who has to stop it.") from None
    deadline = time.monotonic() + STOP_SECONDS
    while supervisor_pid(place) == pid:
        if time.monotonic() > deadline:
            raise Fault(
                f"Mizu (process {pid}) did not stop within {STOP_SECONDS:.0f} seconds: see ./mizu logs."
            )
        time.sleep(0.05)
    print("Mizu has stopped.")
    return 0


def status(words: list[str]) -> int:
    argparse.ArgumentParser(
        prog="mizu status", description="What runs, since when. Fails unless all of it does."
    ).parse_args(words)
    place = Place.read()
    pid = supervisor_pid(place)
    if not pid:
        print(f"Mizu does not run on {place.var}.")
        return 1
    table = processes(place)
    print(f"Mizu on {place.var}, supervised by process {pid}, {place.url}\n")
    print(f"{'process':12} {'state':9} {'pid':>8}  {'up since (UTC)':20} {'restarts':>8}")
    for name, row in table.items():
        since = datetime.fromtimestamp(row["since"], UTC).strftime("%Y-%m-%d %H:%M:%S") if row["pid"] else "-"
        print(f"{name:12} {row['state']:9} {row['pid'] or '-':>8}  {since:20} {row['restarts']:>8}")
    return 0 if table and all(row["state"] == "ready" for row in table.values()) else 1


def processes(place: Place) -> dict[str, Row]:
    """Name → what the supervisor last wrote about it; empty when it has written nothing yet."""
    try:
        table: dict[str, Row] = json.loads((place.run / "processes.json").read_text())
    except OSError:
        return {}
    return table


def logs(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="mizu logs", description="What the processes have printed.")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as more comes, until Ctrl-C")
    parser.add_argument(
        "name", nargs="?", default=ALL, help="one process, such as web or worker-1 (default: all)"
    )
    options = parser.parse_args(words)
    folder = Place.read().log
    file = folder / f"{options.name}.log"
    if not file.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.log"))) or "none yet"
        raise Fault(f"There is no log of {options.name}; there are: {known}.")
    with file.open(errors="replace") as stream:
        sys.stdout.writelines(deque(stream, TAIL))
    if options.follow:
        for piece in _follow(file):
            sys.stdout.write(piece)
            sys.stdout.flush()
    return 0


def _follow(file: Path) -> Iterator[str]:
    """What is added to the file, also after it was rotated away and begun anew."""
    stream = file.open(errors="replace")
    stream.seek(0, os.SEEK_END)
    while True:
        if piece := stream.read():
            yield piece
        elif file.exists() and os.fstat(stream.fileno()).st_ino != file.stat().st_ino:
            stream.close()
            stream = file.open(errors="replace")
        else:
            time.sleep(0.2)
