"""Which calls are not worth carrying, and what a payer's settings make of limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.invoices.services.holds import Cap
from apps.pricing.engine import Rate
from switch.call.model import Rejection
from switch.call.pipeline import caps, first_hold, with_floors
from tests.switch.call.test_pipeline import House, decided
from tests.switch.worlds import NOW

UNIT = 1_000_000


@pytest.fixture
def house() -> House:
    """The subscriber pays 0.10 a minute to 36, the reseller 0.05; `dear` costs 0.04 and `cheap` 0.03."""
    return House()


def outcome(house: House, folder: Path, called: str = "36201") -> str:
    """The cause of the refusal, or the carriers that may have the call."""
    result = house.decide(folder, called)
    return result.cause.name if isinstance(result, Rejection) else _names(result.targets)


def _names(targets: Any) -> str:
    return ",".join(sorted(one.account.username for one in targets))


def tariff_of(house: House, account: int) -> int:
    return int(next(row[2] for row in house.rows["assignments"] if row[0] == account))


def add(house: House, tariff: int, prefix: str, price: int) -> None:
    house.rates[tariff].append(Rate(house.id(), prefix, price))


def price(house: House, tariff: int, micros: int) -> None:
    """What the tariff asks for a minute to 36."""
    house.rates[tariff] = [one for one in house.rates[tariff] if one.prefix != "36"]
    add(house, tariff, "36", micros)


def give(house: House, tariff: int, to: int) -> None:
    """The tariff is that account's, and nobody else's."""
    for row in house.rows["assignments"]:
        if row[2] == tariff:
            row[0] = to


# prices that are not strict enough


@pytest.mark.req("billing-017", "billing-037", "pricing-026")
@pytest.mark.parametrize(("level", "expected"), [(0, "cheap"), (1, "no_price"), (5, "no_price")])
def test_the_default_price_is_no_price_of_a_list(
    house: House, tmp_path: Path, level: int, expected: str
) -> None:
    house.settings |= {"blocknotbilledcalls": level, "defaultenduserprice": "1"}
    for tariff in (house.wholesale, tariff_of(house, house.cheap)):
        add(house, tariff, "33", 1)
    assert outcome(house, tmp_path, "33201") == expected


@pytest.mark.req("billing-017", "billing-037")
@pytest.mark.parametrize(("level", "expected"), [(1, "cheap"), (2, "no_price"), (3, "no_price")])
def test_a_price_for_any_number_is_no_price_of_the_number(
    house: House, tmp_path: Path, level: int, expected: str
) -> None:
    house.settings["blocknotbilledcalls"] = level
    for tariff, micros in ((house.retail, 3), (house.wholesale, 2), (tariff_of(house, house.cheap), 1)):
        add(house, tariff, "" if tariff == house.retail else "33", micros)
    assert outcome(house, tmp_path, "33201") == expected


@pytest.mark.req("billing-017", "billing-037")
def test_from_level_three_on_the_list_must_be_the_payers_own(house: House, tmp_path: Path) -> None:
    house.settings["blocknotbilledcalls"] = 3
    assert outcome(house, tmp_path / "above") == "no_price"
    give(house, house.retail, house.subscriber)
    assert outcome(house, tmp_path / "own") == "cheap,dear"


@pytest.mark.req("billing-017", "billing-037")
def test_levels_four_and_five_ask_the_same_of_resellers(house: House, tmp_path: Path) -> None:
    give(house, house.retail, house.subscriber)
    add(house, house.retail, "33", 3)
    add(house, house.wholesale, "", 2)
    add(house, tariff_of(house, house.cheap), "33", 1)
    for level, expected in ((3, "cheap"), (4, "no_price")):
        house.settings["blocknotbilledcalls"] = level
        assert outcome(house, tmp_path / f"any{level}", "33201") == expected
    give(house, house.wholesale, house.company)
    for level, expected in ((4, "cheap,dear"), (5, "no_price")):
        house.settings["blocknotbilledcalls"] = level
        assert outcome(house, tmp_path / f"above{level}") == expected


@pytest.mark.req("billing-019", "pricing-031", "pricing-032")
@pytest.mark.parametrize(
    ("exact", "retail", "reseller", "expected"),
    [(0, "", "", "cheap"), (1, "", "33", "cheap"), (1, "33", "", "no_price"), (2, "", "33", "no_price"),
     (2, "33", "33", "cheap")],
)  # fmt: skip
def test_rates_for_any_number_can_be_left_out(
    house: House, tmp_path: Path, exact: int, retail: str, reseller: str, expected: str
) -> None:
    house.settings["vgetpriceexactmatch"] = exact
    add(house, house.retail, retail, 3)
    add(house, house.wholesale, reseller, 2)
    add(house, tariff_of(house, house.cheap), "33", 1)
    assert outcome(house, tmp_path, "33201") == expected


# carriers that are too dear


@pytest.mark.req("billing-018", "billing-038")
@pytest.mark.parametrize(
    ("level", "brought", "expected"),
    [(0, 10_000, "cheap,dear"), (1, 40_000, "cheap,dear"), (1, 39_999, "cheap"), (2, 40_000, "cheap"),
     (2, 30_000, "not_profitable"), (1, 29_000, "not_profitable"), (3, 50_000, "cheap,dear")],
)  # fmt: skip
def test_a_carrier_that_costs_more_than_the_top_reseller_pays_is_passed_over(
    house: House, tmp_path: Path, level: int, brought: int, expected: str
) -> None:
    house.settings["blocknotprofitablecalls"] = level
    price(house, house.wholesale, brought)
    assert outcome(house, tmp_path) == expected


@pytest.mark.req("billing-018", "billing-038")
def test_level_three_blocks_what_has_its_price_from_no_list(house: House, tmp_path: Path) -> None:
    house.settings |= {"blocknotprofitablecalls": 3, "defaultproviderprice": "0.0001"}
    for tariff in (house.retail, house.wholesale):
        add(house, tariff, "33", 90_000)
    assert outcome(house, tmp_path / "a", "33201") == "not_profitable"
    house.settings["blocknotprofitablecalls"] = 2
    assert outcome(house, tmp_path / "b", "33201") == "cheap,dear"


@pytest.mark.req("fraud-020")
@pytest.mark.parametrize(
    ("most", "expected"),
    [
        ("", "cheap,dear"),
        ("0", "cheap,dear"),
        ("0.04", "cheap,dear"),
        ("0.035", "cheap"),
        ("0.01", "not_profitable"),
    ],
)
def test_carriers_that_cost_more_a_minute_than_allowed_are_passed_over(
    house: House, tmp_path: Path, most: str, expected: str
) -> None:
    house.settings["blockhighcostcalls"] = most
    assert outcome(house, tmp_path) == expected


def test_the_record_tells_which_carrier_was_too_dear_and_why(house: House, tmp_path: Path) -> None:
    house.settings["blockhighcostcalls"] = "0.035"
    trace = decided(house.decide(tmp_path, "36201")).trace
    assert "Not dear: it costs 0.04 a minute (blockhighcostcalls)." in trace


# nobody sells below what it pays


@pytest.mark.parametrize(
    ("asked", "expected"), [(50_000, "cheap,dear"), (49_999, "below_cost"), (0, "below_cost")]
)
def test_a_reseller_does_not_sell_below_its_own_price_unless_it_may(
    house: House, tmp_path: Path, asked: int, expected: str
) -> None:
    price(house, house.retail, asked)
    assert outcome(house, tmp_path / "a") == expected
    house.rows["overrides"].append([house.reseller, "allow_sellbelowcost", True])
    assert outcome(house, tmp_path / "b") == "cheap,dear"


@pytest.mark.req("reseller-001")
def test_each_of_three_levels_of_resellers_is_checked_and_pays_by_its_own_list(
    house: House, tmp_path: Path
) -> None:
    """Retail 0.10; the lowest pays 0.09, the middle 0.08, the one at the top 0.05."""
    middle = house.account("middle", "reseller", above=house.reseller)
    lowest = house.account("lowest", "reseller", above=middle)
    phone = house.phone("3001", above=lowest)
    lists = {
        one: house.tariff("reseller", {"36": micros}, to=one)
        for one, micros in ((middle, 80_000), (lowest, 90_000))
    }
    decision = decided(house.decide(tmp_path / "a", "36201", by=phone))
    assert [one.account_id for one in decision.payers] == [phone, lowest, middle, house.reseller]
    price(house, lists[lowest], 79_000)
    result = house.decide(tmp_path / "b", "36201", by=phone)
    assert isinstance(result, Rejection)
    assert (result.cause.name, result.detail) == ("below_cost", "middle pays 0.08 a minute and asks 0.079")


def test_margins_are_compared_in_one_currency(house: House, tmp_path: Path) -> None:
    """20 HUF are 0.05 EUR at 400."""
    house.rows["exchange"].append(["HUF", 0, 400 * 10**8])
    give(house, house.retail, 10**6)
    for micros, expected in ((20 * UNIT, "cheap,dear"), (19 * UNIT, "below_cost")):
        house.rows["assignments"] = [row for row in house.rows["assignments"] if row[0] != house.subscriber]
        house.tariff("retail", {"36": micros}, to=house.subscriber, currency="HUF")
        assert outcome(house, tmp_path / expected) == expected


# limits of a payer, from the settings


def cap(house: House, folder: Path, account: int) -> Cap | None:
    world = house.world(folder)
    return caps(decided(house.decide(folder, "36201")), world, NOW).get(account)


def test_without_settings_nobody_has_limits(house: House, tmp_path: Path) -> None:
    assert cap(house, tmp_path / "a", house.subscriber) is None
    assert cap(house, tmp_path / "b", house.reseller) is None


@pytest.mark.parametrize(
    ("general", "own", "heeded", "expected"),
    [("10", None, True, 10), ("10", "4.5", True, 4.5), ("10", "0", True, None), ("10", "", True, 10),
     ("", "4.5", True, 4.5), ("10", "4.5", False, 10)],
)  # fmt: skip
def test_the_day_of_a_subscriber_is_its_own_limit_or_that_for_all(
    house: House, tmp_path: Path, general: str, own: str | None, heeded: bool, expected: float | None
) -> None:
    house.settings |= {
        "maxdailycreditforenduser": general, "maxdailycreditforts": "99", "maxdailycreditperuser": heeded,
    }  # fmt: skip
    if own is not None:
        house.rows["overrides"].append([house.subscriber, "maxdailycredit", own])
    found = cap(house, tmp_path, house.subscriber)
    assert found == (None if expected is None else Cap(day=int(expected * UNIT)))


@pytest.mark.req("fraud-011", "fraud-012", "fraud-013", "fraud-014", "fraud-021")
@pytest.mark.parametrize(("mode", "subscriber", "trunk"), [(0, None, None), (1, 10, None), (2, 10, 100)])
def test_limits_by_earlier_days_are_for_subscribers_or_for_trunks_too(
    house: House, tmp_path: Path, mode: int, subscriber: int | None, trunk: int | None
) -> None:
    house.settings["checkmaxdyndailycredit"] = mode
    world = house.world(tmp_path)
    for caller, floor in ((house.subscriber, subscriber), (house.trunk, trunk)):
        decision = decided(
            house.decide(tmp_path, "99#36201" if caller == house.trunk else "36201", by=caller)
        )
        found = caps(decision, world, NOW).get(caller)
        assert found == (None if floor is None else Cap(times=7, floor=floor * UNIT))


@pytest.mark.req("billing-027", "limits-053")
def test_who_is_not_checked(house: House, tmp_path: Path) -> None:
    """A postpaid account that is not checked has no limit of the month either."""
    house.settings |= {"creditcheckforpostp": False, "maxmonthlycredit": "50"}
    assert cap(house, tmp_path / "a", house.subscriber) == Cap(month=50 * UNIT)
    next(row for row in house.rows["accounts"] if row[0] == house.subscriber)[5] = "postpaid"
    assert cap(house, tmp_path / "b", house.subscriber) == Cap(unchecked=True)
    house.settings["creditcheckforpostp"] = True
    assert cap(house, tmp_path / "c", house.subscriber) == Cap(month=50 * UNIT)


def test_a_limit_for_all_is_in_the_installations_currency(house: House, tmp_path: Path) -> None:
    house.rows["exchange"].append(["HUF", 0, 400 * 10**8])
    house.settings["maxdailycreditforenduser"] = "10"
    next(row for row in house.rows["accounts"] if row[0] == house.subscriber)[6] = "HUF"
    assert cap(house, tmp_path, house.subscriber) == Cap(day=4000 * UNIT)


@pytest.mark.req("limits-006", "limits-023", "limits-028", "limits-033")
@pytest.mark.parametrize(
    ("values", "subscriber", "reseller"),
    [({}, 0, 0), ({"mincreditonroute": "2"}, 2 * UNIT, 0), ({"minspeachlenonroute": 120}, 254_000, 0),
     ({"mincreditonroute": "0.1", "minspeachlenonroute": 120}, 254_000, 0)],
)  # fmt: skip
def test_what_has_to_be_there_before_a_call_is_routed(
    house: House, tmp_path: Path, values: dict[str, Any], subscriber: int, reseller: int
) -> None:
    """Two minutes at 0.10 with 27 % VAT are 0.254."""
    house.rows["overrides"] += [[house.subscriber, key, value] for key, value in values.items()]
    decision, world = decided(house.decide(tmp_path, "36201")), house.world(tmp_path)
    shares = with_floors(decision, first_hold(decision, NOW, 60), world, NOW)
    assert {one.account_id: one.floor for one in shares} == {
        house.subscriber: subscriber, house.reseller: reseller,
    }  # fmt: skip


# who has talked as long as it may


@pytest.mark.req("limits-060", "limits-062", "limits-063")
def test_a_caller_whose_seconds_are_used_up_calls_no_more_until_they_are_new(
    house: House, tmp_path: Path
) -> None:
    house.rows["overrides"].append([house.subscriber, "maxslperday", 600])
    house.rows["used_up"].append([house.subscriber, "maxslperday", 640, NOW + 1])
    assert outcome(house, tmp_path / "a") == "limit_seconds"
    house.settings["calcmaxsl"] = 0
    assert outcome(house, tmp_path / "b") == "cheap,dear"
    house.settings["calcmaxsl"] = 1
    house.rows["overrides"][-1][2] = 700
    assert outcome(house, tmp_path / "c") == "cheap,dear", "the limit was raised"
    house.rows["overrides"][-1][2] = 600
    house.rows["used_up"][-1][3] = NOW
    assert outcome(house, tmp_path / "d") == "cheap,dear", "the day is over"


@pytest.mark.req("limits-061", "limits-062")
def test_a_carrier_whose_seconds_are_used_up_is_passed_over(house: House, tmp_path: Path) -> None:
    house.rows["overrides"].append([house.cheap, "maxslpermonth", 3600])
    house.rows["used_up"].append([house.cheap, "maxslpermonth", 3600, NOW + 1])
    assert outcome(house, tmp_path) == "dear"


@pytest.mark.req("reseller-022", "reseller-033")
@pytest.mark.parametrize(
    ("mode", "early", "paid"), [(0, False, True), (0, True, False), (1, True, True), (2, False, False)]
)
def test_who_has_paid_early_pays_for_no_call(
    house: House, tmp_path: Path, mode: int, early: bool, paid: bool
) -> None:
    house.settings["defearlypay"] = mode
    house.rows["overrides"].append([house.reseller, "earlypay", early])
    decision = decided(house.decide(tmp_path, "36201"))
    assert (house.reseller in [one.account_id for one in decision.payers]) is paid
    assert decision.reseller_id == house.reseller
