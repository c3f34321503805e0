"""A request becomes a decision or a rejection, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.pricing.engine import Rate, rate
from switch.call import causes
from switch.call.model import Caller, Decision, NeedsDigest, Rejection
from switch.call.pipeline import decide, first_hold, identify, seconds_paid
from tests.switch.worlds import NOW, Office, Usage, request


class House(Office):
    """A company with a reseller, a subscriber with an extension, a trunk and two carriers."""

    def __init__(self) -> None:
        super().__init__()
        self.company = self.account("company", "owner")
        self.reseller = self.account("partner", "reseller", above=self.company)
        self.subscriber = self.phone("1001", above=self.reseller, number="+3611112222", vat=270_000)
        self.extension = self.phone("2001", "extension", above=self.subscriber)
        self.other = self.phone("1002", above=self.company, number="3619998888")
        self.trunk = self.account("wholesale", "customer_trunk", above=self.company, tech_prefix="99#")
        self.address(self.trunk, "198.51.100.7")
        self.retail = self.tariff("retail", {"36": 100_000, "44": 200_000}, to=self.company)
        self.wholesale = self.tariff("reseller", {"36": 50_000, "44": 60_000}, to=self.reseller)
        self.dear = self.carrier("dear", {"36": 40_000, "44": 9_000}, prefix="00")
        self.cheap = self.carrier("cheap", {"36": 30_000}, lines=2, strip=2, prefix="77")
        self.rule("all", self.dear, self.cheap)

    def decide(self, folder: Path, called: str, by: int | None = None, **fields: Any) -> Decision | Rejection:
        usage = fields.pop("usage", Usage())
        world = self.world(folder)
        caller = world.account(by or self.subscriber)
        assert caller is not None
        return decide(request(called, **fields), caller, world, NOW, usage)


@pytest.fixture
def house() -> House:
    return House()


def decided(result: Decision | Rejection) -> Decision:
    assert isinstance(result, Decision), result
    return result


def refused(result: object) -> causes.Cause:
    assert isinstance(result, Rejection), result
    return result.cause


# who calls


def test_a_known_address_with_its_tech_prefix_needs_no_password(house: House, tmp_path: Path) -> None:
    caller = identify(request("99#3620"), house.world(tmp_path))
    assert isinstance(caller, Caller)
    assert caller.username == "wholesale"


def test_a_known_address_with_another_tech_prefix_is_refused(house: House, tmp_path: Path) -> None:
    assert (
        refused(identify(request("88#3620", from_user="x"), house.world(tmp_path))) is causes.UNKNOWN_SOURCE
    )


def test_a_phone_behind_the_address_of_a_trunk_is_asked_for_its_password(
    house: House, tmp_path: Path
) -> None:
    assert isinstance(identify(request("3620", from_user="1001"), house.world(tmp_path)), NeedsDigest)


def test_a_stranger_is_asked_for_a_digest(house: House, tmp_path: Path) -> None:
    assert isinstance(
        identify(request("3620", source_host="203.0.113.1"), house.world(tmp_path)), NeedsDigest
    )


def test_a_proved_digest_names_the_account(house: House, tmp_path: Path) -> None:
    caller = identify(request("3620", digest_username="2001"), house.world(tmp_path))
    assert isinstance(caller, Caller)
    assert caller.id == house.extension


# limits


@pytest.mark.req("limits-020", "limits-025")
@pytest.mark.parametrize("whose", ["subscriber", "reseller", "company"])
def test_calls_at_once_are_limited_by_the_caller_and_by_everybody_above(
    house: House, tmp_path: Path, whose: str
) -> None:
    account = getattr(house, whose)
    next(row for row in house.rows["accounts"] if row[0] == account)[11] = 2
    assert decided(house.decide(tmp_path / "a", "36201", usage=Usage(up={account: 1})))
    assert refused(house.decide(tmp_path / "b", "36201", usage=Usage(up={account: 2}))) is causes.LIMIT_CALLS


def test_calls_per_second_are_limited(house: House, tmp_path: Path) -> None:
    next(row for row in house.rows["accounts"] if row[0] == house.reseller)[12] = 5
    result = house.decide(tmp_path, "36201", usage=Usage(begun={house.reseller: 5}))
    assert refused(result) is causes.LIMIT_RATE


@pytest.mark.req("limits-008", "limits-032", "limits-038", "limits-039")
def test_the_longest_call_is_the_accounts_own_else_the_setting(house: House, tmp_path: Path) -> None:
    assert decided(house.decide(tmp_path / "a", "36201")).max_seconds == 10_800
    next(row for row in house.rows["accounts"] if row[0] == house.subscriber)[13] = 90
    assert decided(house.decide(tmp_path / "b", "36201")).max_seconds == 90
    next(row for row in house.rows["accounts"] if row[0] == house.subscriber)[13] = 0
    house.settings["maxcallduration"] = 0
    assert decided(house.decide(tmp_path / "c", "36201")).max_seconds == 0, "no limit"


# screening


@pytest.mark.parametrize("whose", ["subscriber", "reseller", "company"])
@pytest.mark.req("routing-034", "users-038")
def test_a_disabled_account_disables_everybody_below_it(house: House, tmp_path: Path, whose: str) -> None:
    next(row for row in house.rows["accounts"] if row[0] == getattr(house, whose))[4] = False
    assert refused(house.decide(tmp_path, "36201")) is causes.ACCOUNT_DISABLED


def test_a_call_that_went_round_too_often_ends(house: House, tmp_path: Path) -> None:
    assert refused(house.decide(tmp_path, "36201", max_forwards=0)) is causes.LOOP


def test_a_member_of_staff_does_not_call(house: House, tmp_path: Path) -> None:
    clerk = house.account("clerk", "admin")
    assert refused(house.decide(tmp_path, "36201", by=clerk)) is causes.NOT_AUTHORISED


# numbers


@pytest.mark.parametrize(
    ("dialled", "called"),
    [
        ("36201234567", "36201234567"),
        ("+36 (20) 123-45.67", "36201234567"),
        ("0036201234567", "36201234567"),
        ("36201234567;phone-context=x", "36201234567"),
        ("%2B36201234567", "36201234567"),
    ],
)
@pytest.mark.req("routing-045")
def test_what_was_dialled_becomes_digits(house: House, tmp_path: Path, dialled: str, called: str) -> None:
    assert decided(house.decide(tmp_path, dialled)).called == called


@pytest.mark.parametrize(
    "dialled", ["", "+", "alice", "36'; DROP", "3620\x00", "36\r\nX: y", "٣٦٢٠", "3" * 33, "%00", "../etc"]
)
@pytest.mark.req("routing-033")
def test_what_is_no_number_is_refused(house: House, tmp_path: Path, dialled: str) -> None:
    assert refused(house.decide(tmp_path, dialled)) is causes.BAD_NUMBER


def test_the_tech_prefix_of_a_trunk_is_taken_off(house: House, tmp_path: Path) -> None:
    assert decided(house.decide(tmp_path, "99#0036201", by=house.trunk)).called == "36201"


@pytest.mark.parametrize(
    ("by", "fields", "shown"),
    [
        ("subscriber", {"asserted_number": "4912345"}, "3611112222"),
        ("extension", {}, "3611112222"),
        ("trunk", {"asserted_number": "+4912345", "from_user": "1"}, "4912345"),
        ("trunk", {"from_user": "004912345"}, "4912345"),
        ("trunk", {"from_user": "anonymous"}, "wholesale"),
    ],
)
def test_only_a_trunk_shows_a_number_that_is_not_its_own(
    house: House, tmp_path: Path, by: str, fields: dict[str, str], shown: str
) -> None:
    called = "99#36201" if by == "trunk" else "36201"
    assert decided(house.decide(tmp_path, called, by=getattr(house, by), **fields)).caller_number == shown


# targets


@pytest.mark.parametrize("called", ["1002", "3619998888", "+36 1 999 8888"])
@pytest.mark.req("routing-096")
def test_a_subscriber_of_ours_is_called_by_name_or_number_without_route_and_price(
    house: House, tmp_path: Path, called: str
) -> None:
    decision = decided(house.decide(tmp_path, called))
    assert [(one.kind, one.account.username) for one in decision.targets] == [("local", "1002")]
    assert decision.payers == []


@pytest.mark.req("routing-005")
def test_carriers_come_cheapest_first_with_the_number_as_each_wants_it(house: House, tmp_path: Path) -> None:
    decision = decided(house.decide(tmp_path, "36201"))
    assert [(one.account.username, one.number) for one in decision.targets] == [
        ("cheap", "77201"),
        ("dear", "0036201"),
    ]


@pytest.mark.req("routing-009")
def test_a_carrier_whose_lines_are_full_is_left_out_and_said_so(house: House, tmp_path: Path) -> None:
    decision = decided(house.decide(tmp_path, "36201", usage=Usage(out={house.cheap: 2})))
    assert [one.account.username for one in decision.targets] == ["dear"]
    assert "Not cheap (rule all): its lines are full (2)." in decision.trace


@pytest.mark.req("routing-036")
def test_a_disabled_carrier_is_left_out(house: House, tmp_path: Path) -> None:
    next(row for row in house.rows["accounts"] if row[0] == house.cheap)[4] = False
    assert [one.account.username for one in decided(house.decide(tmp_path, "36201")).targets] == ["dear"]


def test_a_carrier_without_a_rate_for_the_number_is_left_out(house: House, tmp_path: Path) -> None:
    assert [one.account.username for one in decided(house.decide(tmp_path, "44201")).targets] == ["dear"]


def test_carriers_are_compared_in_the_installations_currency(house: House, tmp_path: Path) -> None:
    house.rows["exchange"].append(["HUF", 0, 400 * 10**8])
    forint = house.carrier("forint", {"36": 8_000_000}, tariff_currency="HUF")  # 0.02 EUR
    house.rule("first", forint, house.cheap, priority=1)
    decision = decided(house.decide(tmp_path, "36201"))
    assert [one.account.username for one in decision.targets] == ["forint", "cheap", "dear"]
    assert decision.targets[0].cost is not None
    assert rate(decision.targets[0].cost, NOW, 60).net == 20_000


@pytest.mark.req("routing-035")
def test_without_a_rule_or_without_a_carrier_there_is_no_route(house: House, tmp_path: Path) -> None:
    house.rows["rules"][0][8] = ["36"]
    assert refused(house.decide(tmp_path / "b", "44201")) is causes.NO_ROUTE
    assert refused(house.decide(tmp_path / "c", "99201")) is causes.NO_ROUTE


def test_when_all_lines_are_full_the_carriers_have_failed(house: House, tmp_path: Path) -> None:
    house.rows["rules"].clear()
    house.rule("only", house.cheap)
    result = house.decide(tmp_path, "36201", usage=Usage(out={house.cheap: 2}))
    assert refused(result) is causes.CARRIERS_FAILED


@pytest.mark.req("routing-090")
def test_no_more_carriers_are_tried_than_maxreroute_allows(house: House, tmp_path: Path) -> None:
    house.settings["maxreroute"] = 0
    assert len(decided(house.decide(tmp_path, "36201")).targets) == 1


def test_a_carrier_brings_calls_to_our_numbers_only(house: House, tmp_path: Path) -> None:
    assert decided(house.decide(tmp_path / "a", "3619998888", by=house.dear)).targets[0].kind == "local"
    assert refused(house.decide(tmp_path / "b", "44201", by=house.dear)) is causes.NOT_AUTHORISED


# money


def test_the_subscriber_pays_retail_with_vat_and_the_reseller_its_own_price(
    house: House, tmp_path: Path
) -> None:
    decision = decided(house.decide(tmp_path, "36201"))
    assert [(one.account_id, one.kind, rate(one.terms, NOW, 60).gross) for one in decision.payers] == [
        (house.subscriber, "retail", 127_000),
        (house.reseller, "reseller", 50_000),
    ]
    assert decision.reseller_id == house.reseller


def test_an_extension_is_billed_to_its_subscriber(house: House, tmp_path: Path) -> None:
    decision = decided(house.decide(tmp_path, "36201", by=house.extension))
    assert [one.account_id for one in decision.payers] == [house.subscriber, house.reseller]


@pytest.mark.parametrize("missing", ["retail", "reseller"])
def test_a_call_that_somebody_has_no_price_for_is_refused(house: House, tmp_path: Path, missing: str) -> None:
    house.rows["assignments"] = [row for row in house.rows["assignments"] if row[1] != missing]
    assert refused(house.decide(tmp_path, "36201")) is causes.NO_PRICE


def test_a_number_that_the_retail_tariff_does_not_have_is_refused(house: House, tmp_path: Path) -> None:
    house.rates[house.retail] = house.rates[house.retail][1:]
    assert refused(house.decide(tmp_path, "36201")) is causes.NO_PRICE


def test_a_price_in_another_currency_needs_an_exchange_rate_of_the_day(house: House, tmp_path: Path) -> None:
    next(row for row in house.rows["tariffs"] if row[0] == house.retail)[3] = "USD"
    assert refused(house.decide(tmp_path / "a", "36201")) is causes.NO_PRICE
    house.rows["exchange"] += [["USD", 0, 2 * 10**8], ["USD", int(NOW) + 1, 10**8]]
    decision = decided(house.decide(tmp_path / "b", "36201"))
    assert rate(decision.payers[0].terms, NOW, 60).net == 50_000


def test_sales_and_company_prices_are_noted_where_somebody_above_has_them(
    house: House, tmp_path: Path
) -> None:
    house.tariff("sales", {"36": 7_000}, to=house.reseller)
    house.tariff("company", {"44": 7_000}, to=house.company)
    decision = decided(house.decide(tmp_path, "36201"))
    assert [(kind, account) for kind, account, _ in decision.other_prices] == [("sales", house.reseller)]


def test_the_destination_is_named_by_the_retail_tariff(house: House, tmp_path: Path) -> None:
    house.names[house.rates[house.retail][0].id] = "Hungary"
    assert decided(house.decide(tmp_path, "36201")).destination == "Hungary"


def test_the_first_hold_is_for_every_payer(house: House, tmp_path: Path) -> None:
    decision = decided(house.decide(tmp_path, "36201"))
    assert first_hold(decision, NOW, 60) == [
        (house.subscriber, 127_000, 2_200),  # 0.0017 and 27 % VAT, each to ten-thousandths
        (house.reseller, 50_000, 800),
    ]


def test_a_call_lasts_as_long_as_the_poorest_payer_can_pay(house: House, tmp_path: Path) -> None:
    decision = decided(house.decide(tmp_path, "36201"))
    paid = seconds_paid(decision, {house.subscriber: 127_000, house.reseller: 5_000}, NOW)
    assert paid is not None
    assert rate(decision.payers[1].terms, NOW, paid).gross <= 5_000
    assert rate(decision.payers[1].terms, NOW, paid + 1).gross > 5_000


def test_a_payer_without_money_pays_for_nothing(house: House, tmp_path: Path) -> None:
    assert seconds_paid(decided(house.decide(tmp_path, "36201")), {house.subscriber: 10**9}, NOW) == 0


def test_a_free_call_lasts_without_limit(house: House, tmp_path: Path) -> None:
    decision = decided(house.decide(tmp_path, "1002"))
    assert (first_hold(decision, NOW, 60), seconds_paid(decision, {}, NOW)) == ([], None)


# the whole


def test_a_decision_names_the_world_and_says_why(house: House, tmp_path: Path) -> None:
    decision = decided(house.decide(tmp_path, "+36201"))
    assert decision.world_version.startswith("2026")
    assert decision.trace == [
        "The caller is 1001 (subscriber), within its limits.",
        "+36201 was dialled, that is 36201 (international escape code + off).",
        "1. cheap: rule all (priority 100), target priority 1, least cost 0.03 for one minute.",
        "2. dear: rule all (priority 100), target priority 1, least cost 0.04 for one minute.",
        f"1001 pays the retail price of tariff retail-{house.retail}, prefix 36.",
        f"partner pays the reseller price of tariff reseller-{house.wholesale}, prefix 36.",
    ]


def test_a_rejection_says_how_far_the_call_came(house: House, tmp_path: Path) -> None:
    house.rows["rules"].clear()
    result = house.decide(tmp_path, "36201")
    assert isinstance(result, Rejection)
    assert result.trace[-1] == "Refused: no route rule takes 36201."


def test_the_same_request_is_decided_alike_every_time(house: House, tmp_path: Path) -> None:
    house.rule("lot", (house.dear, 1, 3), (house.cheap, 1, 3), priority=1, strategy="weight")
    assert house.decide(tmp_path / "a", "36201") == house.decide(tmp_path / "a", "36201")


def test_a_rate_of_another_hour_is_no_price_now(house: House, tmp_path: Path) -> None:
    house.rows["windows"].append([77, [[127, 0, 60]]])
    house.rates[house.retail] = [Rate(900, "36", 1000, window=77)]
    assert refused(house.decide(tmp_path, "36201")) is causes.NO_PRICE


# who may call whom


@pytest.mark.req("groups-001")
@pytest.mark.parametrize(
    ("mine", "theirs", "reached"), [(0, 0, True), (7, 7, True), (7, 8, False), (7, 0, False), (0, 7, False)]
)
def test_subscribers_reach_each_other_within_their_user_group(
    house: House, tmp_path: Path, mine: int, theirs: int, reached: bool
) -> None:
    for account, group in ((house.reseller, mine), (house.other, theirs)):
        if group:  # what a reseller has, its subscribers have too
            house.rows["overrides"].append([account, "usergroup", group])
    found = house.decide(tmp_path, "1002")
    if reached:
        assert decided(found).targets[0].kind == "local"
    else:
        assert refused(found) is causes.NOT_AUTHORISED


def test_a_call_from_outside_asks_for_no_user_group(house: House, tmp_path: Path) -> None:
    house.rows["overrides"].append([house.other, "usergroup", 7])
    assert decided(house.decide(tmp_path, "99#3619998888", house.trunk)).targets[0].kind == "local"


def test_an_account_is_in_its_own_groups_and_in_those_of_everybody_above(
    house: House, tmp_path: Path
) -> None:
    house.rows["memberships"] += [[house.reseller, 5], [house.subscriber, 6], [house.other, 9]]
    world = house.world(tmp_path)
    extension = world.account(house.extension)
    assert extension is not None and world.groups_of(extension) == {5, 6}
