"""By which carriers a call may leave, and in which order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.values.windows import TimeWindow
from apps.pricing.engine.price_lists import Calendar
from apps.routing.engine import (
    BALANCED,
    BEST_ROUTE,
    BEST_THEN_CHEAPEST,
    LEAST_COST,
    WEIGHT,
    Facts,
    Offer,
    Plan,
    RouteTable,
    Rule,
    RuleTarget,
    plan,
)

MONDAY_NOON = 1_789_992_000.0  # 2026-09-21 12:00 UTC
CALL = Facts(
    caller_path=(1, 5, 9),
    caller_number="3611112222",
    called="36201234567",
    tech_prefix="987",
    groups=frozenset({3}),
)


def rule(name: str, *carriers: int | RuleTarget, **fields: object) -> Rule:
    targets = tuple(one if isinstance(one, RuleTarget) else RuleTarget(one) for one in carriers)
    values = {"id": abs(hash(name)) % 1000, "priority": 100} | fields
    return Rule(name=name, targets=targets, **values)  # type: ignore[arg-type]


def order(*rules: Rule, **more: Any) -> list[int]:
    return [one.carrier for one in planned(*rules, **more).targets]


def planned(
    *rules: Rule,
    costs: dict[int, int | str] | None = None,
    facts: Facts = CALL,
    chance: int = 0,
    most: int | None = None,
) -> Plan[None]:
    def offer(carrier: int) -> Offer[None] | str:
        cost = (costs or {}).get(carrier, 1)
        return cost if isinstance(cost, str) else Offer(cost, None)

    return plan(RouteTable(rules), facts, MONDAY_NOON, partial(map, offer), chance, most=most)


@pytest.mark.req("routing-005")
def test_the_cheapest_carrier_of_a_rule_comes_first() -> None:
    assert order(rule("all", 1, 2, 3), costs={1: 30, 2: 10, 3: 20}) == [2, 3, 1]


def test_the_reason_says_rule_priority_and_cost() -> None:
    [first, _] = planned(rule("all", 1, 2), costs={1: 12_345_678, 2: 2 * 10**9}).targets
    assert first.why == "rule all (priority 100), target priority 1, least cost 0.012345678 for one minute"


def test_the_priority_of_a_target_outranks_its_cost() -> None:
    assert order(rule("all", RuleTarget(1, 2), RuleTarget(2, 1)), costs={1: 1, 2: 99}) == [2, 1]


def test_carriers_of_the_next_rule_follow_those_of_the_first() -> None:
    first, second = rule("first", 1, priority=1), rule("second", 2, priority=2)
    assert order(second, first, costs={1: 99, 2: 1}) == [1, 2]


@pytest.mark.req("routing-027")
def test_a_catch_all_of_lower_priority_comes_last() -> None:
    assert order(rule("any", 1, priority=900), rule("36", 2, called_prefixes=("36",))) == [2, 1]


def test_among_rules_of_equal_priority_the_longer_called_prefix_is_asked_first() -> None:
    assert order(rule("3", 1, called_prefixes=("3",)), rule("3620", 2, called_prefixes=("3620",))) == [2, 1]


def test_a_carrier_keeps_its_first_place_only() -> None:
    assert order(rule("a", 1, 2, priority=1), rule("b", 2, 3, priority=2)) == [1, 2, 3]


def test_a_carrier_that_a_rule_has_twice_has_the_first_place_that_it_may_take() -> None:
    assert order(rule("a", RuleTarget(1, 2), RuleTarget(1, 1), 3)) == [3, 1]
    closed = RuleTarget(1, 1, full_until=int(MONDAY_NOON) + 1)
    assert order(rule("a", closed, 3, RuleTarget(1, 2))) == [3, 1]


def test_a_final_rule_ends_the_list_even_when_its_carriers_cannot_be_used() -> None:
    assert (
        order(rule("a", 1, priority=1, final=True), rule("b", 2, priority=2), costs={1: "it is disabled"})
        == []
    )


@pytest.mark.req("routing-098")
def test_a_final_rule_without_carriers_blocks_a_caller() -> None:
    assert order(rule("block", caller=5, priority=1, final=True), rule("all", 1)) == []


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({}, True),
        ({"caller": 9}, True),
        ({"caller": 5}, True),
        ({"caller": 6}, False),
        ({"called_prefixes": ("44", "3620")}, True),
        ({"called_prefixes": ("44", "3630")}, False),
        ({"called_prefixes": ("362012345678",)}, False),
        ({"caller_prefixes": ("361",)}, True),
        ({"caller_prefixes": ("49",)}, False),
        ({"window": TimeWindow(1, 11 * 60, 13 * 60)}, True),
        ({"window": TimeWindow(2, 11 * 60, 13 * 60)}, False),
        ({"window": TimeWindow(127, 13 * 60, 14 * 60)}, False),
        ({"tech_prefixes": ("987",)}, True),
        ({"tech_prefixes": ("986",)}, False),
        ({"tech_prefixes": ("*",)}, True),
        ({"service": "voice"}, True),
        ({"service": "sms"}, False),
        ({"groups": frozenset({3, 4})}, True),
        ({"groups": frozenset({4})}, False),
    ],
)
@pytest.mark.req("routing-001", "routing-008", "routing-011", "routing-028")
def test_a_rule_takes_a_call_when_all_its_conditions_hold(fields: dict[str, object], taken: bool) -> None:
    assert order(rule("one", 7, **fields)) == ([7] if taken else [])


def test_a_window_follows_the_callers_wall_clock() -> None:
    noon = rule("noon", 7, window=TimeWindow(1, 12 * 60, 13 * 60))
    tokyo = replace(CALL, zone="Asia/Tokyo")
    assert (order(noon), order(noon, facts=tokyo)) == ([7], [])


@pytest.mark.req("routing-049", "routing-064")
@pytest.mark.parametrize(
    ("prefixes", "counts_as", "taken"),
    [((), 7, False), (("36",), 6, False), (("44",), 7, True), ((), 4, True)],
)
def test_a_holiday_does_not_count_as_its_weekday(
    prefixes: tuple[str, ...], counts_as: int, taken: bool
) -> None:
    today = int(MONDAY_NOON) // 86_400
    workdays = rule("work", 7, window=TimeWindow(31, 0, 0), calendars=(1,))
    table = RouteTable([workdays], {1: Calendar(prefixes, {today: counts_as})})
    assert bool(table.matching(CALL, MONDAY_NOON)) is taken


def test_why_a_rule_does_not_take_a_call_is_told() -> None:
    rules = (rule("a", 1, service="sms"), rule("b", 1, called_prefixes=("44",)), rule("c", 1))
    told = [(one.name, why) for one, why in RouteTable(rules).refusals(CALL, MONDAY_NOON)]
    assert told == [("a", "it is for sms")], "b is for other numbers, and not even looked at"


def test_ten_thousand_rules_of_other_callers_are_not_looked_at() -> None:
    table = RouteTable(rule(f"of {one}", 7, id=one, caller=one + 100) for one in range(10_000))
    assert list(table._near(CALL)) == []


@pytest.mark.req("routing-095")
def test_a_list_of_a_hundred_thousand_prefixes_is_one_condition() -> None:
    listed = (*map(str, range(100_000, 200_000)), "362012")
    assert order(rule("long", 7, called_prefixes=listed)) == [7]


def test_what_cannot_be_used_is_reported_with_its_reason() -> None:
    found = planned(rule("all", 1, 2), costs={1: "its lines are full (2)"})
    assert [(carrier, why) for carrier, _, why in found.skipped] == [(1, "its lines are full (2)")]


@pytest.mark.req("routing-003")
def test_weights_share_the_calls() -> None:
    weighted = rule("w", RuleTarget(1, 1, 3), RuleTarget(2, 1, 1), strategy=WEIGHT)
    first = Counter(order(weighted, chance=chance)[0] for chance in range(4000))
    assert 0.70 < first[1] / 4000 < 0.80


def test_a_weight_of_zero_is_tried_last() -> None:
    weighted = rule("w", RuleTarget(1, 1, 0), RuleTarget(2, 1, 1), strategy=WEIGHT)
    assert {tuple(order(weighted, chance=chance)) for chance in range(50)} == {(2, 1)}


carriers = st.integers(1, 8)
targets = st.builds(
    lambda carrier, priority, weight, share: RuleTarget(carrier, priority, weight, share=share),
    carriers,
    st.integers(1, 3),
    st.integers(0, 5),
    st.sampled_from([0, 0, 30]),
)


def rules_by(*strategies: str) -> st.SearchStrategy[list[Rule]]:
    one = st.builds(
        Rule,
        id=st.integers(1, 99),
        name=st.just("r"),
        priority=st.integers(1, 3),
        targets=st.lists(targets, max_size=5, unique_by=lambda one: one.carrier).map(tuple),
        strategy=st.sampled_from(strategies),
        final=st.booleans(),
        called_prefixes=st.sampled_from([(), ("36",), ("3620", "44"), ("1",)]),
    )
    return st.lists(one, max_size=6, unique_by=lambda one: one.id)


rules = rules_by(LEAST_COST, WEIGHT)
all_kinds = rules_by(LEAST_COST, WEIGHT, BEST_ROUTE, BEST_THEN_CHEAPEST, BALANCED)
costs_of = st.dictionaries(carriers, st.one_of(st.integers(0, 9), st.just("it is disabled")))


@given(rules, costs_of, st.integers(0, 2**32))
def test_nobody_who_cannot_be_used_is_ever_tried(
    some: list[Rule], costs: dict[int, int | str], chance: int
) -> None:
    found = order(*some, costs=costs, chance=chance)
    assert not [one for one in found if isinstance(costs.get(one), str)]
    assert len(found) == len(set(found))


@given(all_kinds, costs_of, st.integers(0, 2**32), st.integers(1, 6))
def test_who_wants_no_more_than_some_ways_gets_the_first_of_all(
    some: list[Rule], costs: dict[int, int | str], chance: int, most: int
) -> None:
    everything = order(*some, costs=costs, chance=chance)
    assert order(*some, costs=costs, chance=chance, most=most) == everything[:most]


@given(rules, costs_of, st.integers(0, 2**32), carriers)
def test_a_carrier_that_drops_out_changes_nobody_elses_order(
    some: list[Rule], costs: dict[int, int | str], chance: int, gone: int
) -> None:
    before = order(*some, costs=costs, chance=chance)
    after = order(*some, costs=costs | {gone: "it is disabled"}, chance=chance)
    assert after == [one for one in before if one != gone]
