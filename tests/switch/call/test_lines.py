"""Calls at once, apart for peak and off-peak time."""

from __future__ import annotations

from pathlib import Path

import pytest

from switch.call import causes
from switch.call.model import Decision, Rejection
from switch.call.pipeline import decide
from tests.switch.worlds import NOW, Office, Usage, request

DAY, HOUR = 86_400, 3600
MONDAY = NOW - NOW % DAY
SATURDAY = MONDAY + 5 * DAY
NOON, MORNING, EVENING = 12 * HOUR, 9 * HOUR, 19 * HOUR


class Shop(Office):
    """A subscriber with three lines in peak time, below a reseller."""

    def __init__(self, offpeak: int = -1, *, zone: str = "UTC") -> None:
        super().__init__()
        self.reseller = self.account("shop", "reseller", zone=zone)
        self.ada = self.phone("ada", above=self.reseller, max_calls=3, zone=zone)
        self.rows["accounts"][-1] += [0, offpeak]
        self.tariff("retail", {"": 1000}, to=self.reseller)
        self.tariff("reseller", {"": 900}, to=self.reseller)
        self.rule("all", self.carrier("one", {"": 1}))

    def lines(self, folder: Path, at: float) -> int:
        """How many calls may be up before the next is refused; 99: any number."""
        world = self.world(folder)
        caller = world.account(self.ada)
        assert caller is not None
        for up in (*range(12), 99):
            found = decide(request("3620"), caller, world, at, Usage(up={self.ada: up}))
            if isinstance(found, Rejection):
                assert found.cause is causes.LIMIT_CALLS
                return up
            assert isinstance(found, Decision)
        return 99


@pytest.mark.req("limits-005", "limits-051")
@pytest.mark.parametrize(
    ("at", "peak"),
    [(NOON, True), (MORNING, True), (MORNING - 1, False), (EVENING - 1, True), (EVENING, False), (0, False)],
)
def test_in_peak_time_there_are_other_lines_than_off_peak(tmp_path: Path, at: int, peak: bool) -> None:
    assert Shop(8).lines(tmp_path, MONDAY + at) == (3 if peak else 8)


@pytest.mark.req("limits-005")
def test_a_weekend_is_off_peak_unless_it_has_a_peak_too(tmp_path: Path) -> None:
    shop = Shop(8)
    assert shop.lines(tmp_path / "a", SATURDAY + NOON) == 8
    shop.settings["weekendispeak"] = True
    assert shop.lines(tmp_path / "b", SATURDAY + NOON) == 3


def test_the_accounts_own_clock_tells_the_peak(tmp_path: Path) -> None:
    shop = Shop(8, zone="Asia/Tokyo")  # nine hours ahead
    assert shop.lines(tmp_path / "a", MONDAY + NOON) == 8
    assert shop.lines(tmp_path / "b", MONDAY + 1 * HOUR) == 3


@pytest.mark.parametrize(("offpeak", "lines"), [(-1, 3), (0, 99), (1, 1)])
def test_off_peak_there_may_be_as_many_any_number_or_fewer(tmp_path: Path, offpeak: int, lines: int) -> None:
    assert Shop(offpeak).lines(tmp_path, MONDAY) == lines


def test_the_lines_of_who_stands_above_change_with_the_hour_too(tmp_path: Path) -> None:
    shop = Shop(0)
    shop.rows["accounts"][0][11] = 2
    shop.rows["accounts"][0] += [0, 5]
    world = shop.world(tmp_path)
    caller = world.account(shop.ada)
    assert caller is not None
    for at, most in ((MONDAY + NOON, 2), (MONDAY, 5)):
        usage = Usage(up={shop.reseller: most})
        assert isinstance(decide(request("3620"), caller, world, at, usage), Rejection)
        usage = Usage(up={shop.reseller: most - 1})
        assert isinstance(decide(request("3620"), caller, world, at, usage), Decision)
