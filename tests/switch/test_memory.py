"""When a worker's garbage collector runs."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from switch.memory import IDLE_SECONDS, ROOM_KILOBYTES, Collector


class Ring:
    def __init__(self) -> None:
        self.me = self


class Machine:
    """A clock and a memory that the test moves by hand."""

    def __init__(self) -> None:
        self.now, self.kilobytes = 1000.0, 100_000
        self.collector = Collector(lambda: self.now, lambda: self.kilobytes)


@pytest.fixture
def machine() -> Iterator[Machine]:
    yield Machine()
    gc.enable()
    gc.unfreeze()


def test_python_never_collects_by_itself(machine: Machine) -> None:
    assert not gc.isenabled()


def test_nothing_is_collected_while_calls_are_up_and_memory_stays(machine: Machine) -> None:
    left = weakref.ref(Ring())
    machine.now += 100 * IDLE_SECONDS
    machine.kilobytes += ROOM_KILOBYTES - 1
    assert not machine.collector.look(idle=False)
    assert left() is not None


def test_rings_go_when_no_call_is_up(machine: Machine) -> None:
    left = weakref.ref(Ring())
    machine.now += IDLE_SECONDS - 1
    assert not machine.collector.look(idle=True)
    machine.now += 1
    assert machine.collector.look(idle=True)
    assert left() is None


def test_rings_go_when_memory_has_grown_too_much_whatever_is_up(machine: Machine) -> None:
    left = weakref.ref(Ring())
    machine.kilobytes += ROOM_KILOBYTES
    assert machine.collector.look(idle=False)
    assert left() is None
    machine.kilobytes += ROOM_KILOBYTES
    assert not machine.collector.look(idle=False), "it has not doubled since"
