"""Calls that the called account pays for, as toll-free numbers have it: who pays, what is held, what is not charged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.invoices.services.rated import rated
from apps.pricing.engine import Rate, rate
from switch.call import causes
from switch.call.pipeline import first_hold
from tests.switch.call.test_pipeline import House, decided, refused
from tests.switch.sim import MICRO, Sim, furnished, opened
from tests.switch.stage import Stage, hang_up
from tests.switch.worlds import NOW, Office


@pytest.fixture
def house() -> House:
    return House()


def inbound(
    office: Office, account: int, prices: dict[str, int], kind: str = "retail", prefix: str = ""
) -> None:
    """Let the account pay for calls to it, for callers' numbers that begin so."""
    tariff = office.tariff(kind, prices)
    office.rows["assignments"].append([account, kind, tariff, prefix, None, None, "inbound", None, None, ""])


def bill(house: House, folder: Path, called: str = "1001", **fields: Any) -> list[tuple[int, str, int]]:
    decision = decided(house.decide(folder, called, by=fields.pop("by", house.other), **fields))
    return [(one.account_id, one.kind, rate(one.terms, NOW, 60).net) for one in decision.payers]


@pytest.mark.req("billing-055")
def test_the_called_account_and_the_resellers_above_it_pay_and_the_caller_does_not(
    house: House, tmp_path: Path
) -> None:
    house.settings["internal_endusercost"] = "0.5"
    assert bill(house, tmp_path / "a") == [(house.other, "retail", 500_000)]
    inbound(house, house.subscriber, {"": 30_000})
    inbound(house, house.reseller, {"": 20_000}, "reseller")
    decision = decided(house.decide(tmp_path / "b", "1001", by=house.other))
    assert [(one.account_id, one.kind, rate(one.terms, NOW, 60).net) for one in decision.payers] == [
        (house.subscriber, "retail", 30_000),
        (house.reseller, "reseller", 20_000),
    ]
    assert first_hold(decision, NOW, 60) == [
        (house.subscriber, 38_100, 600),  # with its VAT; the least is that of the first second
        (house.reseller, 20_000, 300),
    ]
    assert decision.reseller_id == house.reseller  # whose price is what the call brings the house
    assert decision.as_json()["service"] == "inbound"
    assert decision.payers[0].terms.because == (("service", "inbound"),)
    assert "1001 pays for calls to it." in decision.trace


@pytest.mark.req("billing-055")
def test_a_carrier_that_brings_the_call_pays_nothing_and_the_extensions_of_the_called_are_billed_to_it(
    house: House, tmp_path: Path
) -> None:
    inbound(house, house.subscriber, {"": 30_000})
    inbound(house, house.reseller, {"": 20_000}, "reseller")
    expected = [(house.subscriber, "retail", 30_000), (house.reseller, "reseller", 20_000)]
    assert bill(house, tmp_path, "2001", by=house.dear) == expected


def test_a_reseller_above_the_called_without_a_price_for_such_calls_lets_none_through(
    house: House, tmp_path: Path
) -> None:
    inbound(house, house.subscriber, {"": 30_000})
    assert refused(house.decide(tmp_path / "a", "1001", by=house.other)) is causes.NO_PRICE
    inbound(house, house.reseller, {"": 30_001}, "reseller")
    assert refused(house.decide(tmp_path / "b", "1001", by=house.other)) is causes.BELOW_COST


@pytest.mark.parametrize(
    ("caller", "called", "expected"),
    [("3619998888", "1002", 70_000), ("4420", "1002", 20_000), ("4930", "1002", None)],
)
def test_the_price_may_depend_on_where_the_caller_is(
    house: House, tmp_path: Path, caller: str, called: str, expected: int | None
) -> None:
    inbound(house, house.other, {"": 70_000}, prefix="36")
    inbound(house, house.other, {"": 20_000}, prefix="44")
    paid = bill(house, tmp_path, called, by=house.trunk, from_user=caller)
    assert paid == ([(house.other, "retail", expected)] if expected else [])


def test_a_number_of_the_account_that_its_list_has_not_is_the_callers_affair(
    house: House, tmp_path: Path
) -> None:
    house.settings["internal_endusercost"] = "0.5"
    inbound(house, house.other, {"1800": 70_000})
    assert bill(house, tmp_path, "1002", by=house.trunk) == [(house.trunk, "retail", 500_000)]


def test_free_seconds_of_the_called_are_for_calls_that_it_makes(house: House, tmp_path: Path) -> None:
    house.settings["checkfreeminutes"] = 2
    house.rows["allowances"].append([house.id(), house.other, "seconds", [], int(NOW) - 10, None])
    inbound(house, house.other, {"": 70_000})
    assert decided(house.decide(tmp_path, "1002", by=house.trunk)).free is None


# a call


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    office = furnished()
    account = next(row[0] for row in office.rows["accounts"] if row[1] == "1002")
    inbound(office, account, {"": 60 * MICRO})
    yield from opened(tmp_path, office)


@pytest.mark.req("billing-055")
def test_money_of_the_called_is_held_and_charged_and_ends_the_call(sim: Sim) -> None:
    stage = Stage(sim)
    stage.register(stage.a, stage.b)
    caller, callee = stage.ids["1001"], stage.ids["1002"]
    talk = stage.up(stage.a, stage.b)
    assert sim.purse.free(callee) == 990 * MICRO and sim.purse.free(caller) == 1000 * MICRO
    sim.tick(12.1)
    hang_up(stage, talk, stage.b)
    (record,) = sim.records()
    found = rated(record)
    assert (found.cdr["service"], found.cdr["called_account_id"]) == ("inbound", callee)
    assert [(one["account_id"], one["micros"]) for one in found.entries] == [(callee, -12 * MICRO)]
    assert {one.account_id for one in found.uses if one.seconds} == {caller, callee}


@pytest.mark.req("billing-055")
def test_a_called_account_without_money_is_not_rung(sim: Sim) -> None:
    stage = Stage(sim)
    stage.register(stage.a, stage.b)
    sim.purse.money[stage.ids["1002"]] = 0
    invite = stage.a.call("1002")
    refusal = stage.a.told(402, "INVITE")
    stage.a.ack(invite, refusal)
    stage.b.silent()
    assert [one["cause"] for one in sim.records()] == ["no_money"]


def test_a_rate_of_nothing_is_a_price_too(house: House, tmp_path: Path) -> None:
    """The called account may take calls for free that its callers would pay for else."""
    house.settings["internal_endusercost"] = "0.5"
    tariff = house.tariff("retail", [Rate(house.id(), "", 0)])
    house.rows["assignments"].append(
        [house.other, "retail", tariff, "", None, None, "inbound", None, None, ""]
    )
    assert bill(house, tmp_path, "1002", by=house.trunk) == [(house.other, "retail", 0)]
