"""Calls to ported numbers: the decision of the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.switch.call.test_pipeline import House, decided

NUMBER = "36301234567"


@pytest.fixture
def house() -> House:
    return House()


def ported(house: House, **values: object) -> None:
    whole = {"carrier": 0, "code": "", "prefix": "", "domain": "", "port": 5060, "number": ""} | values
    house.rows["port_changes"].append([NUMBER, list(whole.values())])


def names(result: object) -> list[str]:
    return [one.account.username for one in decided(result).targets]  # type: ignore[arg-type]


@pytest.mark.req("lnp-001", "lnp-003", "lnp-005")
def test_the_carrier_of_a_ported_number_is_tried_first_and_the_others_after_it(
    house: House, tmp_path: Path
) -> None:
    assert names(house.decide(tmp_path, NUMBER)) == ["cheap", "dear"]
    ported(house, carrier=house.dear)
    assert names(house.decide(tmp_path, NUMBER)) == ["dear", "cheap"]
    assert names(house.decide(tmp_path, NUMBER[:-1] + "8")) == ["cheap", "dear"]
    house.settings["checknumport"] = "no"
    assert names(house.decide(tmp_path, NUMBER)) == ["cheap", "dear"]


@pytest.mark.req("lnp-003", "lnp-007")
def test_the_carrier_map_names_the_carrier_of_an_operator(house: House, tmp_path: Path) -> None:
    ported(house, code="telco")
    house.rows["operators"].append(["telco", house.dear, "999"])
    decision = decided(house.decide(tmp_path, NUMBER))
    assert decision.targets[0].account.username == "dear"
    assert decision.targets[0].number == f"00{NUMBER}", "the routing number is for Brazil and Mexico"
    house.settings["numporttype"] = "brazil"
    assert decided(house.decide(tmp_path, NUMBER)).targets[0].number == f"00999{NUMBER}"


def test_a_carrier_that_no_rule_offers_is_tried_first_at_its_own_price(house: House, tmp_path: Path) -> None:
    apart = house.carrier("apart", {"36": 70_000})
    ported(house, carrier=apart)
    decision = decided(house.decide(tmp_path, NUMBER))
    assert names(decision) == ["apart", "cheap", "dear"]
    assert decision.targets[0].cost is not None
    house.rows["accounts"] = [
        [*row[:4], False, *row[5:]] if row[0] == apart else row for row in house.rows["accounts"]
    ]
    assert names(house.decide(tmp_path, NUMBER)) == ["cheap", "dear"], "it is disabled"


@pytest.mark.req("lnp-003", "lnp-005")
def test_a_changed_number_is_the_called_number_for_routes_prices_and_the_record(
    house: House, tmp_path: Path
) -> None:
    ported(house, number="447700900123", prefix="44")
    for mode, expected in (("number", "447700900123"), ("prefix", "44301234567"), ("all", "447700900123")):
        house.settings["checknumport"] = mode
        decision = decided(house.decide(tmp_path, NUMBER))
        assert decision.called == expected
        assert names(decision) == ["dear"], "who alone takes 44"
        assert decision.payers[0].terms.bands[0].prefix == "44"
        assert decision.targets[0].number == f"00{expected}"


@pytest.mark.req("lnp-003", "lnp-005")
def test_an_inserted_prefix_is_for_the_carriers_only(house: House, tmp_path: Path) -> None:
    ported(house, prefix="0877")
    house.settings["checknumport"] = "insert"
    decision = decided(house.decide(tmp_path, NUMBER))
    assert decision.called == NUMBER
    assert [one.number for one in decision.targets] == [f"77{f'0877{NUMBER}'[2:]}", f"000877{NUMBER}"]
    assert decision.payers[0].terms.bands[0].prefix == "36"


@pytest.mark.req("lnp-003", "lnp-005", "lnp-006")
def test_a_call_goes_to_the_domain_of_a_ported_number_first_in_the_name_of_a_carrier(
    house: House, tmp_path: Path
) -> None:
    ported(house, domain="sip.example", port=5080)
    house.settings["checknumport"] = "domain"
    assert names(house.decide(tmp_path, NUMBER)) == ["cheap", "dear"], "no carrier stands for such calls"
    house.carrier("direct", {"": 0})
    house.settings["directcarrier"] = "direct"
    decision = decided(house.decide(tmp_path, NUMBER))
    assert names(decision) == ["direct", "cheap", "dear"]
    trunk = decision.targets[0].trunk
    assert trunk is not None
    assert (trunk.host, trunk.port, decision.targets[0].number) == ("sip.example", 5080, NUMBER)
    assert trunk.username == "" and trunk.ha1_md5 == "", "a secret of the carrier is nobody else's"


@pytest.mark.req("lnp-011")
def test_only_numbers_that_begin_so_are_looked_up(house: House, tmp_path: Path) -> None:
    ported(house, carrier=house.dear)
    house.settings["checknumportpx"] = ["3620", "44"]
    assert names(house.decide(tmp_path, NUMBER)) == ["cheap", "dear"]
    house.settings["checknumportpx"] = ["3620", "3630"]
    assert names(house.decide(tmp_path, NUMBER)) == ["dear", "cheap"]


def test_no_more_ways_are_tried_than_maxreroute_says(house: House, tmp_path: Path) -> None:
    house.carrier("direct", {"": 0})
    house.settings.update(checknumport="all", directcarrier="direct", maxreroute=0)
    ported(house, carrier=house.dear, domain="sip.example")
    assert names(house.decide(tmp_path, NUMBER)) == ["direct"]
    house.settings["maxreroute"] = 1
    assert names(house.decide(tmp_path, NUMBER)) == ["direct", "dear"]
