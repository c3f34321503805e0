"""`mizu test`: pytest with a PostgreSQL and a Redis that live only as long as it does; the whole suite in lanes."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from mizu_site.run import control, migrated, postgres, redis
from mizu_site.run.child import served
from mizu_site.run.place import ROOT, Place

PATIENCE = 30.0
MEMORY, DISK = Path("/dev/shm"), Path("/tmp")  # noqa: S108
ROOM = 4 << 30
"""Bytes that have to be free in memory: several times what the whole suite fills of it at a time."""
LANES = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
"""One more than a small machine has cores: much of what lanes do is to wait."""
SAYING = ("-q", "-v", "-r", "--durations", "--requirements", "--tb", "-x", "--maxfail", "--randomly")
"""Options after which everything is still to be run, and nobody wants to watch a single process doing it."""


def main(words: list[str]) -> int:
    with throw_away_stores(
        os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL"), quickest_ground()
    ) as stores:
        command = [sys.executable, "-m", "pytest", f"--basetemp={_short(stores)}", *lanes(words), *words]
        with subprocess.Popen(command, cwd=ROOT, env=os.environ | stores) as pytest:
            while True:
                try:
                    return pytest.wait()
                except KeyboardInterrupt:  # it has got it too, and is tidying up
                    continue


def _short(stores: Mapping[str, str]) -> Path:
    """Where tests have their folders. baresip keeps no path of more than 127 characters, and says nothing when it is longer."""
    return Path(stores["TMPDIR"]).with_name("p")


def lanes(words: list[str]) -> list[str]:
    """Options that split the tests between processes (tests/lanes.py): a few files are quicker in one."""
    return LANES if all(word.startswith(SAYING) for word in words) else []


@contextlib.contextmanager
def throw_away_stores(
    database_url: str | None, redis_url: str | None, ground: Path = DISK
) -> Iterator[dict[str, str]]:
    """The environment for tests: own servers where no URL names another, a state directory and one for scratch files."""
    folder = Path(tempfile.mkdtemp(prefix="mizu-t", dir=ground))
    folder.chmod(0o711)  # PostgreSQL's user has to pass
    scratch = folder / "t"
    scratch.mkdir()
    scratch.chmod(0o1777)
    given = {"DATABASE_URL": database_url or "", "REDIS_URL": redis_url or ""}
    place = Place.read(os.environ | {"MIZU_VAR": str(folder / "var")} | given)
    place.run.mkdir(parents=True)
    postgres.make_socket_folder(place.sockets)
    try:
        with contextlib.ExitStack() as stack:
            if place.private_redis:
                words = redis.command(place.redis_socket, folder)
                stack.enter_context(
                    served(words, lambda: redis.answers(place.redis_socket), folder / "redis.log")
                )
            if place.private_postgres:
                migrated.copy(folder / "postgres")
                cluster = postgres.Cluster(folder / "postgres", place.sockets, durable=False)
                stack.enter_context(served(cluster.command(), cluster.answers, folder / "postgres.log"))
            yield place.environment() | {
                "MIZU_SECRET_KEY": secrets.token_urlsafe(32),
                "MIZU_TEST_TEMPLATE": postgres.NAME if place.private_postgres else "",
                "TMPDIR": str(scratch),
            }
    finally:
        _end_instances(place.var)
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def quickest_ground() -> Path:
    """In memory if there is room: tests sync files to disk, and start databases, by the hundred."""
    with contextlib.suppress(OSError):
        kept = os.statvfs(MEMORY)
        free = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
        runs = not kept.f_flag & os.ST_NOEXEC
        if runs and free and min(kept.f_bavail * kept.f_frsize, int(free[1]) * 1024 // 2) >= ROOM:
            return MEMORY
    return DISK


def _end_instances(folder: Path) -> None:
    """Tests that were interrupted may have left instances in this folder, which nobody else would stop."""
    places = [Place.read({"MIZU_VAR": str(lock.parent.parent)}) for lock in folder.glob("*/run/lock")]
    deadline = time.monotonic() + PATIENCE
    while running := [pid for one in places if (pid := control.supervisor_pid(one))]:
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            return
        time.sleep(0.1)
