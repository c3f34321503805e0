"""What comes off a price, and what a sales person earns of it."""

import pytest

from apps.pricing.engine import commission_from_profit, commission_share, discount_for

DIRECTIONS = (("36", 100_000), ("3630", 250_000), ("36", 150_000), ("49", 0))


@pytest.mark.parametrize(
    ("number", "expected"), [("3620", 150_000), ("36301", 250_000), ("49", 0), ("1", 0), ("3", 0)]
)
def test_the_longest_direction_counts_and_of_equal_ones_the_higher_discount(
    number: str, expected: int
) -> None:
    assert discount_for(number, DIRECTIONS) == expected


def test_a_reduction_adds_up_with_the_discount_until_the_call_is_free() -> None:
    assert discount_for("3620", DIRECTIONS, 50_000) == 200_000
    assert discount_for("1", DIRECTIONS, 50_000) == 50_000
    assert discount_for("3620", DIRECTIONS, 900_000) == 1_000_000


def test_a_direction_without_a_discount_hides_no_other() -> None:
    assert discount_for("3630", [("36", 100_000), ("3630", 0), ("363", 0)]) == 100_000
    assert discount_for("3630", [("", 1)]) == 1


def test_a_discount_of_no_direction_is_for_every_number() -> None:
    assert discount_for("1", [("", 70_000)]) == 70_000


def test_reductions_come_off_the_commission_and_never_make_it_a_debt() -> None:
    assert [commission_share(150_000, granted) for granted in (0, 50_000, 150_000, 200_000)] == [
        150_000,
        100_000,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("price", "cost", "reduction", "expected"),
    [(100, 40, 0, 12), (100, 40, 50_000, 7), (100, 100, 0, 0), (100, 150, 0, 0), (3, 0, 0, 1), (2, 0, 0, 0)],
)
def test_a_commission_from_profit_is_rounded_once(
    price: int, cost: int, reduction: int, expected: int
) -> None:
    assert commission_from_profit(price, cost, 200_000, reduction) == expected
