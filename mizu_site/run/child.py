"""How a process is started here so that it cannot outlive the one that started it."""

from __future__ import annotations

import os
import pwd
import shutil
from functools import cache

DATABASE_USER = "postgres"


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
