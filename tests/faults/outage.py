"""Ways in which a server is away for a while: stopped, so that it refuses, or frozen, so that it hangs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.instance import Instance
from tests.support import wait_for


@contextmanager
def database_stopped(instance: Instance) -> Iterator[None]:
    """PostgreSQL has shut down and cannot start, until the end of the block; then wait until it is back.

    The supervisor tries it again after 0.1, 0.4, 1.3, 4 and 12 seconds.
    """
    configuration = instance.var / "postgres" / "postgresql.conf"
    hidden = configuration.with_suffix(".hidden")
    configuration.rename(hidden)
    try:
        instance.kill("postgres", signal.SIGINT)
        yield
    finally:
        hidden.rename(configuration)
    instance.wait_ready(80)


def database_is_away(instance: Instance) -> bool:
    return instance.processes()["postgres"]["state"] != "ready"


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """These processes do nothing until the end of the block, but their sockets still take what is sent."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def database_processes(instance: Instance) -> list[int]:
    """The postmaster, then its children."""
    postmaster = instance.pid("postgres")
    children = [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _parent(folder) == postmaster]
    return [postmaster, *children]


def _parent(folder: Path) -> int:
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def journalled(instance: Instance, kind: str) -> int:
    """How many lines of that kind wait in the journals of the workers."""
    texts = (path.read_text() for path in (instance.var / "spool").glob("*/*.log"))
    return sum(text.count(f'"k":"{kind}"') for text in texts)


def wait_away(instance: Instance) -> None:
    """Until every worker has noticed that balances cannot be asked for."""
    wait_for(
        lambda: not any(map(instance.can_charge, instance.workers())), 10, "the workers to miss the database"
    )
