"""200 calls at once on one prepaid account over two workers, until the money is gone (10 minutes of it: tests/bench)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.balance import run_dry
from tests.faults.conftest import System
from tests.faults.house import set_setting

pytestmark = [pytest.mark.flow, pytest.mark.fault, pytest.mark.timeout(120)]


@pytest.fixture
def small_slices(system: System) -> Iterator[System]:
    yield system
    set_setting(system.instance, hold_seconds=60, hold_extend_before=15)


@pytest.mark.req("limits-052")
def test_200_calls_on_one_balance_never_spend_what_is_not_there(small_slices: System) -> None:
    print(run_dry(small_slices, calls=200, seconds=15, hold=5, before=2))
