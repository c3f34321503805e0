"""The same running instance as the flow tests, with the software of others around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import lanes
from tests.flows.conftest import books, folder, house
from tests.flows.house import House
from tests.interop.asterisk import Asterisk, begin, root_folder
from tests.interop.linphone import Linphone

__all__ = ["books", "folder", "house"]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Asterisk is installed while the lanes play other things."""
    if lanes.NAME == "gw0" and any(item.path.name == "test_asterisk.py" for item in session.items):
        begin()


@pytest.fixture
def linphone(house: House, tmp_path: Path) -> Iterator[Callable[..., Linphone]]:
    """Makes registered linphones: `linphone("1001", tone=440)`."""
    with ExitStack() as stack:

        def made(user: str, **how: Any) -> Linphone:
            phone = Linphone(tmp_path, how.pop("port", house.sip), user, house.passwords[user], **how)
            return stack.enter_context(phone)

        yield made


@pytest.fixture(scope="module")
def asterisk(house: House) -> Iterator[Asterisk]:
    """An Asterisk that listens where the cheapest carrier of the demo data is expected."""
    with Asterisk(root_folder(), port=house.port("carrier-budget"), switch=house.sip) as running:
        yield running
