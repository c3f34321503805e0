"""Who pays what: discounts, commission, tariffs by caller and date, short and internal numbers, holidays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.pricing.engine import Crossing, Rate, Terms, rate
from switch.call import causes
from switch.call.model import Decision, Rejection
from switch.call.pipeline import first_hold, seconds_paid
from tests.switch.call.test_pipeline import House, decided, refused
from tests.switch.worlds import NOW

TODAY = int(NOW) // 86_400  # a Monday
HOUR = 3600


@pytest.fixture
def house() -> House:
    return House()


def net(house: House, folder: Path, called: str, **fields: Any) -> int:
    """Micros that a minute costs the subscriber; 0 when nobody pays."""
    decision = decided(house.decide(folder, called, **fields))
    return sum(rate(one.terms, NOW, 60).net for one in decision.payers if one.kind == "retail")


def own(house: House, account: int, **values: str) -> None:
    house.rows["overrides"] += [[account, key, value] for key, value in values.items()]


# discounts and commission


@pytest.mark.req("pricing-004")
@pytest.mark.parametrize(
    ("called", "expected"),
    [("36201", 90_000), ("36301", 75_000), ("4420", 200_000), ("36309", 75_000)],
)
def test_the_discount_of_the_longest_direction_comes_off(
    house: House, tmp_path: Path, called: str, expected: int
) -> None:
    own(house, house.subscriber, discount1="10", direction1="36", discount2="25", direction2="3630",
        discount3="50", direction3="49")  # fmt: skip
    assert net(house, tmp_path, called) == expected


@pytest.mark.req("pricing-004")
def test_a_discount_holds_for_whoever_is_below_the_account_and_not_for_others(
    house: House, tmp_path: Path
) -> None:
    own(house, house.reseller, discount3="12.5")
    assert net(house, tmp_path, "36201", by=house.extension) == 87_500
    assert net(house, tmp_path, "36201", by=house.trunk) == 100_000


def test_a_discount_is_of_the_retail_price_alone_and_the_call_record_carries_it(
    house: House, tmp_path: Path
) -> None:
    own(house, house.subscriber, discount1="10")
    decision = decided(house.decide(tmp_path, "36201"))
    assert [one.terms.discount_ppm for one in decision.payers] == [100_000, 0]
    assert any(line.endswith("prefix 36, less 10 %.") for line in decision.trace)


@pytest.mark.req("billing-048", "billing-049")
@pytest.mark.parametrize(("resellers", "expected"), [(False, [103_000, 50_000]), (True, [103_000, 51_500])])
def test_a_surcharge_of_an_account_raises_its_price_and_that_of_resellers_only_if_that_is_said(
    house: House, tmp_path: Path, resellers: bool, expected: list[int]
) -> None:
    own(house, house.reseller, accountsurcharge="3")
    if resellers:
        house.rows["overrides"].append([house.reseller, "accountsurcharge_resellers", True])
    decision = decided(house.decide(tmp_path, "36201"))
    assert [rate(one.terms, NOW, 60).net for one in decision.payers] == expected
    assert [rate(one.terms, NOW, 60).billed_seconds for one in decision.payers] == [60, 60]
    assert any(line.endswith("and a surcharge of 3 %.") for line in decision.trace)


@pytest.mark.req("pricing-003", "billing-047")
def test_a_reduction_comes_off_the_price_and_off_the_commission(house: House, tmp_path: Path) -> None:
    seller = house.account("sally", "sales", above=house.company, currency="USD")
    house.rows["exchange"].append(["USD", 0, 2 * 10**8])
    own(house, seller, commission="15")
    own(house, house.subscriber, addedby="sally", reduction="5", discount1="10")
    decision = decided(house.decide(tmp_path, "36201"))
    assert rate(decision.payers[0].terms, NOW, 60).net == 85_000
    ((kind, account, terms),) = decision.other_prices
    assert (kind, account, terms.currency) == ("sales", seller, "USD")
    assert rate(terms, NOW, 60).net == 20_000  # 10 % of 0.10 EUR, twice as many dollars


@pytest.mark.req("billing-046", "pricing-001")
def test_a_sales_tariff_goes_before_the_commission(house: House, tmp_path: Path) -> None:
    seller = house.account("sally", "sales", above=house.company)
    own(house, seller, commission="15")
    own(house, house.subscriber, addedby="sally")
    house.tariff("sales", {"36": 7_000}, to=house.reseller)
    decision = decided(house.decide(tmp_path, "36201"))
    assert [(kind, account) for kind, account, _ in decision.other_prices] == [("sales", house.reseller)]


@pytest.mark.req("billing-028")
def test_a_commission_from_profit_travels_with_the_call_to_its_end(house: House, tmp_path: Path) -> None:
    seller = house.account("sally", "sales", above=house.company, currency="USD")
    house.settings["salescomissionfromprofit"] = True
    own(house, seller, commission="15")
    own(house, house.subscriber, addedby="sally", reduction="5", discount1="10")
    decision = decided(house.decide(tmp_path, "36201"))
    account, share, reduction, packed = decision.as_json()["commission"]
    terms = Terms.from_list(packed)
    assert (account, share, reduction, terms.currency) == (seller, 150_000, 50_000, "EUR")
    assert rate(terms, NOW, 60).net == 100_000
    assert decision.other_prices == []


@pytest.mark.parametrize("values", [{"addedby": "nobody"}, {"addedby": "sally", "reduction": "20"}, {}])
def test_nobody_earns_without_a_share_left(house: House, tmp_path: Path, values: dict[str, str]) -> None:
    own(house, house.account("sally", "sales", above=house.company), commission="15")
    own(house, house.subscriber, **values)
    assert decided(house.decide(tmp_path, "36201")).other_prices == []


# short, free and internal numbers, and numbers without a price


@pytest.mark.req("pricing-026")
def test_a_number_of_so_few_digits_is_free(house: House, tmp_path: Path) -> None:
    house.settings["freenumlen"] = 3
    house.rule("emergency", house.carrier("fire", {"1": 5_000}), priority=1, called_prefixes=["1"])
    decision = decided(house.decide(tmp_path / "a", "112"))
    assert (decision.payers, first_hold(decision, NOW, 60), seconds_paid(decision, {}, NOW)) == ([], [], None)
    assert refused(house.decide(tmp_path / "b", "1123")) is causes.NO_PRICE


@pytest.mark.req("billing-050", "billing-051")
def test_short_numbers_have_the_price_of_999_and_the_number(house: House, tmp_path: Path) -> None:
    house.settings["billshortnumlength"] = 4
    for tariff, price in ((house.retail, 50_000), (house.wholesale, 20_000)):
        house.rates[tariff].append(Rate(house.id(), "9991", price))
    house.rule("short", house.carrier("desk", {"999": 5_000, "1": 1}), priority=1, called_prefixes=["1"])
    decision = decided(house.decide(tmp_path, "1818"))
    assert [rate(one.terms, NOW, 60).net for one in decision.payers] == [50_000, 20_000]
    cost = decision.targets[0].cost
    assert cost is not None
    assert rate(cost, NOW, 60).net == 5_000
    assert decision.targets[0].number == "1818"
    assert refused(house.decide(tmp_path / "b", "18181")) is causes.NO_PRICE


@pytest.mark.req("pricing-029", "billing-050", "pricing-024")
def test_short_numbers_may_have_one_fixed_price(house: House, tmp_path: Path) -> None:
    house.settings |= {
        "billshortnumlength": 4, "shortnumbill_type": "fixed", "shortnum_endusercost": "0.3",
        "shortnum_providercost": "0.02",
    }  # fmt: skip
    decision = decided(house.decide(tmp_path, "3618"))
    assert [(one.account_id, rate(one.terms, NOW, 60).net) for one in decision.payers] == [
        (house.subscriber, 300_000)
    ]
    assert {rate(one.cost, NOW, 60).net for one in decision.targets if one.cost} == {20_000}


@pytest.mark.req("pricing-027", "billing-052")
def test_calls_between_subscribers_cost_what_the_setting_says(house: House, tmp_path: Path) -> None:
    assert net(house, tmp_path / "a", "1002") == 0
    house.settings["internal_endusercost"] = "0.012"
    assert net(house, tmp_path / "b", "1002") == 12_000
    decision = decided(house.decide(tmp_path / "b", "1002"))
    assert [(one.account_id, one.kind, one.terms.vat_ppm) for one in decision.payers] == [
        (house.subscriber, "retail", 270_000)
    ]


def test_an_internal_price_without_an_exchange_rate_is_no_price(house: House, tmp_path: Path) -> None:
    house.settings |= {"internal_endusercost": "0.012", "currency": "USD"}
    assert refused(house.decide(tmp_path, "1002")) is causes.NO_PRICE


@pytest.mark.req("pricing-025")
def test_where_no_list_has_a_price_the_defaults_do(house: House, tmp_path: Path) -> None:
    house.rates[house.wholesale].append(Rate(house.id(), "49", 1))
    assert refused(house.decide(tmp_path / "a", "4930")) is causes.NO_ROUTE
    house.settings["defaultproviderprice"] = "0.9"
    assert refused(house.decide(tmp_path / "b", "4930")) is causes.NO_PRICE
    house.settings["defaultenduserprice"] = "1.5"
    decision = decided(house.decide(tmp_path / "c", "4930"))
    assert rate(decision.payers[0].terms, NOW, 60).net == 1_500_000
    assert [rate(one.cost, NOW, 60).net for one in decision.targets if one.cost] == [900_000] * 2
    assert net(house, tmp_path / "c", "36201") == 100_000


# tariffs by caller and date


@pytest.mark.req("pricing-013", "pricing-021")
def test_callers_from_elsewhere_may_pay_by_another_tariff(house: House, tmp_path: Path) -> None:
    tariff = house.tariff("retail", {"36": 700_000})
    house.rows["assignments"] += [[house.company, "retail", tariff, "44", None, None]]
    house.rows["accounts"][house.subscriber - 1][9] = "+442079460000"
    assert net(house, tmp_path / "a", "36201") == 700_000
    house.rows["accounts"][house.subscriber - 1][9] = "+3611112222"
    assert net(house, tmp_path / "b", "36201") == 100_000


@pytest.mark.req("pricing-014")
@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        (None, None, 700_000),
        (int(NOW), None, 700_000),
        (int(NOW) + 1, None, 100_000),
        (int(NOW) - HOUR, int(NOW) + 1, 700_000),
        (int(NOW) - HOUR, int(NOW), 100_000),
    ],
)
def test_a_tariff_holds_from_its_first_second_until_before_its_last(
    house: House, tmp_path: Path, begins: int | None, ends: int | None, expected: int
) -> None:
    tariff = house.tariff("retail", {"36": 700_000})
    house.rows["assignments"] += [[house.subscriber, "retail", tariff, "", begins, ends]]
    assert net(house, tmp_path, "36201") == expected


def test_of_several_valid_tariffs_the_longest_caller_prefix_holds_then_the_newest(
    house: House, tmp_path: Path
) -> None:
    tariffs = [house.tariff("retail", {"36": price}) for price in (1_000_000, 2_000_000, 3_000_000)]
    house.rows["assignments"] += [
        [house.subscriber, "retail", tariffs[0], "", None, None],
        [house.subscriber, "retail", tariffs[1], "", int(NOW) - HOUR, None],
        [house.subscriber, "retail", tariffs[2], "361", None, int(NOW)],
    ]
    assert net(house, tmp_path, "36201") == 2_000_000


# tariffs by trunk, group and tech prefix

ASKS = {"caller": 7, "caller_group": 8, "tech_prefix": 9}


def given(house: House, to: int, kind: str, tariff: int, **conditions: Any) -> None:
    """Let the account pay by the tariff where the conditions fit; of callers and groups (id, name)."""
    row: list[Any] = [to, kind, tariff, "", None, None, "voice", None, None, ""]
    for what, which in conditions.items():
        row[ASKS[what]] = which
    house.rows["assignments"].append(row)


@pytest.mark.req("pricing-013")
def test_what_a_trunk_brings_may_have_a_price_of_its_own_and_its_terms_say_so(
    house: House, tmp_path: Path
) -> None:
    """The subscriber is known by its number in calls of the trunk, and calls by itself too."""
    given(
        house, house.subscriber, "retail", house.tariff("retail", {"36": 700_000}), caller=[house.trunk, "wholesale"]
    )  # fmt: skip
    brought = decided(house.decide(tmp_path / "a", "36201", trunk=house.trunk))
    assert rate(brought.payers[0].terms, NOW, 60).net == 700_000
    assert brought.payers[0].terms.because == (("caller", "wholesale"),)
    assert any(', for caller "wholesale"' in line for line in brought.trace)
    assert brought.as_json()["trunk"] == house.trunk
    alone = decided(house.decide(tmp_path / "b", "36201"))
    assert rate(alone.payers[0].terms, NOW, 60).net == 100_000
    assert alone.payers[0].terms.because == () and "trunk" not in alone.as_json()


@pytest.mark.req("pricing-013")
@pytest.mark.parametrize(
    ("member", "expected"), [("subscriber", 700_000), ("reseller", 700_000), ("other", 100_000)]
)
def test_a_group_of_callers_may_have_a_price_of_its_own(
    house: House, tmp_path: Path, member: str, expected: int
) -> None:
    """Who stands below a member belongs to the group too."""
    gold = house.tariff("retail", {"36": 700_000})
    given(house, house.company, "retail", gold, caller_group=[5, "Gold"])
    house.rows["memberships"].append([getattr(house, member), 5])
    assert net(house, tmp_path, "36201", by=house.extension) == expected


@pytest.mark.req("pricing-013")
@pytest.mark.parametrize(("called", "expected"), [("99#36201", 700_000), ("36201", 100_000)])
def test_calls_with_a_tech_prefix_may_have_a_price_of_their_own(
    house: House, tmp_path: Path, called: str, expected: int
) -> None:
    given(house, house.trunk, "retail", house.tariff("retail", {"36": 700_000}), tech_prefix="99#")
    assert net(house, tmp_path, called, by=house.trunk) == expected


@pytest.mark.req("pricing-013")
def test_a_carrier_may_ask_another_price_for_calls_of_a_trunk(house: House, tmp_path: Path) -> None:
    """And the cheapest for that trunk goes first, whatever it costs others."""
    given(
        house, house.dear, "carrier", house.tariff("carrier", {"36": 1_000}), caller=[house.trunk, "wholesale"]
    )  # fmt: skip
    usual = decided(house.decide(tmp_path, "36201"))
    assert [one.account.username for one in usual.targets] == ["cheap", "dear"]
    others = decided(house.decide(tmp_path, "36201", by=house.trunk))
    assert [one.account.username for one in others.targets] == ["dear", "cheap"]
    assert others.targets[0].cost is not None
    assert others.targets[0].cost.because == (("caller", "wholesale"),)


# hours and holidays


def with_peak(house: House, spans: list[list[int]], **tariff: Any) -> int:
    """A retail tariff of 1 a minute in the spans and 0.1 in the rest of the time."""
    house.rows["windows"].append([77, spans])
    rates = [Rate(house.id(), "36", 1_000_000, window=77), Rate(house.id(), "36", 100_000)]
    return house.tariff("retail", rates, to=house.subscriber, **tariff)


@pytest.mark.req("pricing-033", "pricing-034")
@pytest.mark.parametrize(
    ("prefixes", "dates", "expected"),
    [
        pytest.param([], [], 1_000_000, id="an ordinary Monday"),
        pytest.param([], [[TODAY, 7]], 100_000, id="a holiday"),
        pytest.param([], [[TODAY + 1, 7]], 1_000_000, id="the day before a holiday"),
        pytest.param(["49", "362"], [[TODAY, 7]], 100_000, id="a holiday of these numbers"),
        pytest.param(["49", "363"], [[TODAY, 7]], 1_000_000, id="a holiday of other numbers"),
    ],
)
def test_on_a_holiday_the_peak_of_weekdays_is_over(
    house: House, tmp_path: Path, prefixes: list[str], dates: list[list[int]], expected: int
) -> None:
    house.rows["calendars"].append([5, prefixes, dates])
    with_peak(house, [[31, 0, 1440]], calendars=[5])
    assert net(house, tmp_path, "36201") == expected


def test_the_calendar_of_the_longest_prefix_has_the_last_word(house: House, tmp_path: Path) -> None:
    house.rows["calendars"] += [[5, ["3620"], [[TODAY, 0]]], [6, [], [[TODAY, 7]]]]
    with_peak(house, [[31, 0, 1440]], calendars=[5, 6])
    assert net(house, tmp_path, "36201") == 1_000_000
    assert net(house, tmp_path, "36301") == 100_000


def test_a_calendar_that_the_tariff_does_not_name_is_nothing_to_it(house: House, tmp_path: Path) -> None:
    house.rows["calendars"].append([5, [], [[TODAY, 7]]])
    with_peak(house, [[31, 0, 1440]])
    assert net(house, tmp_path, "36201") == 1_000_000


def test_the_date_is_that_of_the_tariffs_zone(house: House, tmp_path: Path) -> None:
    house.rows["calendars"].append([5, [], [[TODAY, 7]]])
    with_peak(house, [[31, 0, 1440]], calendars=[5], zone="Pacific/Kiritimati")  # there it is Tuesday
    assert net(house, tmp_path, "36201") == 1_000_000


def test_a_pattern_of_several_spans_is_one_window(house: House, tmp_path: Path) -> None:
    with_peak(house, [[31, 0, 60], [31, 840, 1440]])  # it is 14:13
    assert net(house, tmp_path, "36201") == 1_000_000


def test_a_window_that_is_never_open_leaves_the_number_to_the_rest(house: House, tmp_path: Path) -> None:
    with_peak(house, [])
    assert net(house, tmp_path / "a", "36201") == 100_000
    house.rates[house.retail] = []
    house.rows["assignments"] = [row for row in house.rows["assignments"] if row[0] != house.subscriber]
    house.rates[house.retail].append(Rate(house.id(), "36", 1, window=77))
    result: Decision | Rejection = house.decide(tmp_path / "b", "36201")
    assert refused(result) is causes.NO_PRICE


def test_the_crossing_rule_of_the_tariff_is_that_of_the_call(house: House, tmp_path: Path) -> None:
    """It is 14:13:20; the peak ends at 14:14. By the middle a call of a minute is all peak, one of two all off-peak."""
    with_peak(house, [[255, 0, 854]], crossing="call_middle")
    terms = decided(house.decide(tmp_path, "36201")).payers[0].terms
    assert terms.crossing is Crossing.CALL_MIDDLE
    assert [rate(terms, NOW, seconds).net for seconds in (60, 120)] == [1_000_000, 200_000]


def test_what_is_set_aside_pays_for_the_dearest_moment_of_the_call(house: House, tmp_path: Path) -> None:
    with_peak(house, [[255, 0, 854]], crossing="call_middle")
    decision = decided(house.decide(tmp_path, "36201"))
    (subscriber, wanted, _), _reseller = first_hold(decision, NOW, 120)
    assert (subscriber, wanted) == (house.subscriber, 1_693_300)  # 80 seconds of peak with VAT
    granted = {one.account_id: 10**9 for one in decision.payers} | {house.subscriber: wanted}
    assert (seconds_paid(decision, granted, NOW) or 0) >= 120


# who pays from elsewhere


def paid_by(house: House, account: int, payer: int) -> None:
    """The last column of an account's row."""
    next(row for row in house.rows["accounts"] if row[0] == account).append(payer)


