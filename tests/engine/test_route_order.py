"""In which order the carriers of one rule are tried: each key of the list decides, and none but the more important outrank it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.values.windows import TimeWindow
from apps.routing.engine import (
    ALGORITHMS,
    BALANCED,
    BEST_ROUTE,
    BEST_THEN_CHEAPEST,
    LEAST_COST,
    NO_WAYS,
    ORDER,
    WEIGHT,
    Facts,
    Limits,
    Match,
    Offer,
    Plan,
    RouteTable,
    Rule,
    RuleTarget,
    Standing,
    Ways,
    plan,
)
from apps.routing.engine.brs import Figures, Measured, autopriority
from apps.routing.engine.order import UNLIMITED, Rank, _drawn, counts_cost, in_order, precedence
from apps.routing.engine.plan import NO_LIMITS

NOON = 1_789_992_000.0  # Monday 2026-09-21 12:00 UTC
CALL = Facts((1, 9), "3611112222", "36201234567")
GOOD, BAD = Measured(70, 240), Measured(20, 35)

#: For each key: what makes carrier 2 the better one, and carrier 1 the worse one: (target, standing, cost).
Side = tuple[dict[str, Any], dict[str, Any], int]
EVEN = 1000
"""So that one less is cheaper, and no better route."""
PLAIN: Side = ({}, {}, EVEN)
BETTER: dict[str, tuple[Side, Side]] = {
    "global absolute priority of the carrier": (({}, {"global_absolute": 1}, EVEN), PLAIN),
    "absolute priority of the carrier": (({}, {"absolute": 1}, EVEN), PLAIN),
    "not a last resort": (PLAIN, ({"last_resort": True}, {}, EVEN)),
    "carrier wishes for this called prefix": (({}, {"called_wish": True}, EVEN), PLAIN),
    "does not do far too badly": (PLAIN, ({}, {"far_behind": True}, EVEN)),
    "100s of the priority in the rule": (({"priority": 99}, {}, EVEN), ({"priority": 100}, {}, EVEN)),
    "carrier is not demoted": (PLAIN, ({}, {"demoted": "ASR 3 %"}, EVEN)),
    "carrier is not demoted for this destination": (PLAIN, ({}, {"demoted_here": "ASR 3 %"}, EVEN)),
    "priority in the rule": (({"priority": 1}, {}, EVEN), ({"priority": 2}, {}, EVEN)),
    "time since the carrier's last call ended": (PLAIN, ({}, {"rested": False}, EVEN)),
    "carrier wishes for this caller prefix": (({}, {"caller_wish": True}, EVEN), PLAIN),
    "carrier wishes for this customer": (({}, {"partner_wish": True}, EVEN), PLAIN),
    "priority of the carrier": (({}, {"priority": 1}, EVEN), PLAIN),
    "its share, or its turn to be tried": (({"share": 100}, {}, EVEN), PLAIN),
    "best route": (({}, {"figures": Figures(day=GOOD)}, EVEN), ({}, {"figures": Figures(day=BAD)}, EVEN)),
    "least cost": (({}, {}, EVEN - 1), PLAIN),
    "free lines": (({}, {"free_lines": 5}, EVEN), ({}, {"free_lines": 4}, EVEN)),
    "longest without a call": (({}, {"routed_at": 100.0}, EVEN), ({}, {"routed_at": 200.0}, EVEN)),
}


#: Two numbers cannot differ both ways; and the price is part of the best route.
DEPENDENT = ({"100s of the priority in the rule", "priority in the rule"}, {"best route", "least cost"})


def merged(*sides: Side) -> Side:
    """A carrier with the traits of all of them; where none says something else, like any other."""
    target: dict[str, Any] = {}
    standing: dict[str, Any] = {}
    for one in sides:
        target |= one[0]
        standing |= one[1]
    return target, standing, next((one[2] for one in sides if one[2] != EVEN), EVEN)


def offer(side: Side) -> Offer[None]:
    _, standing, cost = side
    now = {name: standing[name] for name in ("free_lines", "routed_at") if name in standing}
    others = {name: value for name, value in standing.items() if name not in now}
    return Offer(cost, None, Standing(**others), **now)


def planned(one: Side, two: Side, *, strategy: str = BEST_THEN_CHEAPEST, **more: Any) -> Plan[None]:
    sides = {1: one, 2: two}
    targets = tuple(RuleTarget(carrier, **side[0]) for carrier, side in sides.items())
    offers = {carrier: offer(side) for carrier, side in sides.items()}
    table = RouteTable([Rule(1, "all", 100, targets, strategy)])
    return plan(table, CALL, NOON, partial(map, offers.__getitem__), **more)


def first(one: Side, two: Side, **more: Any) -> int:
    return planned(one, two, **more).targets[0].carrier


def test_every_key_but_the_lot_and_the_last_is_proved_here() -> None:
    assert [key.name for key in ORDER if key.name not in ("lot by weight", "lower account id")] == list(
        BETTER
    )


@pytest.mark.parametrize("key", BETTER)
def test_a_key_decides_between_carriers_that_are_otherwise_alike(key: str) -> None:
    better, worse = BETTER[key]
    found = planned(worse, better)
    assert found.targets[0].carrier == 2
    assert found.before_next(0).startswith(f"{key}: ")


@pytest.mark.parametrize(
    ("upper", "lower"), [pair for pair in combinations(BETTER, 2) if set(pair) not in DEPENDENT]
)
def test_the_more_important_key_wins(upper: str, lower: str) -> None:
    (good, bad), (better, worse) = BETTER[upper], BETTER[lower]
    assert first(merged(bad, better), merged(good, worse)) == 2, f"{upper} before {lower}"


def test_a_negligible_difference_of_quality_leaves_the_choice_to_the_price() -> None:
    slightly = ({}, {"figures": Figures(day=Measured(46, 138))}, EVEN)
    assert first(slightly, ({}, {"figures": Figures(day=Measured(45, 138))}, EVEN - 1)) == 2


@pytest.mark.req("routing-030", "routing-031", "routing-082")
def test_equal_carriers_are_not_demoted_cheapest_best_and_longest_idle_first() -> None:
    demoted, cheap = ({}, {"demoted": "5 failures"}, 1), ({}, {}, 9)
    assert first(demoted, cheap, strategy=LEAST_COST) == 2
    assert first(({}, {}, 10), cheap, strategy=LEAST_COST) == 2
    assert first(({}, {"routed_at": 9.0}, 10), ({}, {"routed_at": 8.0}, 10), strategy=BALANCED) == 2


@pytest.mark.req("brs-001", "brs-002", "routing-050", "routing-078")
@pytest.mark.parametrize(
    ("brs_lcr", "first_of_all"),
    [(0, "idle"), (1, "cheap"), (2, "cheap"), (3, "good"), (4, "good"), (5, "good")],
)
def test_brs_lcr_says_what_counts_between_equals(brs_lcr: int, first_of_all: str) -> None:
    sides = {
        "cheap": ({}, {"figures": Figures(day=BAD, month=BAD), "routed_at": 2.0}, 9),
        "good": ({}, {"figures": Figures(day=GOOD, month=GOOD), "routed_at": 3.0}, 10),
        "idle": ({}, {"figures": Figures(day=BAD, month=BAD), "routed_at": 1.0}, 10),
    }
    names = list(sides)
    targets = tuple(RuleTarget(carrier, **side[0]) for carrier, side in enumerate(sides.values()))
    offers = [offer(side) for side in sides.values()]
    table = RouteTable([Rule(1, "all", 100, targets, "")])
    found = plan(table, CALL, NOON, partial(map, offers.__getitem__), algorithm=brs_lcr)
    assert names[found.targets[0].carrier] == first_of_all


@pytest.mark.req("brs-008", "routing-092")
def test_without_the_best_route_quality_is_not_asked() -> None:
    good, cheap = ({}, {"figures": Figures(day=GOOD)}, 10), ({}, {"figures": Figures(day=BAD)}, 9)
    assert {ALGORITHMS[one] for one in (1, 2)} == {LEAST_COST}
    assert first(good, cheap, strategy=LEAST_COST) == 2
    assert all(one.candidate.autopriority == 0 for one in planned(good, cheap, strategy=LEAST_COST).targets)


@pytest.mark.req("brs-004")
def test_a_quality_weight_of_nothing_is_pure_least_cost() -> None:
    good = ({}, {"figures": Figures(0, day=GOOD)}, 1001)
    cheap = ({}, {"figures": Figures(0, day=BAD)}, 1000)
    assert first(good, cheap, strategy=BEST_ROUTE) == 2


def test_a_share_of_the_calls_goes_to_a_carrier_whatever_it_costs() -> None:
    dear, cheap = ({"share": 25}, {}, 99), ({}, {}, 1)
    got = Counter(first(dear, cheap, strategy=LEAST_COST, chance=chance) for chance in range(4000))
    assert 0.22 < got[1] / 4000 < 0.28


@pytest.mark.req("brs-005")
def test_a_way_that_is_not_the_best_is_tried_again_by_one_call_in_twenty() -> None:
    again = ({}, {"figures": Figures(day=BAD, try_from=NOON - 1, try_calls=3)}, 10)
    best = ({}, {"figures": Figures(day=GOOD)}, 10)
    got = Counter(first(best, again, strategy=BEST_ROUTE, chance=chance) for chance in range(4000))
    assert 0.03 < got[2] / 4000 < 0.07
    for over in ({"try_from": NOON + 1, "try_calls": 3}, {"try_from": NOON - 1, "try_calls": 0}):
        later = ({}, {"figures": Figures(day=BAD, **over)}, 10)
        assert {first(best, later, strategy=BEST_ROUTE, chance=chance) for chance in range(200)} == {1}


# what a rule lets its targets have


@pytest.mark.req("routing-009")
@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"window": TimeWindow(127, 13 * 60, 14 * 60)}, "it is not its hour in this rule"),
        ({"full_until": int(NOON) + 1}, "its minutes in this rule are used up"),
        ({"lines": 2}, "its lines are full in this rule (2)"),
        ({"per_second": 3}, "its lines are full in this rule: 3 calls began this second"),
    ],
)
def test_a_target_that_has_what_it_may_is_passed_over(limit: dict[str, Any], reason: str) -> None:
    taken = Limits(lambda target: {5: 2}.get(target, 0), lambda target: {5: 3}.get(target, 0))
    found = planned(
        ({"id": 5, **limit}, {}, 1),
        ({"id": 6, **limit, "full_until": 0, "window": None}, {}, 9),
        limits=taken,
    )
    assert [one.carrier for one in found.targets] == [2]
    assert [why for *_, why in found.skipped] == [reason]


def test_a_target_with_room_left_is_offered() -> None:
    limit = {
        "id": 5,
        "lines": 2,
        "per_second": 3,
        "full_until": int(NOON),
        "window": TimeWindow(1, 12 * 60, 13 * 60),
    }
    found = planned((limit, {}, 1), PLAIN, limits=Limits(lambda target: 1, lambda target: 2))
    assert [one.carrier for one in found.targets] == [1, 2]


# ways that settings give


def with_ways(ways: Ways, *, final: bool = False) -> list[tuple[int, str]]:
    table = RouteTable([Rule(1, "all", 100, (RuleTarget(1), RuleTarget(2)), final=final)])
    found = plan(
        table,
        CALL,
        NOON,
        lambda carriers: [Offer(one, None) for one in carriers],
        limits=NO_LIMITS,
        ways=ways,
    )
    return [(one.carrier, one.rule.name) for one in found.targets]


@pytest.mark.req("routing-054")
def test_the_emergency_carrier_goes_first_and_the_rules_follow() -> None:
    assert with_ways(Ways(emergency=2)) == [(2, "emergencydir"), (1, "all")]


@pytest.mark.req("routing-059")
def test_one_carrier_for_all_calls_leaves_no_other() -> None:
    assert with_ways(Ways(only=7)) == [(7, "onlyroutealias")]


@pytest.mark.req("routing-056")
def test_the_fallback_follows_all_rules_but_a_last_word() -> None:
    assert with_ways(Ways(fallback=7)) == [(1, "all"), (2, "all"), (7, "fakegwalias")]
    assert with_ways(Ways(fallback=7), final=True) == [(1, "all"), (2, "all")]
    assert with_ways(NO_WAYS) == [(1, "all"), (2, "all")]


# many carriers, of which few are wanted

figures = st.sampled_from(
    [
        Figures(),
        Figures(day=GOOD),
        Figures(day=BAD, month=GOOD),
        Figures(quality_percent=0),
        Figures(max_price=40, try_from=NOON - 1, try_calls=1),
    ]
)
standings = st.just(Standing()) | st.builds(
    Standing,
    global_absolute=st.sampled_from([0, 0, 1]),
    called_wish=st.booleans(),
    far_behind=st.sampled_from([False, False, True]),
    demoted=st.sampled_from(["", "", "ASR 3 %"]),
    rested=st.booleans(),
    priority=st.sampled_from([0, 0, 5]),
    figures=figures,
)
asked = st.builds(
    Offer,
    st.integers(0, 60),
    st.none(),
    standings,
    st.none() | st.integers(0, 60),
    st.sampled_from([UNLIMITED, UNLIMITED - 1, 3]),
    st.sampled_from([0.0, 5.0]),
)
offered_by = st.builds(
    lambda priority, weight, share, last_resort: RuleTarget(
        0, priority, weight, share=share, last_resort=last_resort
    ),
    st.sampled_from([1, 1, 1, 2, 100]),
    st.integers(0, 2),
    st.sampled_from([0, 0, 0, 40]),
    st.sampled_from([False, False, True]),
)


def plainly(one: Offer[None]) -> Offer[None]:
    """The offer of a carrier that has nothing special, as most have."""
    return one._replace(standing=Standing())


def ranks_one_by_one(offers: list[tuple[RuleTarget, Offer[None]]], strategy: str, chance: int) -> list[Rank]:
    """The rank of each, as `Rank` says it."""
    by_points = strategy in (BEST_ROUTE, BEST_THEN_CHEAPEST) and len(offers) > 1
    costs = [one.cost if one.average is None else one.average for _, one in offers]
    found = []
    for (target, one), cost in zip(offers, costs, strict=True):
        known = one.standing.figures
        draw, first = _drawn(target, known, strategy, NOON, chance)
        found.append(
            Rank(
                precedence(one.standing, target),
                not first,
                draw,
                -autopriority(known, cost, max(costs)) if by_points else 0,
                one.cost if counts_cost(strategy, known) else 0,
                -one.free_lines,
                one.routed_at,
                target.carrier,
            )
        )
    return found


@given(
    some=st.lists(st.tuples(offered_by | st.just(RuleTarget(0)), asked), min_size=1, max_size=12)
    | st.lists(st.tuples(st.just(RuleTarget(0)), asked.map(plainly)), min_size=1, max_size=12),
    strategy=st.sampled_from([LEAST_COST, WEIGHT, BEST_ROUTE, BEST_THEN_CHEAPEST, BALANCED]),
    chance=st.integers(0, 2**32),
    most=st.none() | st.integers(1, 12),
)
def test_who_is_left_out_early_would_not_have_been_among_the_first(
    some: list[tuple[RuleTarget, Offer[None]]], strategy: str, chance: int, most: int | None
) -> None:
    offers = [(target._replace(carrier=n), one) for n, (target, one) in enumerate(some, 1)]
    rule = Rule(1, "all", 1, tuple(target for target, _ in offers))
    found = in_order(Match(rule, 0), offers, strategy, NOON, chance, most)
    ranks = sorted(ranks_one_by_one(offers, strategy, chance))
    assert [one.rank for one in found] == ranks[:most]
    assert [(one.target, one.offer) for one in found] == [offers[one.rank.carrier - 1] for one in found]
