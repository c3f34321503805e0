"""One running instance for all flow tests. After each module the books must be right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mizu_site.demo.phone import Phone
from tests.flows.house import House
from tests.instance import Instance


@pytest.fixture(scope="session")
def house(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(instance, tmp_path_factory.mktemp("flows"))


@pytest.fixture(scope="module", autouse=True)
def books(house: House) -> Iterator[None]:
    """Every balance is the sum of its entries, every entry belongs to one record, and nothing stays held."""
    yield
    house.instance.manage("check_ledger")
    held = house.instance.sql("select account_id, amount from invoices_hold")
    assert not held, f"holds of calls that are over: {held}"


@pytest.fixture(scope="module")
def ada(house: House) -> Iterator[Phone]:
    """The phone of subscriber 1001, registered."""
    yield from registered(house, "1001", tone=440)


@pytest.fixture(scope="module")
def ben(house: House) -> Iterator[Phone]:
    """The phone of subscriber 1002, registered; it answers by itself."""
    yield from registered(house, "1002", tone=560, answer="auto")


@pytest.fixture(scope="module")
def cleo(house: House) -> Iterator[Phone]:
    """The phone of subscriber 1003, whose reseller pays too."""
    yield from registered(house, "1003", tone=640)


def registered(house: House, user: str, **how: object) -> Iterator[Phone]:
    with house.phone(user, **how) as phone:  # type: ignore[arg-type]
        assert phone.wait("REGISTER_OK"), phone.last_words()
        yield phone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
