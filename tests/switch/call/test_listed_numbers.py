"""Calls to numbers that lists or their kind stop, for the caller and for single carriers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from switch.call import causes
from switch.call.model import Decision, Rejection
from switch.call.pipeline import decide
from tests.switch.worlds import NOW, Office, Usage, request

GOOD, BAD = "36301234567", "36309999999"


class House(Office):
    """A subscriber below a reseller, who may call anywhere by two carriers."""

    def __init__(self) -> None:
        super().__init__()
        self.screening = {"black": [], "white": [], "automatic": []}
        self.reseller = self.account("partner", "reseller")
        self.ann = self.phone("1001", above=self.reseller)
        self.bob = self.phone("1002", number="3619998888")
        self.tariff("retail", {"": 100_000}, to=self.bob)
        self.tariff("retail", {"": 100_000}, to=self.ann)
        self.tariff("reseller", {"": 90_000}, to=self.reseller)
        self.cheap = self.carrier("cheap", {"": 10_000})
        self.dear = self.carrier("dear", {"": 20_000})
        self.rule("all", self.cheap, self.dear)

    def own(self, account: int, key: str, value: Any) -> None:
        self.rows["overrides"].append([account, key, value])

    def call(self, folder: Path, called: str, by: int | None = None) -> Decision | Rejection:
        world = self.world(folder)
        caller = world.account(by or self.ann)
        assert caller is not None
        return decide(request(called), caller, world, NOW, Usage())


def cause(result: Decision | Rejection) -> str:
    return result.cause.name if isinstance(result, Rejection) else ""


def ways(result: Decision | Rejection) -> list[str]:
    assert isinstance(result, Decision), result
    return [target.account.username for target in result.targets]


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.req("limits-010", "security-093")
def test_an_entry_of_an_account_stops_its_calls_and_those_below_it_and_nobody_elses(
    house: House, tmp_path: Path
) -> None:
    house.screening["black"] += [["3630999", house.reseller, 6, 0]]
    assert cause(house.call(tmp_path, BAD)) == causes.NUMBER_BLOCKED.name
    assert cause(house.call(tmp_path, GOOD)) == ""
    assert cause(house.call(tmp_path, BAD, house.bob)) == ""


@pytest.mark.req("limits-011", "routing-007")
@pytest.mark.parametrize(
    ("numfiltering", "entries", "stopped"),
    [
        ("auto", True, True),
        ("yes", True, True),
        ("no", True, False),
        ("auto", False, False),
        ("yes", False, False),
    ],
)
def test_numfiltering_turns_the_blacklist_on_and_off(
    house: House, tmp_path: Path, numfiltering: str, entries: bool, stopped: bool
) -> None:
    house.settings["numfiltering"] = numfiltering
    house.screening["black"] += [[BAD, 0, 6, 0]] if entries else []
    assert bool(cause(house.call(tmp_path, BAD))) is stopped


@pytest.mark.req("limits-013")
@pytest.mark.parametrize(("checked", "stopped"), [("auto", False), ("yes", False), ("no", True)])
def test_checkknownnumbers_turns_the_whitelist_on_and_off(
    house: House, tmp_path: Path, checked: str, stopped: bool
) -> None:
    house.settings |= {"checkknownnumbers": checked, "filtering": "listed"}
    house.screening["black"] += [["3630", 0, 3, 0]]
    house.screening["white"] += [[BAD, 0, 3, 0]]
    assert bool(cause(house.call(tmp_path, BAD))) is stopped
    assert cause(house.call(tmp_path, GOOD)) == causes.NUMBER_BLOCKED.name


@pytest.mark.req("limits-010", "limits-014", "routing-040")
def test_a_carrier_that_filters_is_passed_over_and_the_call_goes_by_another(
    house: House, tmp_path: Path
) -> None:
    house.own(house.cheap, "filtering", "probable")
    house.screening["black"] += [[BAD, 0, 2, 0], [GOOD, 0, 1, 0]]
    refused = house.call(tmp_path, BAD)
    assert ways(refused) == ["dear"]
    assert isinstance(refused, Decision) and any(
        "cheap" in one and "blacklist" in one for one in refused.trace
    )
    assert ways(house.call(tmp_path, GOOD)) == ["cheap", "dear"]


def test_what_statistics_found_counts_like_what_an_operator_wrote(house: House, tmp_path: Path) -> None:
    house.settings["filtering"] = "probable"
    house.screening["automatic"] += [[BAD, 0, 2, NOW + 10]]
    assert cause(house.call(tmp_path, BAD)) == causes.NUMBER_BLOCKED.name
    house.screening["automatic"] = [[BAD, 0, 2, NOW - 10]]
    assert cause(house.call(tmp_path, BAD)) == ""


@pytest.mark.req("fraud-017", "fraud-023", "security-092")
@pytest.mark.parametrize(
    ("called", "key", "name"),
    [
        ("8816123456", "blocksatellitecalls", "satellite_number"),
        ("3690123456", "blockpremiumnumbers", "premium_number"),
    ],
)
def test_satellites_and_premium_numbers_are_blocked_unless_the_setting_or_the_whitelist_lets_them(
    house: House, tmp_path: Path, called: str, key: str, name: str
) -> None:
    assert cause(house.call(tmp_path, called)) == name
    house.own(house.bob, key, False)
    assert cause(house.call(tmp_path, called, house.bob)) == ""
    assert cause(house.call(tmp_path, called)) == name
    house.screening["white"] += [[called[:4], house.ann, 0, 0]]
    assert cause(house.call(tmp_path, called)) == ""


@pytest.mark.req("fraud-018")
def test_a_number_of_ours_may_be_blocked_too_and_names_and_codes_are_not_asked(
    house: House, tmp_path: Path
) -> None:
    house.screening["black"] += [["3619998888", 0, 6, 0]]
    assert cause(house.call(tmp_path, "+3619998888")) == causes.NUMBER_BLOCKED.name
    assert cause(house.call(tmp_path, "1002")) == ""


@pytest.mark.req("limits-066")
def test_a_number_that_is_too_long_is_refused(house: House, tmp_path: Path) -> None:
    assert cause(house.call(tmp_path, "3" * 33)) == "bad_number"
    house.settings["checkmaxnumlen"] = 10
    assert cause(house.call(tmp_path, GOOD)) == "bad_number"
    assert cause(house.call(tmp_path, GOOD[:10])) == ""


@pytest.mark.req("fraud-009")
@pytest.mark.parametrize(
    ("black", "automatic", "mode", "play"),
    [
        (None, 6, "no", "blocked"),
        (None, 2, "probable", "blocked"),
        (6, None, "no", ""),
        (6, 2, "listed", ""),  # an operator's entry is the surer one
        (1, 6, "listed", "blocked"),
        (None, 0, "known", "blocked"),
        (None, 1, "no", None),
    ],
)
def test_who_is_stopped_by_an_entry_that_statistics_have_made_hears_its_recording(
    house: House, tmp_path: Path, black: int | None, automatic: int | None, mode: str, play: str | None
) -> None:
    house.settings |= {"smartblacklist_voice": "blocked", "filtering": mode}
    for book, level in (("black", black), ("automatic", automatic)):
        house.screening[book] += [] if level is None else [[BAD, 0, level, 0]]
    found = house.call(tmp_path, BAD)
    assert (found.play if isinstance(found, Rejection) else None) == play
    house.screening = {"black": [], "white": [], "automatic": []}
    found = house.call(tmp_path / "unlisted", BAD)
    assert getattr(found, "play", "") == "", "not listed at all"
