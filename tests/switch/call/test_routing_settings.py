"""Who may call whom, and which carrier takes which calls: settings of accounts, as the pipeline heeds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from switch.call import causes
from switch.call.model import Decision
from tests.switch.call.test_pipeline import House, decided, refused
from tests.switch.worlds import NOW, Usage

CALLED = "36201234567"


class Town(House):
    """The same house, whose accounts have settings of their own."""

    def set(self, account: int, **settings: Any) -> None:
        for key, value in settings.items():
            assert key in self.settings, key
            self.rows["overrides"].append([account, key, value])

    def carriers(self, folder: Path, called: str = CALLED, **fields: Any) -> list[str]:
        """The carriers of a call in order; none when it is refused."""
        found = self.decide(folder, called, **fields)
        return [one.account.username for one in found.targets] if isinstance(found, Decision) else []


@pytest.fixture
def town() -> Town:
    return Town()


# whom an account may call


@pytest.mark.req("limits-056", "routing-020")
def test_an_account_for_local_calls_reaches_our_subscribers_and_no_carrier(
    town: Town, tmp_path: Path
) -> None:
    town.set(town.subscriber, onlylocalaccess=True)
    assert refused(town.decide(tmp_path / "a", CALLED)) is causes.NOT_AUTHORISED
    assert decided(town.decide(tmp_path / "b", "1002")).targets[0].kind == "local"


@pytest.mark.req("limits-022", "routing-016", "routing-022")
@pytest.mark.parametrize("whose", ["subscriber", "reseller"])
def test_enabled_prefixes_of_the_caller_or_of_anybody_above_are_all_it_may_call(
    town: Town, tmp_path: Path, whose: str
) -> None:
    town.set(getattr(town, whose), enabledprefixes=["3620", "44"])
    assert town.carriers(tmp_path / "a") == ["cheap", "dear"]
    assert refused(town.decide(tmp_path / "b", "36301234567")) is causes.NOT_AUTHORISED
    assert decided(town.decide(tmp_path / "c", "1002")), "a subscriber of ours has no prefix"


@pytest.mark.req("routing-016")
def test_a_star_among_enabled_prefixes_allows_every_number(town: Town, tmp_path: Path) -> None:
    town.set(town.subscriber, enabledprefixes=["44", "*"])
    assert town.carriers(tmp_path) == ["cheap", "dear"]


@pytest.mark.req("routing-018", "routing-075")
def test_blocked_prefixes_of_the_caller_are_refused(town: Town, tmp_path: Path) -> None:
    town.set(town.reseller, blockprefixes=["3620123"])
    assert refused(town.decide(tmp_path / "a", CALLED)) is causes.NOT_AUTHORISED
    assert town.carriers(tmp_path / "b", "36209999999") == ["cheap", "dear"]


@pytest.mark.req("routing-053")
def test_rights_can_be_left_unchecked(town: Town, tmp_path: Path) -> None:
    town.set(town.subscriber, blockprefixes=["36"])
    town.set(town.dear, allowedpartners=["1002"])
    town.settings["checkrouterrights"] = False
    assert town.carriers(tmp_path) == ["cheap", "dear"]


def test_an_emergency_number_is_never_blocked_by_a_right(town: Town, tmp_path: Path) -> None:
    town.set(town.subscriber, enabledprefixes=["44"], emergencynumbers=["112", CALLED])
    assert town.carriers(tmp_path) == ["cheap", "dear"]


@pytest.mark.req("routing-023")
def test_who_may_call_an_account_is_named_by_user_name_id_or_somebody_above(
    town: Town, tmp_path: Path
) -> None:
    for number, (listed, may) in enumerate(
        [
            (["nobody"], False),
            (["1001"], True),
            ([str(town.subscriber)], True),
            (["partner"], True),
            (["*"], True),
        ]
    ):
        town.rows["overrides"].clear()
        town.set(town.other, allowedusers=listed)
        found = town.decide(tmp_path / str(number), "1002")
        assert isinstance(found, Decision) is may, listed


@pytest.mark.req("routing-034")
def test_who_is_disabled_for_the_time_being_neither_calls_nor_is_called(town: Town, tmp_path: Path) -> None:
    town.set(town.subscriber, temporarydisabled=True)
    assert refused(town.decide(tmp_path / "a", CALLED)) is causes.ACCOUNT_DISABLED
    assert refused(town.decide(tmp_path / "b", "1001", by=town.other)) is causes.NOT_AUTHORISED


@pytest.mark.req("routing-071")
def test_calls_to_our_subscribers_stay_inside_go_out_or_are_dropped(town: Town, tmp_path: Path) -> None:
    number = "3619998888"  # of 1002
    assert decided(town.decide(tmp_path / "yes", number)).targets[0].kind == "local"
    town.settings["allowusercalls"] = "no"
    assert town.carriers(tmp_path / "no", number) == ["cheap", "dear"]
    town.settings["allowusercalls"] = "drop"
    assert refused(town.decide(tmp_path / "drop", number)) is causes.NOT_AUTHORISED


@pytest.mark.req("routing-052", "routing-089")
def test_our_subscribers_numbers_need_not_be_looked_for(town: Town, tmp_path: Path) -> None:
    town.settings["checklocalnumbers"] = False
    assert town.carriers(tmp_path, "3619998888") == ["cheap", "dear"]


@pytest.mark.req("routing-051")
def test_numbers_of_ours_that_nobody_has_go_to_no_carrier(town: Town, tmp_path: Path) -> None:
    town.settings["checklocalnumberpx"] = ("361999",)
    assert decided(town.decide(tmp_path / "a", "3619998888")).targets[0].kind == "local"
    assert refused(town.decide(tmp_path / "b", "3619990000")) is causes.NOT_AUTHORISED
    assert town.carriers(tmp_path / "c", "3618880000") == ["cheap", "dear"]


# which calls a carrier takes


@pytest.mark.parametrize(
    ("own", "taken"),
    [
        pytest.param({"enabledprefixes": ["44"]}, False, marks=pytest.mark.req("routing-038")),
        pytest.param({"enabledprefixes": ["3620"]}, True, marks=pytest.mark.req("routing-038")),
        pytest.param({"enabledprefixes": ["*"]}, True, marks=pytest.mark.req("routing-038")),
        pytest.param({"blockprefixes": ["3620123"]}, False, marks=pytest.mark.req("routing-039")),
        pytest.param({"blockprefixes": ["3630"]}, True, marks=pytest.mark.req("routing-039")),
        pytest.param({"enabledtechprefixes": ["987"]}, False, marks=pytest.mark.req("routing-017")),
        pytest.param({"enabledtechprefixes": ["99#"]}, True, marks=pytest.mark.req("routing-017")),
        pytest.param({"testprefix": ["987"]}, False, marks=pytest.mark.req("routing-041")),
        pytest.param({"testprefix": ["99#"]}, True, marks=pytest.mark.req("routing-041", "routing-081")),
        pytest.param({"onlytestcalls": True}, False, marks=pytest.mark.req("routing-037")),
        pytest.param({"temporarydisabled": True}, False, marks=pytest.mark.req("routing-036")),
        pytest.param(
            {"allowedpartners": ["1001"]}, False, marks=pytest.mark.req("routing-015", "routing-036")
        ),
        pytest.param({"allowedpartners": ["wholesale"]}, True, marks=pytest.mark.req("routing-015")),
        pytest.param({"allowedpartners": ["company"]}, True, marks=pytest.mark.req("routing-015")),
    ],
)
def test_a_carrier_that_does_not_take_such_calls_is_passed_over(
    town: Town, tmp_path: Path, own: dict[str, Any], taken: bool
) -> None:
    """The caller is a trunk below "company", and came with the tech prefix 99#."""
    town.tariff("retail", {"36": 100_000}, to=town.trunk)
    town.set(town.cheap, **own)
    found = town.carriers(tmp_path, f"99#{CALLED}", by=town.trunk, from_user="4930")
    assert found == (["cheap", "dear"] if taken else ["dear"])


