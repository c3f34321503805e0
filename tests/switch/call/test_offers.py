"""What carriers are compared by is what they charge: the price that is looked up quickly is that of the terms by which the call is paid."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.pricing.engine import Rate
from apps.pricing.engine.payers import carrier_terms
from apps.pricing.engine.price_lists import Origin
from switch.call.pipeline import run
from switch.world.minutes import Minutes, minute_cost
from tests.switch.call.test_pipeline import House, decided
from tests.switch.worlds import NOW, Office, Usage, request

MOST = 3
HOUR = 3600
CALLED = ("36201234567", "3620", "36309999999", "44123", "112")

amounts = st.sampled_from([0, 0, 1, 12_345, 500_000])
rates = st.builds(
    Rate,
    st.just(0),
    st.sampled_from(["", "36", "3620", "3630", "4", "999112"]),
    st.sampled_from([-5_000, 0, 10_000, 10_001, 123_456]),
    amounts,
    st.sampled_from([1, 30, 60, 90]),
    st.sampled_from([1, 6, 60]),
    st.sampled_from([0, 20]),
    st.sampled_from([0, 0, 30]),
    st.sampled_from([0, 0, 45]),
    min_digits=st.sampled_from([0, 0, 8]),
    max_digits=st.sampled_from([0, 0, 10]),
    valid_from=st.sampled_from([int(NOW) - 2 * HOUR, int(NOW) - HOUR, int(NOW) + HOUR]),
    valid_until=st.sampled_from([int(NOW), int(NOW) + 2 * HOUR]),
    window=st.sampled_from([None, None, 1, 2]),
    grace_seconds=st.sampled_from([0, 0, 70]),
    minimum_charge=amounts,
    maximum_charge=amounts,
    surcharge=amounts,
)
tariffs = st.fixed_dictionaries(
    {
        "rates": st.lists(rates, min_size=1, max_size=6),
        "currency": st.sampled_from(["EUR", "EUR", "HUF", "XXX"]),
        "included": st.sampled_from([0, 270_000]),
        "decimals": st.sampled_from([0, 2, 4, 6]),
        "crossing": st.sampled_from(["per_second", "call_start", "call_middle"]),
    }
)
#: caller's number, first second, last second, tech prefix that an assignment asks for
assignments = st.lists(
    st.tuples(
        st.sampled_from(["", "", "361", "49"]),
        st.sampled_from([None, int(NOW) - HOUR, int(NOW) + HOUR]),
        st.sampled_from([None, int(NOW), int(NOW) + HOUR]),
        st.sampled_from(["", "", "99"]),
    ),
    max_size=2,
)
carriers = st.lists(st.tuples(tariffs, assignments, st.sampled_from([0, 1, 5])), min_size=1, max_size=7)


def office_of(
    some: list[tuple[dict[str, Any], list[tuple[Any, ...]], int]], brs_lcr: int, **values: Any
) -> Office:
    """A company whose subscriber is offered these carriers: (tariff, when it is theirs, lines)."""
    office = Office()
    office.settings |= {"brs_lcr": brs_lcr, "maxreroute": MOST - 1, **values}
    office.rows["exchange"] += [["HUF", 0, 390 * 10**8], ["HUF", int(NOW) - HOUR, 400 * 10**8]]
    office.rows["windows"] += [[1, [[127, 840, 870]]], [2, [[127, 0, 60]]]]
    top = office.account("company", "owner")
    office.phone("1001", above=top, number="+3611112222")
    office.tariff("retail", {"": 100_000}, to=top)
    ids = count(1000)
    offered = []
    for number, (tariff, given_then, lines) in enumerate(some):
        carrier = office.carrier(f"carrier-{number}", None, above=top, lines=lines)
        listed = tariff | {"rates": [one._replace(id=next(ids)) for one in tariff["rates"]]}
        made = office.tariff("carrier", listed.pop("rates"), **listed)
        office.rows["assignments"] += [
            [carrier, "carrier", made, prefix, begins, ends, "voice", None, None, tech]
            for prefix, begins, ends, tech in given_then
        ]
        offered.append(carrier)
    office.rule("all", *offered, strategy="")
    return office


@settings(max_examples=60, deadline=None)
@given(
    some=carriers,
    brs_lcr=st.integers(0, 5),
    called=st.sampled_from(CALLED),
    values=st.fixed_dictionaries(
        {
            "defaultproviderprice": st.sampled_from(["", "", "0.07"]),
            "billshortnumlength": st.sampled_from([0, 3]),
            "shortnumbill_type": st.sampled_from(["fixed", "prefix"]),
            "currencyconversion": st.sampled_from(["payer", "native"]),
            "qualification": st.sampled_from([0, 7]),
        }
    ),
)
def test_a_carrier_is_compared_by_the_terms_that_it_would_be_paid_by(
    tmp_path_factory: pytest.TempPathFactory,
    some: list[Any],
    brs_lcr: int,
    called: str,
    values: dict[str, Any],
) -> None:
    world = office_of(some, brs_lcr, **values).world(tmp_path_factory.mktemp("world"))
    caller = world.named("1001")
    assert caller is not None
    usage = Usage(out=dict.fromkeys(list(world.trunks)[::2], 1))
    call, _ = run(request(called), caller, world, NOW, usage, curious=True)
    assert call.plan is not None
    origin = Origin("3611112222", callers=caller.path)
    offered = {one.carrier: one.offer for one in call.plan.targets}
    for carrier in world.trunks:
        account = world.account(carrier)
        assert account is not None
        terms = carrier_terms(world, account, called, origin, NOW)
        refusals = [why for one, _, why in call.plan.skipped if one == carrier]
        if refusals == ["its lines are full (1)"]:
            continue
        if isinstance(terms, str):
            assert refusals == [terms]
        else:
            seconds = world.settings.pricecalcsec
            compared = minute_cost(terms, NOW), minute_cost(terms, NOW, seconds)
            assert (offered[carrier].cost, offered[carrier].average) == compared
    paid = {one.account.id: one.cost for one in call.targets}
    assert paid == {one: carrier_terms(world, world.account(one), called, origin, NOW) for one in paid}  # type: ignore[arg-type]
    hasty, _ = run(request(called), caller, world, NOW, usage)
    assert hasty.targets == call.targets, "who is curious sees the ways that the call takes"


def test_prices_that_are_not_remembered_any_more_are_reckoned_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Minutes, "remembered", 1)
    for number in range(3):
        found = decided(House().decide(tmp_path / str(number), "36201234567"))
        assert [one.account.username for one in found.targets] == ["cheap", "dear"]


def test_a_tariff_of_tomorrow_is_asked_from_then_on(tmp_path: Path) -> None:
    """The world is the same: what is remembered of a carrier holds for its time only."""
    house = House()
    for row in house.rows["assignments"]:
        if row[0] == house.cheap:
            row[5] = int(NOW) + HOUR
    newer = house.tariff("carrier", {"36": 90_000})
    house.rows["assignments"].append([house.company, "carrier", newer, "", None, None])
    next(row for row in house.rows["accounts"] if row[0] == house.cheap)[3] = [house.company, house.cheap]
    world = house.world(tmp_path)
    caller = world.account(house.subscriber)
    assert caller is not None
    firsts = []
    for at in (NOW, NOW + HOUR, NOW):
        call, _ = run(request("36201234567"), caller, world, at, Usage())
        firsts.append(call.targets[0].account.username)
    assert firsts == ["cheap", "dear", "cheap"]
