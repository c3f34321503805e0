"""Which rates price a number."""

import pytest

from apps.core.values import TimeWindow, prefixes
from apps.pricing.engine import Rate, bands_of, select

NOW = 1_000_000


def chosen(rates: list[Rate], number: str, at: int = NOW) -> list[int]:
    groups = ([one for one in rates if one.prefix == prefix] for prefix in prefixes(number))
    return [one.id for one in select(groups, number, at)]


@pytest.mark.req("pricing-009")
def test_the_longest_prefix_prices_the_number() -> None:
    rates = [Rate(1, "", 1), Rate(2, "36", 1), Rate(3, "361", 1), Rate(4, "3612", 1)]
    assert [chosen(rates, number) for number in ("36199", "3699", "4", "")] == [[3], [2], [1], [1]]


@pytest.mark.parametrize(("number", "rate_id"), [("361234", 2), ("36123", 1), ("36123456", 1)])
def test_a_prefix_whose_length_does_not_fit_leaves_the_number_to_a_shorter_one(
    number: str, rate_id: int
) -> None:
    rates = [Rate(1, "36", 1), Rate(2, "361", 1, min_digits=6, max_digits=7)]
    assert chosen(rates, number) == [rate_id]


@pytest.mark.req("pricing-014")
@pytest.mark.parametrize(("at", "rate_id"), [(99, 1), (100, 2), (199, 2), (200, 1)])
def test_a_version_holds_from_its_first_second_until_before_its_last(at: int, rate_id: int) -> None:
    rates = [Rate(1, "36", 1), Rate(2, "361", 1, valid_from=100, valid_until=200)]
    assert chosen(rates, "3612", at) == [rate_id]


def test_of_equal_prefixes_the_latest_version_holds_then_the_highest_id() -> None:
    rates = [Rate(5, "36", 1, valid_from=10), Rate(9, "36", 1, valid_from=5), Rate(4, "36", 1, valid_from=10)]
    assert chosen(rates, "3612") == [5]


def test_a_prefix_with_windows_only_leaves_the_rest_of_the_time_to_a_shorter_one() -> None:
    rates = [Rate(1, "36", 1), Rate(2, "361", 1, window=7), Rate(3, "36", 1, window=8)]
    assert sorted(chosen(rates, "3612")) == [1, 2, 3]


def test_a_number_without_a_prefix_has_no_rate() -> None:
    assert chosen([Rate(1, "36", 1)], "4420") == []


def test_the_longer_prefix_then_the_narrower_window_is_asked_first_and_the_rest_last() -> None:
    windows = {7: (TimeWindow(),), 8: (TimeWindow(96),), 9: (TimeWindow(96),)}
    rates = [
        Rate(1, "3", 1),
        Rate(2, "3", 1, window=9),
        Rate(3, "3", 1, window=8),
        Rate(4, "3", 1, window=7),
        Rate(5, "36", 1, window=7),
    ]
    assert [band.rate_id for band in bands_of(rates, windows)] == [5, 3, 2, 4, 1]


def test_a_window_of_several_spans_makes_a_band_of_each_and_one_that_never_opens_none() -> None:
    windows = {
        7: (TimeWindow(31, 1080, 1440), TimeWindow(31, 0, 480)),
        8: (),
        9: (TimeWindow(31, 480, 1080),),
    }
    rates = [Rate(1, "3", 1, window=7), Rate(2, "3", 1, window=8), Rate(3, "3", 1, window=9)]
    assert [band.rate_id for band in bands_of(rates, windows)] == [3, 1, 1]
