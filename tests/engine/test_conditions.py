"""By which tariff a call is priced: conditions of assignments, and which goes before which."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.pricing.engine import Rate, Terms, band_of
from apps.pricing.engine.price_lists import SMS, VOICE, Assignment, Origin, assignment, holding

BY_TRUNK = Origin("3611234567", callers=(1, 5, 77), groups=frozenset({8}), tech_prefix="99")


@pytest.mark.req("pricing-013")
@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({}, True),
        ({"caller": 77}, True),
        ({"caller": 5}, True),
        ({"caller": 7}, False),
        ({"caller_group": 8}, True),
        ({"caller_group": 9}, False),
        ({"tech_prefix": "99"}, True),
        ({"tech_prefix": "9"}, False),
        ({"caller_prefix": "36"}, True),
        ({"caller_prefix": "361123456789"}, False),
        ({"valid_from": 100}, True),
        ({"valid_from": 101}, False),
        ({"valid_until": 101}, True),
        ({"valid_until": 100}, False),
        ({"caller": 77, "caller_group": 8, "tech_prefix": "99", "caller_prefix": "361"}, True),
        ({"caller": 77, "caller_group": 9, "tech_prefix": "99", "caller_prefix": "361"}, False),
    ],
)
def test_all_conditions_of_a_tariff_must_fit(conditions: dict[str, Any], fits: bool) -> None:
    one = Assignment(3, **conditions)
    assert (holding([one], BY_TRUNK, 100) == one) is fits
    assert (holding([one, Assignment(4, valid_from=200)], BY_TRUNK, 100) == one) is fits


#: From the most particular to what holds for everybody.
ORDER = [
    Assignment(1, caller=77),
    Assignment(2, caller_group=8, tech_prefix="99", caller_prefix="361"),
    Assignment(3, caller_group=8),
    Assignment(4, tech_prefix="99", caller_prefix="36"),
    Assignment(5, tech_prefix="99"),
    Assignment(6, caller_prefix="361"),
    Assignment(7, caller_prefix="36", valid_from=50),
    Assignment(8, caller_prefix="36"),
    Assignment(9, valid_from=60),
    Assignment(10),
]


@pytest.mark.req("pricing-013")
def test_the_most_particular_tariff_goes_first_in_whatever_order_they_were_given() -> None:
    for place in range(len(ORDER) - 2):
        for some in permutations(ORDER[place : place + 3]):
            assert holding(some, BY_TRUNK, 100) is ORDER[place]


@given(st.lists(st.sampled_from(ORDER), min_size=1, unique=True), st.integers(0, 120))
def test_one_that_fits_is_found_whenever_there_is_one(some: list[Assignment], at: int) -> None:
    found = holding(some, BY_TRUNK, at)
    fitting = [one for one in some if one.fits(BY_TRUNK, at)]
    assert found == min(fitting, key=ORDER.index, default=None)


def test_a_row_says_its_service_and_its_conditions_in_words() -> None:
    assert assignment([3, "", None, None]) == (VOICE, Assignment(3))
    row = [3, "36", 10, 20, SMS, [77, "wholesale"], [8, "Gold"], "99"]
    because = (
        ("service", "sms"), ("caller", "wholesale"), ("caller_group", "Gold"), ("tech_prefix", "99"),
        ("caller_prefix", "36"),
    )  # fmt: skip
    assert assignment(row) == (SMS, Assignment(3, "36", 10, 20, 77, 8, "99", because))


@pytest.mark.parametrize(
    "more", [{}, {"list_currency": "HUF", "exchanged_on": (5,), "recorded": ("HUF", 3, 1)}]
)
def test_terms_keep_the_conditions_that_their_tariff_was_given_for(more: dict[str, Any]) -> None:
    because = (("caller_group", "Gold"), ("tech_prefix", "99"))
    terms = Terms((band_of(Rate(1, "36", 100_000)),), "EUR", because=because, **more)
    assert Terms.from_list(terms.as_list()) == terms
    plain = Terms((band_of(Rate(1, "36", 100_000)),), "EUR", **more)
    assert Terms.from_list(plain.as_list()) == plain != terms
