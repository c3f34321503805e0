"""How a process is started here so that it cannot outlive the one that started it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from mizu_site.run.place import Fault

DATABASE_USER = "postgres"
PATIENCE = 30.0
"""Seconds that a server has for its first answer, and for its end."""


def tied(words: list[str], *, signal: str = "TERM", user: str | None = None) -> list[str]:
    """The command line that gets `signal` when its starter dies, even by kill -9; as another user if we are root.

    A wrapper, because running Python between fork and exec is not safe in a process with threads.
    """
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    identity = ["--reuid", user, "--regid", user, "--init-groups"] if user else []
    return [setpriv, "--pdeathsig", signal, *identity, *words]


@cache
def database_user() -> str | None:
    """PostgreSQL refuses to run as root: then it is Debian's own user. None: the one we are."""
    return DATABASE_USER if os.geteuid() == 0 else None


def database_user_id() -> int:
    user = database_user()
    return pwd.getpwnam(user).pw_uid if user else os.geteuid()


def give_to_database_user(path: os.PathLike[str]) -> None:
    if user := database_user():
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


@contextmanager
def served(words: list[str], answers: Callable[[], bool], log: Path) -> Iterator[None]:
    """A server, from its first answer until the end of the block; it stops by SIGINT. Raises `Fault`."""
    with log.open("w") as output:
        server = subprocess.Popen(
            words, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers():
            if server.poll() is not None or time.monotonic() > deadline:
                raise Fault(f"{words[-1]} does not serve the tests:\n{log.read_text()}")
            time.sleep(0.02)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE)
