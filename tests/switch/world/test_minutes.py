"""What carriers are compared by: a minute reckoned quickly by its price costs what the terms of the call say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.values.money import Rounding
from apps.pricing.engine import Crossing, Terms, band_of
from apps.pricing.engine.price_lists import Tariff
from apps.pricing.engine.rates import Price, rate_of
from switch.world.minutes import Minute, Minutes, minute_cost
from tests.switch.worlds import NOW

amounts = st.integers(0, 10**7)
seldom = st.sampled_from([0] * 9 + [45])
manners = st.tuples(
    amounts,
    st.sampled_from([1, 30, 60, 90]),
    st.sampled_from([1, 6, 7, 60]),
    st.sampled_from([0, 0, 20, 61]),
    seldom,
    seldom,
    seldom,
    seldom,
    seldom,
    amounts,
)
prices = st.tuples(st.integers(-(10**7), 10**7), manners)
tariffs = st.builds(
    Tariff,
    st.just(1),
    st.just("list"),
    st.just("carrier"),
    st.just("EUR"),
    st.sampled_from([0, 270_000]),
    st.just("UTC"),
    st.sampled_from(Rounding),
    st.integers(0, 6),
    st.sampled_from(Crossing),
)
exchanges = st.sampled_from([(1, 1), (10**8, 39_012_345_678), (7, 3)])


@given(some=st.lists(prices, min_size=1, max_size=5), tariff=tariffs, exchange=exchanges)
def test_a_minute_by_its_price_costs_what_it_costs_by_terms(
    some: list[Price], tariff: Tariff, exchange: tuple[int, int]
) -> None:
    minutes = Minutes(tariff, exchange, 135)
    for price in [*some, *some]:
        terms = Terms(
            (band_of(rate_of(price)),),
            rounding=tariff.rounding,
            decimals=tariff.decimals,
            included_ppm=tariff.included_ppm,
            exchange=exchange,
            crossing=tariff.crossing,
        )
        assert minutes.of(price) == Minute(minute_cost(terms, NOW), minute_cost(terms, NOW, 135))


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Minutes, "remembered", 2)
    tariff = Tariff(1, "list", "carrier", "EUR", 0, "UTC", Rounding.HALF_UP, 4)
    minutes = Minutes(tariff, (1, 1), 135)
    for grace in (0, 45):
        costs = [minutes.of((60_000, (0, step, 1, 0, 0, 0, grace, 0, 0, 0))).cost for step in range(61, 91)]
        assert costs == [step * 1_000_000 for step in range(61, 91)]
    assert max(len(minutes._manners), len(minutes._lines), len(minutes._known)) <= 2