@pytest.mark.req("routing-037")
def test_a_carrier_for_test_calls_takes_those_with_the_test_prefix(town: Town, tmp_path: Path) -> None:
    town.set(town.cheap, onlytestcalls=True)
    next(row for row in town.rows["accounts"] if row[0] == town.subscriber)[10] = "999"
    assert town.carriers(tmp_path / "a", f"999{CALLED}") == ["cheap", "dear"]
    assert town.carriers(tmp_path / "b", CALLED) == ["dear"]


def test_a_disabled_or_full_carrier_never_takes_the_route_away_from_the_others(
    town: Town, tmp_path: Path
) -> None:
    town.set(town.cheap, temporarydisabled=True, absolutepriority=9)
    assert town.carriers(tmp_path / "a") == ["dear"]
    town.rows["overrides"].clear()
    town.set(town.cheap, absolutepriority=9)
    assert town.carriers(tmp_path / "b", usage=Usage(out={town.cheap: 2})) == ["dear"]


@pytest.mark.req("routing-048")
def test_a_call_goes_back_where_it_came_from_only_if_that_is_allowed(town: Town, tmp_path: Path) -> None:
    town.tariff("retail", {"36": 100_000}, to=town.cheap)
    for number, (allowed, expected) in enumerate([(False, ["dear"]), (True, ["cheap", "dear"])]):
        town.set(town.cheap, allownumbersendback=allowed)
        row = next(row for row in town.rows["accounts"] if row[0] == town.subscriber)
        row[3] = [town.cheap, town.subscriber]  # the caller belongs to the carrier
        assert town.carriers(tmp_path / str(number)) == expected


