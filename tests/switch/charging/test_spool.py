"""A worker's journal: what was appended stays, whatever dies."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from switch.charging.spool import Spool, SpoolFull, label_of, node_name
from tests.support import wait_for
from tests.switch.loop import Loop


def lines(spool_folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(text)
        for file in sorted(spool_folder.glob("*.log"))
        for text in file.read_text().splitlines()
    ]


def run(script: str, folder: Path) -> subprocess.Popen[str]:
    """A worker process of its own that does this with `spool`."""
    opening = "import os, resource, sys\nfrom pathlib import Path\nfrom switch.charging.spool import *\n"
    opening += "spool = Spool(Path(sys.argv[1]), 'n-1-1', segment_bytes=int(1e6))\n"
    return subprocess.Popen(
        [sys.executable, "-c", opening + textwrap.dedent(script), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_lines_are_there_as_soon_as_they_are_appended(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "n-1-1")
    spool.append({"k": "up", "id": "a", "caller_number": "ő\n"})
    spool.alive(12.5)
    assert lines(spool.folder) == [{"k": "up", "id": "a", "caller_number": "ő\n"}, {"k": "alive", "at": 12.5}]
    spool.close()


def test_a_label_names_node_worker_and_boot() -> None:
    assert label_of(2, booted=1.5) == f"{node_name()}-2-1500"
    assert "-" not in node_name()


def test_lines_are_forced_to_the_disk_by_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[tuple[int, int]] = []
    real = os.fdatasync

    def noting(handle: int) -> None:
        real(handle)
        forced.append((threading.get_ident(), os.fstat(handle).st_size))

    monkeypatch.setattr(os, "fdatasync", noting)
    spool = Spool(tmp_path, "n-1-1")
    for number in range(50):
        spool.append({"k": "alive", "at": number})
    size = (spool.folder / "00000001.log").stat().st_size
    wait_for(lambda: forced and forced[-1][1] == size, 2, "the lines to be on the disk")
    assert {thread for thread, _ in forced} != {threading.get_ident()}
    assert len(forced) < 50, "the lines were not forced together"
    spool.close()


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "n-1-1", segment_bytes=100)
    for number in range(20):
        spool.append({"k": "alive", "at": number})
    spool.close()
    assert len(list(spool.folder.glob("*.log"))) > 3
    assert [line["at"] for line in lines(spool.folder)] == list(range(20))


def test_the_lock_is_held_as_long_as_the_worker_lives(tmp_path: Path) -> None:
    worker = run("print('up', flush=True); sys.stdin.read()", tmp_path)
    assert worker.stdout and worker.stdout.readline() == "up\n"
    lock = os.open(tmp_path / "n-1-1" / "lock", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)


@pytest.mark.fault
def test_a_killed_worker_leaves_every_line(tmp_path: Path) -> None:
    worker = run(
        "for i in range(1000): spool.append({'k': 'alive', 'at': i})\nprint('up', flush=True); sys.stdin.read()",
        tmp_path,
    )
    assert worker.stdout and worker.stdout.readline() == "up\n"
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    assert [line["at"] for line in lines(tmp_path / "n-1-1")] == list(range(1000))


@pytest.mark.fault
def test_a_full_disk_is_told_and_leaves_whole_lines_only(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk's: the write fails in the middle of a line."""
    worker = run(
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 2000))
        written = 0
        try:
            for i in range(1000):
                spool.append({"k": "alive", "at": i})
                written += 1
        except SpoolFull as error:
            print(written, spool.healthy, flush=True)
        try:
            spool.append({"k": "end", "id": "a"})
        except SpoolFull:
            pass
        spool.alive(1)
        print(spool.healthy)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        spool.append({"k": "alive", "at": 99999})
        print(spool.healthy)
        spool.close()
        """,
        tmp_path,
    )
    printed, _ = worker.communicate(timeout=20)
    written, *states = printed.split()
    assert states == ["False", "False", "True"]
    assert int(written) > 30
    *before, end, last = lines(tmp_path / "n-1-1")
    assert [line["at"] for line in before] == list(range(int(written)))
    assert end == {"k": "end", "id": "a"}, "the end of a call is written when there is room again"
    assert last["at"] == 99999


def test_a_worker_that_cannot_write_says_so_by_the_second(tmp_path: Path) -> None:
    loop = Loop()
    spool = Spool(tmp_path, "n-1-1")
    call = spool.keep_alive(loop.reactor, now=lambda: 7.0)
    loop.until(lambda: len(lines(spool.folder)) >= 2, "two signs of life")
    assert lines(spool.folder)[:2] == [{"k": "alive", "at": 7.0}] * 2
    call.stop()
    loop.close()
    spool.close()


def test_a_line_that_cannot_be_written_raises(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "n-1-1", segment_bytes=10)
    spool.append({"k": "alive", "at": 1})
    for file in spool.folder.glob("*"):
        file.unlink()
    spool.folder.rmdir()
    with pytest.raises(SpoolFull):
        spool.append({"k": "alive", "at": 2})
    assert not spool.healthy
