"""Price and quality in one figure."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.pricing.engine import Rate, Terms, band_of
from apps.routing.engine.brs import (
    Figures,
    Measured,
    autoprice,
    autopriority,
    autoquality,
    step_of,
    wait_after,
)
from switch.world.minutes import minute_cost

PRINTED = Figures(50, 30, 20, 70, 35, 240, 0, 80 * 10**9, day=Measured(30, 100), month=Measured(50, 200))
CALC_SECONDS = 135


@pytest.mark.req("brs-006")
def test_the_worked_example_of_the_guide_comes_out() -> None:
    terms = Terms((band_of(Rate(1, "36", 25_000_000, 0, 30, 1)),), currency="EUR", decimals=6)
    cost = minute_cost(terms, 0, CALC_SECONDS)
    assert cost == 25 * 10**9, "135 s are longer than the least amount, in steps of one second"
    assert (autoprice(PRINTED, cost), autoquality(PRINTED), autopriority(PRINTED, cost)) == (66, 47, 18)


@pytest.mark.req("brs-005")
def test_the_price_is_that_of_an_average_call_with_its_least_amount_and_steps() -> None:
    terms = Terms((band_of(Rate(1, "36", 60_000_000, 0, 180, 60)),), currency="EUR", decimals=6)
    assert minute_cost(terms, 0, CALC_SECONDS) == 60 * 10**9 * 180 // 135
    assert minute_cost(terms, 0, 200) == 60 * 10**9 * 240 // 200


@pytest.mark.req("brs-007")
@pytest.mark.parametrize(("accuracy", "step"), [(100, 1), (50, 2), (30, 3), (10, 10), (1, 100)])
def test_the_higher_the_accuracy_the_smaller_the_difference_that_counts(accuracy: int, step: int) -> None:
    assert step_of(Figures(accuracy=accuracy)) == step


@pytest.mark.req("brs-007")
def test_by_default_two_or_three_of_the_price_make_a_difference_and_one_does_not() -> None:
    """The guide's own words for ASR 10 to 80, prices 0 to 40, quality 50 %."""
    figures = Figures(50, 30, 10, 80, max_price=40 * 10**9, day=Measured(45, 138), month=Measured(45, 138))
    values = [autopriority(figures, price * 10**9) for price in range(41)]
    changes = sum(one != other for one, other in itertools.pairwise(values))
    assert 40 / 3 <= changes <= 40 / 2 + 1
    assert values == sorted(values, reverse=True)


@pytest.mark.req("brs-003")
def test_what_nobody_has_measured_counts_as_neither_good_nor_bad() -> None:
    assert autoquality(Figures()) == 50
    assert autoquality(Figures(day=Measured(70, 240))) == 100
    assert autoquality(Figures(day=Measured(70, 240), month=Measured(0, 0))) == 50


def test_without_a_worst_price_the_dearest_carrier_is_the_scale() -> None:
    assert autoprice(Figures(accuracy=100), 20, dearest=80) == 75
    assert autoprice(Figures(), 80, dearest=80) == 0
    assert autoprice(Figures(), 0, dearest=0) == 100


@pytest.mark.req("brs-007")
def test_the_wait_for_another_try_doubles_seven_times_up_to_a_month() -> None:
    waits = [wait_after(tried) for tried in range(10)]
    assert waits[:3] == [6 * 3600, 12 * 3600, 24 * 3600]
    assert waits[7] == waits[9] == 30 * 86_400


@given(
    st.integers(0, 100), st.integers(1, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 400)
)
def test_dearer_or_worse_never_gets_more(weight: int, accuracy: int, cost: int, more: int, asr: int) -> None:
    def figure(price: int, answered: float) -> int:
        return autopriority(Figures(weight, accuracy, max_price=100, day=Measured(answered, 100)), price)

    assert figure(cost + more, asr / 4) <= figure(cost, asr / 4) <= figure(cost, asr / 4 + 10)