# which carrier goes before others


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({"carrierpriority": 1}, marks=pytest.mark.req("routing-019")),
        pytest.param({"absolutepriority": 1}, marks=pytest.mark.req("routing-019")),
        pytest.param({"globalabsolutepriority": 1}, marks=pytest.mark.req("routing-019")),
        pytest.param({"prioritypartner": ["partner"]}, marks=pytest.mark.req("routing-019")),
        pytest.param({"callerpriority": ["361"]}, marks=pytest.mark.req("routing-019")),
        pytest.param({"calledpriority": ["3620"]}, marks=pytest.mark.req("routing-019")),
    ],
)
def test_a_dearer_carrier_with_a_priority_goes_first(
    town: Town, tmp_path: Path, wish: dict[str, Any]
) -> None:
    assert town.carriers(tmp_path / "before") == ["cheap", "dear"]
    town.set(town.dear, **wish)
    assert town.carriers(tmp_path / "after") == ["dear", "cheap"]


@pytest.mark.req("routing-080", "routing-081")
def test_a_gateway_for_a_tech_prefix_has_its_calls_first_and_others_take_what_it_cannot(
    town: Town, tmp_path: Path
) -> None:
    town.tariff("retail", {"36": 100_000}, to=town.trunk)
    next(row for row in town.rows["accounts"] if row[0] == town.trunk)[10] = "987"
    town.set(town.dear, calledpriority=["987"], testprefix=["987"])
    trunk = {"by": town.trunk, "from_user": "4930"}
    assert town.carriers(tmp_path / "a", f"987{CALLED}", **trunk) == ["dear", "cheap"]
    full = Usage(out={town.dear: 99})
    next(row for row in town.rows["trunks"] if row[0] == town.dear)[6] = 99
    assert town.carriers(tmp_path / "b", f"987{CALLED}", usage=full, **trunk) == ["cheap"]
    assert town.carriers(tmp_path / "c", CALLED) == ["cheap"], "without its test prefix it takes no call"


@pytest.mark.req("routing-058")
def test_a_carrier_rests_after_a_call_while_an_equal_one_is_there(town: Town, tmp_path: Path) -> None:
    town.set(town.cheap, minsubsecventcallbegin=10)
    assert town.carriers(tmp_path / "a", usage=Usage(ended={town.cheap: 9.0})) == ["dear", "cheap"]
    assert town.carriers(tmp_path / "b", usage=Usage(ended={town.cheap: 10.0})) == ["cheap", "dear"]


@pytest.mark.req("routing-003", "routing-012")
def test_calls_are_spread_by_free_lines_and_then_by_who_waited_longest(town: Town, tmp_path: Path) -> None:
    town.settings["brs_lcr"] = 0
    next(row for row in town.rows["rules"] if row[1] == "all")[4] = ""
    for row in town.rows["trunks"]:
        row[6] = 10
    busy = Usage(out={town.cheap: 4, town.dear: 3}, routed={town.cheap: 1.0, town.dear: 2.0})
    assert town.carriers(tmp_path / "a", usage=busy) == ["dear", "cheap"]
    even = Usage(out={town.cheap: 3, town.dear: 3}, routed={town.cheap: 1.0, town.dear: 2.0})
    assert town.carriers(tmp_path / "b", usage=even) == ["cheap", "dear"]


@pytest.mark.parametrize("destination", ["", "3620"])
def test_a_demoted_carrier_goes_last_but_is_not_lost(town: Town, tmp_path: Path, destination: str) -> None:
    town.rows["standings"].append([town.cheap, destination, "demoted", 1, NOW + 60, "ASR 2 %"])
    assert town.carriers(tmp_path / "a") == ["dear", "cheap"]
    assert town.carriers(tmp_path / "b", "36301234567") == (
        ["cheap", "dear"] if destination else ["dear", "cheap"]
    )


