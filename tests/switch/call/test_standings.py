"""Callers whose standing keeps them from single carriers."""

from __future__ import annotations

from pathlib import Path

import pytest

from switch.call import causes
from tests.switch.call.test_pipeline import House, decided, refused
from tests.switch.worlds import NOW


class Callers(House):
    """The house, whose subscriber has a number that callers are known by."""

    def __init__(self) -> None:
        super().__init__()
        next(row for row in self.rows["accounts"] if row[0] == self.subscriber)[9] = "+36611112222"


@pytest.mark.req("fraud-041", "fraud-042", "fraud-050", "fraud-051", "fraud-052", "routing-100")
@pytest.mark.parametrize(
    ("special", "standing", "expected"),
    [
        ("no", "bad", ["picky", "strict", "plain"]),
        ("bad", "bad", ["plain"]),
        ("bad", "", ["picky", "strict", "plain"]),
        ("bad", "good", ["picky", "strict", "plain"]),
        ("unknown", "bad", ["plain"]),
        ("unknown", "", ["plain"]),
        ("unknown", "good", ["picky", "strict", "plain"]),
        ("unknown", "pressed", ["picky", "strict", "plain"]),
        ("ask", "bad", ["plain"]),
        ("ask", "", ["picky (asks)", "strict (asks)", "plain"]),
        ("ask", "good", ["picky", "strict", "plain"]),
        ("ask", "pressed", ["picky", "strict", "plain"]),
    ],
)
def test_carriers_that_look_at_callers_are_passed_over_and_the_others_take_the_call(
    tmp_path: Path, special: str, standing: str, expected: list[str]
) -> None:
    house = Callers()
    picky = [house.carrier(name, {"36": price}) for price, name in enumerate(("picky", "strict"), 1)]
    house.rows["overrides"] += [[one, "autoban_special", special] for one in picky]
    house.rule("all", *picky, house.carrier("plain", {"36": 9}), priority=1, final=True)
    house.settings["autoban"] = "carriers"
    number = "number:611112222"
    for key in (number, f"special:{number}"):
        house.bad_callers = {key: NOW + 60} if standing == "bad" else {}
        house.known_callers = [[key, standing, NOW + 60]] if standing in {"good", "pressed"} else []
        found = decided(house.decide(tmp_path / key, "36201234567"))
        names = [f"{one.account.username}{' (asks)' if one.ask else ''}" for one in found.targets]
        assert names == expected


@pytest.mark.req("fraud-043")
def test_for_such_a_carrier_its_own_standing_goes_before_the_general_one_but_not_before_an_operator(
    tmp_path: Path,
) -> None:
    house = Callers()
    house.rows["overrides"] += [[one, "autoban_special", "bad"] for one in (house.dear, house.cheap)]
    house.settings["autoban"] = "carriers"
    number = "number:611112222"
    house.bad_callers = {number: NOW + 60}
    house.known_callers = [[f"special:{number}", "good", NOW + 60]]
    assert decided(house.decide(tmp_path / "good", "36201234567"))
    house.known_callers.append([number, "by hand", NOW + 60])
    assert refused(house.decide(tmp_path / "by hand", "36201234567")) is causes.NO_ROUTE
    house.bad_callers = {f"special:{number}": NOW + 60}
    house.known_callers = [[number, "good", NOW + 60]]
    assert refused(house.decide(tmp_path / "bad", "36201234567")) is causes.NO_ROUTE


@pytest.mark.req("fraud-049")
def test_with_no_other_way_a_bad_caller_is_refused_until_its_standing_is_over(tmp_path: Path) -> None:
    house = Callers()
    house.rows["overrides"].append([house.dear, "autoban_special", "bad"])
    house.rows["overrides"].append([house.cheap, "autoban_special", "bad"])
    house.bad_callers = {"number:611112222": NOW + 60}
    assert refused(house.decide(tmp_path, "36201234567")) is causes.NO_ROUTE
    house.firewall += [["198.51.100.0/24", True]]
    assert decided(house.decide(tmp_path / "trusted", "36201234567"))
    house.firewall.pop()
    house.bad_callers = {"number:611112222": NOW - 1}
    assert decided(house.decide(tmp_path / "later", "36201234567"))