@pytest.mark.req("users-023", "users-024")
def test_the_payer_pays_by_the_price_list_of_who_calls_and_resellers_as_ever(
    house: House, tmp_path: Path
) -> None:
    before = decided(house.decide(tmp_path / "a", "36201", by=house.subscriber))
    company = house.phone("company", above=house.reseller, vat=270_000)
    paid_by(house, house.subscriber, company)
    after = decided(house.decide(tmp_path / "b", "36201", by=house.extension))
    assert [(one.kind, one.account_id) for one in before.payers] == [
        ("retail", house.subscriber),
        ("reseller", house.reseller),
    ]
    assert [(one.kind, one.account_id) for one in after.payers] == [
        ("retail", company),
        ("reseller", house.reseller),
    ]
    assert [one.terms for one in after.payers] == [one.terms for one in before.payers]
    assert [account for account, *_ in first_hold(after, NOW, 10)] == [company, house.reseller]


def test_a_payer_that_is_off_or_not_there_pays_for_nobody(house: House, tmp_path: Path) -> None:
    company = house.phone("company", above=house.reseller, active=False)
    paid_by(house, house.subscriber, company)
    assert refused(house.decide(tmp_path / "a", "36201", by=house.subscriber)) is causes.ACCOUNT_DISABLED
    house.rows["accounts"] = [row for row in house.rows["accounts"] if row[0] != company]
    assert refused(house.decide(tmp_path / "b", "36201", by=house.subscriber)) is causes.NO_PRICE


def test_two_who_pay_for_each_other_do_not_hang_the_switch(house: House, tmp_path: Path) -> None:
    company = house.phone("company", above=house.reseller)
    paid_by(house, house.subscriber, company)
    paid_by(house, company, house.subscriber)
    assert decided(house.decide(tmp_path, "36201", by=house.subscriber)).payers[0].account_id == company