@pytest.mark.req("routing-014")
def test_the_calls_of_important_callers_go_by_quality(town: Town, tmp_path: Path) -> None:
    """The cheap carrier is bad: for an ordinary caller the price makes up for it, for an important one it does not."""
    next(row for row in town.rows["rules"] if row[1] == "all")[4] = "best_route"
    base = [30, 20, 70, 35, 240, 0, 0]
    town.rows["figures"] += [
        [town.cheap, "36", 20, *base, [45, 140], None, 0, 0],
        [town.dear, "36", 20, *base, [70, 240], None, 0, 0],
    ]
    assert town.carriers(tmp_path / "a") == ["cheap", "dear"]
    town.set(town.subscriber, qualification=10)
    assert town.carriers(tmp_path / "b") == ["dear", "cheap"]


# ways beside the rules


@pytest.mark.req("routing-054")
def test_an_emergency_call_goes_to_the_emergency_carrier_first(town: Town, tmp_path: Path) -> None:
    town.settings |= {"emergencydir": "dear", "emergencynumbers": ("112", CALLED)}
    assert town.carriers(tmp_path / "a") == ["dear", "cheap"]
    assert town.carriers(tmp_path / "b", "36309999999") == ["cheap", "dear"]


def test_an_emergency_call_goes_out_although_no_rule_takes_it(town: Town, tmp_path: Path) -> None:
    town.rows["rules"].clear()
    town.settings |= {"emergencydir": "dear", "emergencynumbers": (CALLED,)}
    assert town.carriers(tmp_path) == ["dear"]


@pytest.mark.req("routing-056", "routing-059")
def test_one_carrier_for_everything_and_one_for_what_no_rule_takes(town: Town, tmp_path: Path) -> None:
    town.settings["onlyroutealias"] = str(town.dear)
    assert town.carriers(tmp_path / "a") == ["dear"]
    town.settings["onlyroutealias"] = ""
    town.settings["fakegwalias"] = "dear"
    town.rows["rules"].clear()
    assert town.carriers(tmp_path / "b") == ["dear"]


# limits of targets


@pytest.mark.req("routing-009", "routing-012")
def test_a_target_that_has_its_lines_of_a_rule_leaves_the_call_to_the_next(
    town: Town, tmp_path: Path
) -> None:
    rule = next(row for row in town.rows["rules"] if row[1] == "all")
    rule[3] = [[town.dear, 2, 1], [town.cheap, 1, 1, 77, 0, 1, 0, None, 0, False]]
    assert town.carriers(tmp_path / "a") == ["cheap", "dear"]
    assert town.carriers(tmp_path / "b", usage=Usage(out={-77: 1})) == ["dear"]
    found = decided(town.decide(tmp_path / "c", CALLED))
    assert [one.route for one in found.targets] == [77, 0]


def test_a_target_outside_its_own_hours_is_passed_over(town: Town, tmp_path: Path) -> None:
    rule = next(row for row in town.rows["rules"] if row[1] == "all")
    rule[3] = [[town.dear, 1, 1], [town.cheap, 1, 1, 77, 0, 0, 0, [[127, 0, 60]], 0, False]]
    assert town.carriers(tmp_path) == ["dear"]


@pytest.mark.req("routing-099")
def test_a_rule_without_carriers_blocks_a_caller_by_its_number(town: Town, tmp_path: Path) -> None:
    town.rule("block", priority=1, caller_prefixes=["3611112222"], final=True)
    assert refused(town.decide(tmp_path / "a", CALLED)) is causes.NO_ROUTE
    next(row for row in town.rows["accounts"] if row[0] == town.subscriber)[9] = "3611112223"
    assert town.carriers(tmp_path / "b") == ["cheap", "dear"]


@pytest.mark.req("routing-060")
def test_a_hash_at_the_end_of_a_number_is_taken_off_where_that_is_set(town: Town, tmp_path: Path) -> None:
    kept = town.decide(tmp_path / "a", f"{CALLED}#")
    assert not isinstance(kept, Decision) or kept.called != CALLED
    town.settings["removetrailinghash"] = True
    assert decided(town.decide(tmp_path / "b", f"{CALLED}#")).called == CALLED


@pytest.mark.req("routing-094")
def test_routes_and_prices_go_by_the_number_as_rules_have_made_it(town: Town, tmp_path: Path) -> None:
    """The guide's example: 1999999 with 1 → 44222 is 44222999999, and only that has a route and a price."""
    conditions = [None, None, "", "", [], [], ""]
    town.rows["rewrite_rules"] = [
        [1, "uk", 2, *conditions, "called", "begins", "1", "beginning", "1", "44222", "same", False]
    ]
    town.rows["rules"].clear()
    town.rule("UK", town.dear, called_prefixes=["44222"])
    found = decided(town.decide(tmp_path, "1999999"))
    assert (found.called, [one.rule for one in found.targets]) == ("44222999999", ["UK"])
    assert {payer.terms.bands[0].prefix for payer in found.payers} == {"44"}
