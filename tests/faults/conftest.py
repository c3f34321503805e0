"""One whole instance for all tests of faults, with accounts that pay and a carrier that answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults import house, traffic
from tests.faults.house import Books
from tests.faults.wire import Peer
from tests.instance import Instance
from tests.support import wait_for
from tests.switch.call.conftest import House, opened

CHEAPEST = 20
"""The port of the demo's cheapest carrier above the switch's own."""
PATIENCE = 90
"""Seconds: who was killed many times waits for 30 before it is started again."""
SETTLED = 5
"""Seconds that the writer may take for the records of calls that have ended."""


@dataclass(frozen=True, slots=True)
class System:
    """A running instance, its accounts, and where SIPp may write."""

    instance: Instance
    books: Books
    folder: Path

    @property
    def carrier_port(self) -> int:
        return self.instance.sip_port + CHEAPEST

    def carrier(self, **how: object) -> traffic.Sipp:
        """The cheapest carrier, answering."""
        return traffic.carrier(self.folder, self.carrier_port, **how)  # type: ignore[arg-type]

    def calls(self, prefix: str = house.TWO_PAYERS, **how: object) -> traffic.Sipp:
        """Calls of one of the prepaid trunks."""
        return traffic.caller(self.folder, self.instance.sip_port, prefix + house.NUMBER, **how)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def whole(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> System:
    """The instance of the session with the accounts of these tests."""
    books = Books(instance, house.made(instance))
    instance.catch_up()
    return System(instance, books, tmp_path_factory.mktemp("sipp"))


@pytest.fixture
def system(whole: System) -> Iterator[System]:
    """Everything runs and no call is up, whatever an earlier test has killed or left when it failed."""
    if whole.instance.supervisor_pid() is None:
        whole.instance.start()
    whole.instance.wait_ready(PATIENCE)
    if not _settled(whole.books):
        for worker in whole.instance.workers():
            whole.instance.kill(worker)
        wait_for(lambda: not whole.books.held(), 40, "the writer to end the calls of killed workers")
        whole.instance.wait_ready(PATIENCE)
    yield whole


def _settled(books: Books) -> bool:
    """Whether the writer lets go of everything by itself, as it does a moment after the last call of a test that went well."""
    try:
        wait_for(lambda: not books.held(), SETTLED, "the end of all holds")
    except AssertionError:
        return False
    return True


@pytest.fixture(scope="module")
def worker(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    """One worker process with an office in memory; at its end nothing may have failed inside."""
    with opened(django_db_blocker) as found:
        yield found


@pytest.fixture
def stranger(worker: House) -> Iterator[Peer]:
    """Somebody without an account at that worker, from a port of its own: what comes there answers nothing else."""
    with Peer(worker.switch.port) as peer:
        yield peer
