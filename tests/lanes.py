"""Lanes: the whole suite is played by several pytest processes at once, because much of it waits for timers and processes.

pytest-xdist deals the files out (`mizu_site/run/testing.py` says when). Each lane has a PostgreSQL, a Redis, a state
directory, a running instance and ports of its own, so that no test can meet one of another lane. This is a plugin
that pytest loads before any other: Django reads the addresses of the stores once.

A test that measures the machine is marked `alone`: while it runs the other lanes pause between two tests.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from mizu_site.run.testing import quickest_ground, throw_away_stores

NAME = os.environ.get("PYTEST_XDIST_WORKER", "")
LANE = int(NAME.removeprefix("gw") or 0)
LANES = max(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), LANE + 1)

SESSION = Path(os.environ.get("MIZU_VAR") or tempfile.gettempdir())
"""What all lanes share."""

_stores = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """The first lane has the stores that were started for the session."""
    if LANE:
        os.environ.update(_stores.enter_context(throw_away_stores(None, None, quickest_ground())))
    return (yield)


def pytest_unconfigure() -> None:
    _stores.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before pytest-timeout looks at its watch
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if not NAME:
        return (yield)
    with _turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def _turn(*, alone: bool) -> Iterator[None]:
    """Several lanes may be in the room, or one alone. All pass one door, so that nobody overtakes who waits to be alone."""
    with ExitStack() as inside:
        with _locked("door", fcntl.LOCK_EX):
            inside.enter_context(_locked("room", fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        yield


@contextmanager
def _locked(name: str, how: int) -> Iterator[None]:
    with (SESSION / f"lanes-{name}").open("w") as file:
        fcntl.flock(file, how)
        yield
