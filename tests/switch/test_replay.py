"""Where calls of the past go with other routes and prices, decided by the pipeline in two worlds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from apps.pricelists.rerouting import Outcome, Sum, Way
from apps.pricelists.route_calls import Row
from apps.routing.engine import RouteTable
from switch.replay import WEEK, Side
from switch.world.rows import rule_of
from switch.world.world import World
from tests.switch.worlds import NOW, Office

HUNGARY, GERMANY = "36301234567", "49301234567"
SECONDS = 60


class House(Office):
    """A subscriber below a reseller, two carriers, a rule for each and one for both."""

    def __init__(self) -> None:
        super().__init__()
        self.partner = self.account("partner", "reseller")
        self.ann = self.phone("1001", above=self.partner)
        self.retail = self.tariff("retail", {"36": 120_000, "49": 240_000}, to=self.ann)
        self.tariff("reseller", {"36": 90_000, "49": 180_000}, to=self.partner)
        self.dear = self.carrier("dear", {"36": 60_000, "49": 60_000}, lines=1)
        self.cheap = self.carrier("cheap", {"36": 30_000})
        self.first = self.rule("first", self.dear, final=True)
        self.both = self.rule("both", self.dear, self.cheap, priority=200)


@pytest.fixture
def house() -> House:
    return House()


def row(number: str = HUNGARY, *, at: float = NOW, seconds: int = SECONDS, place: int = 1, caller: int = 0) -> Row:  # fmt: skip
    return Row(
        UUID(int=place), at, at, at + seconds, seconds, caller, "1001", number, "198.51.100.7:5060", 0, "", 0
    )


def ways(house: House, world: World, calls: Iterable[Row], *, counts: bool = True, week: float = NOW) -> list[Way]:  # fmt: skip
    side = Side(world, week, counts=counts)
    return [side.way(one._replace(caller=house.ann)) for one in calls]


def changed(house: House, folder: Path, **what: Any) -> World:
    world = house.world(folder)
    chosen = what.pop("rules", None)
    rows = [one for one in house.rows["rules"] if chosen is None or one[0] in chosen]
    table = RouteTable(map(rule_of, rows), world.routes.calendars)
    without, swaps = what.get("without", ()), what.get("swaps", {})
    return world.changed(routes=table, without=without, swaps=swaps, decks={})


@pytest.mark.req("monitoring-007", "pricing-011")
def test_a_call_costs_what_its_first_carrier_asks_and_brings_what_the_top_payer_pays(
    house: House, tmp_path: Path
) -> None:
    assert ways(house, house.world(tmp_path), [row()]) == [Way(house.dear, 60_000, 90_000)]


def test_other_rules_send_calls_another_way(house: House, tmp_path: Path) -> None:
    world = changed(house, tmp_path, rules=[house.both])
    assert ways(house, world, [row()]) == [Way(house.cheap, 30_000, 90_000)]
    assert ways(house, world, [row(GERMANY)]) == [Way(house.dear, 60_000, 180_000)]
    assert ways(house, changed(house, tmp_path, rules=[]), [row()]) == [Way(None, why="no_route")]


def test_a_carrier_that_is_left_out_takes_no_call(house: House, tmp_path: Path) -> None:
    world = changed(house, tmp_path, rules=[house.both], without=[house.dear])
    assert [one.carrier for one in ways(house, world, [row(), row(GERMANY)])] == [house.cheap, None]
    assert house.world(tmp_path).account(house.dear).enabled  # type: ignore[union-attr]  # only in the other world


def test_another_tariff_changes_who_is_cheapest_and_what_is_earned(house: House, tmp_path: Path) -> None:
    cheaper = house.tariff("carrier", {"36": 10_000})
    dearest = next(one[2] for one in house.rows["assignments"] if one[0] == house.dear)
    world = changed(house, tmp_path, rules=[house.both], swaps={dearest: cheaper})
    assert ways(house, world, [row()]) == [Way(house.dear, 10_000, 90_000)]


def test_lines_fill_as_calls_came_and_are_free_when_they_ended(house: House, tmp_path: Path) -> None:
    """The dear carrier has one line: the second call of the same minute finds none."""
    world = changed(house, tmp_path, rules=[house.first])
    calls = [row(place=1), row(at=NOW + 30, place=2), row(at=NOW + 61, place=3)]
    assert [one.carrier for one in ways(house, world, calls)] == [house.dear, None, house.dear]
    assert [one.carrier for one in ways(house, world, calls, counts=False)] == [house.dear] * 3


def test_a_call_is_decided_at_its_hour_of_the_week_that_the_prices_are_of(house: House, tmp_path: Path) -> None:  # fmt: skip
    """A rule for Monday afternoon takes a call of a Monday afternoon months ago, and none of the Tuesday."""
    monday, noon, evening = 1, 12 * 60, 18 * 60
    house.rule("mondays", house.cheap, priority=1, window=[[monday, noon, evening]], final=True)
    world = house.world(tmp_path)
    long_ago = NOW - 20 * WEEK
    calls = [row(at=long_ago), row(at=long_ago + 86_400, place=2)]
    assert [one.carrier for one in ways(house, world, calls)] == [house.cheap, house.dear]


def test_money_of_others_is_counted_in_ours(house: House, tmp_path: Path) -> None:
    house.rows["exchange"].append(["HUF", 0, 400 * 10**8])
    bob = house.phone("1009", currency="HUF")
    house.tariff("retail", {"36": 40_000_000}, to=bob, currency="HUF")
    (way,) = [Side(house.world(tmp_path), NOW, counts=True).way(row(caller=bob))]
    assert way.revenue == 100_000


def test_who_may_not_call_any_more_has_no_way(house: House, tmp_path: Path) -> None:
    side = Side(house.world(tmp_path), NOW, counts=True)
    assert side.way(row(caller=999_999)) == Way(None, why="unknown_source")
    off = house.phone("1010", active=False)
    assert Side(house.world(tmp_path), NOW, counts=True).way(row(caller=off)).why == "account_disabled"
    friend = house.phone("1011")
    assert Side(house.world(tmp_path), NOW, counts=True).way(row("1001", caller=friend)).why == "inside"


def test_figures_are_shares_of_each_side_and_what_is_lost_is_told() -> None:
    found = Outcome(share=2)
    found.recorded[1] = Sum(4, 240, 0, 240_000)
    found.add("a", "Hungary", 60, Way(1, 60_000, 90_000), Way(2, 30_000, 90_000))
    found.add("b", "Hungary", 60, Way(1, 60_000, 90_000), Way(1, 60_000, 90_000))
    found.add("c", "Germany", 60, Way(1, 60_000, 90_000), Way(None, why="no_route"))
    figures = found.as_json({1: "dear", 2: "cheap"})
    cheap, dear = figures["carriers"]
    assert (cheap["name"], cheap["before"]["calls"], cheap["after"]["calls"]) == ("cheap", 0, 2)
    assert (dear["before"]["percent"], dear["after"]["percent"]) == ("100.0", "50.0")
    assert (dear["before"]["cost"], dear["after"]["cost"], dear["difference"]) == ("0.360000", "0.120000", "-0.120000")  # fmt: skip
    assert dear["recorded"]["cost"] == "0.480000" and dear["recorded"]["percent"] == "100.0"
    moved = [(one["name"], one["difference"]) for one in figures["destinations"]]
    assert moved == [("Germany", "-0.060000"), ("Hungary", "0.060000")]
    assert figures["moved"] == 2 and figures["lost"] == [{"call": "c", "cause": "no_route"}]
    assert figures["refused"] == [{"cause": "no_route", "before": 0, "after": 2}]
