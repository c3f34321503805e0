"""Micros, numbers and time windows."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.values import (
    Rounding,
    TimeWindow,
    currency_digits,
    digits_of,
    divide,
    from_micros,
    next_boundary,
    round_micros,
    to_micros,
)

BUDAPEST = "Europe/Budapest"


@given(st.integers(-(10**24), 10**24))
def test_micros_survive_the_way_through_decimal(micros: int) -> None:
    assert to_micros(from_micros(micros)) == micros


@pytest.mark.parametrize("amount", ["0.0000001", "NaN", "Infinity", Decimal("1e-7")])
def test_what_does_not_fit_into_micros_is_refused(amount: str | Decimal) -> None:
    with pytest.raises(ValueError, match=r"decimals|not an amount"):
        to_micros(amount)


def test_a_float_is_no_money() -> None:
    with pytest.raises(TypeError):
        to_micros(0.1)  # type: ignore[arg-type]


@given(st.integers(-(10**9), 10**9), st.integers(1, 1000))
def test_division_rounds_debits_and_credits_alike(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert abs(divide(numerator, denominator, Rounding.HALF_UP) - exact) <= Fraction(1, 2)
    assert 0 <= abs(divide(numerator, denominator, Rounding.UP)) - abs(exact) < 1
    assert 0 <= abs(exact) - abs(divide(numerator, denominator, Rounding.DOWN)) < 1
    for rule in Rounding:
        assert divide(-numerator, denominator, rule) == -divide(numerator, denominator, rule)


def test_a_half_goes_away_from_zero() -> None:
    assert [round_micros(micros, 0) for micros in (499_999, 500_000, -500_000)] == [0, 1_000_000, -1_000_000]


def test_currencies_have_the_decimals_that_people_write() -> None:
    assert [currency_digits(code) for code in ("EUR", "HUF", "JPY", "KWD")] == [2, 2, 0, 3]


@pytest.mark.parametrize(
    ("written", "digits"), [("+44 (20) 79-46.1/2", "4420794612"), ("*31#", "*31#"), ("", ""), ("+", "")]
)
def test_a_written_number_becomes_digits(written: str, digits: str) -> None:
    assert digits_of(written) == digits


@pytest.mark.parametrize("text", ["alice", "44+20", "٤٤", "1_2", "0x1f"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        digits_of(text)


def at(text: str, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BUDAPEST), fold=fold).timestamp())


@pytest.mark.parametrize(
    ("window", "instant", "inside"),
    [
        (TimeWindow(start=480, end=1080), "2026-03-02T08:00:00", True),
        (TimeWindow(start=480, end=1080), "2026-03-02T17:59:59", True),
        (TimeWindow(start=480, end=1080), "2026-03-02T18:00:00", False),
        (TimeWindow(1, 1320, 360), "2026-03-02T22:00:00", True),  # Monday night
        (TimeWindow(1, 1320, 360), "2026-03-03T05:59:59", True),  # still Monday's
        (TimeWindow(1, 1320, 360), "2026-03-02T05:00:00", False),  # Sunday's
        (TimeWindow(64, 1320, 360), "2026-03-02T05:00:00", True),
        (TimeWindow(1, 0, 0), "2026-03-02T23:59:59", True),
        (TimeWindow(1, 0, 0), "2026-03-03T00:00:00", False),
        (TimeWindow(1, 0, 1440), "2026-03-02T23:59:59", True),
    ],
)
def test_a_window_is_half_open_and_may_pass_midnight(window: TimeWindow, instant: str, inside: bool) -> None:
    assert window.contains(at(instant), BUDAPEST) is inside


@pytest.mark.parametrize(
    ("after", "fold", "boundary", "boundary_fold"),
    [
        pytest.param("2026-03-28T12:00:00", 0, "2026-03-29T03:00:00", 0, id="the missing hour opens it late"),
        pytest.param("2026-10-25T02:40:00", 0, "2026-10-25T02:00:00", 1, id="clocks going back close it"),
        pytest.param("2026-10-25T02:10:00", 1, "2026-10-25T02:30:00", 1, id="and it opens again"),
        pytest.param("2026-03-29T03:00:00", 0, "2026-03-29T03:30:00", 0, id="the window's end"),
    ],
)
def test_the_next_boundary_is_found_across_clock_changes(
    after: str, fold: int, boundary: str, boundary_fold: int
) -> None:
    window = TimeWindow(start=150, end=210)
    assert next_boundary(window, BUDAPEST, at(after, fold)) == at(boundary, boundary_fold)


@pytest.mark.parametrize("window", [TimeWindow(), TimeWindow(weekdays=0), TimeWindow(start=600, end=600)])
def test_a_window_that_never_changes_has_no_boundary(window: TimeWindow) -> None:
    assert next_boundary(window, BUDAPEST, at("2026-03-28T12:00:00")) is None


@settings(max_examples=60, deadline=None)
@given(
    st.builds(TimeWindow, st.integers(0, 127), st.integers(0, 1439), st.integers(0, 1440)),
    st.integers(at("2026-03-20T00:00:00"), at("2026-11-05T00:00:00")),
    st.sampled_from([BUDAPEST, "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_a_window_changes_at_its_next_boundary_and_not_before(
    window: TimeWindow, instant: int, zone: str
) -> None:
    boundary = next_boundary(window, zone, instant)
    now = window.contains(instant, zone)
    end = instant + 10 * 86_400 if boundary is None else boundary
    assert all(window.contains(second, zone) is now for second in range(instant, end, 607))
    if boundary is not None:
        assert window.contains(boundary - 1, zone) is now
        assert window.contains(boundary, zone) is not now


def test_a_zone_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="Mars/Olympus"):
        TimeWindow().contains(0, "Mars/Olympus")
