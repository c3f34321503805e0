"""What peak, evening, weekend and holiday mean, hour by hour."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.values import Hours, TimeWindow, local_date, schedule
from apps.core.values.hours import DayParts, HoursKind, spans_of
from apps.core.values.windows import EVERY_DAY, HOLIDAY

USUAL = DayParts()
BUDAPEST = "Europe/Budapest"
MONDAY, FRIDAY, SATURDAY, SUNDAY = "2026-03-02", "2026-03-06", "2026-03-07", "2026-03-08"


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def hours(kind: str, day: str, parts: DayParts = USUAL, days: tuple = ()) -> list[int]:
    """The hours of the day at whose beginning the pattern is open."""
    pattern = Hours(spans_of(kind, parts))
    return [hour for hour in range(24) if pattern.contains(at(f"{day}T{hour:02}:00"), "UTC", days)]


def run(first: int, last: int) -> list[int]:
    return list(range(first, last))


ALL_DAY = run(0, 24)


@pytest.mark.req("pricing-001", "pricing-022", "pricing-028", "routing-055")
@pytest.mark.parametrize(
    ("kind", "monday", "saturday"),
    [
        ("disabled", [], []),
        ("peak", run(9, 19), []),
        ("off_peak", run(0, 9) + run(19, 24), []),
        ("weekday", ALL_DAY, []),
        ("weekend", [], ALL_DAY),
        ("off_peak_and_weekend", run(0, 9) + run(19, 24), ALL_DAY),
        ("evening", run(18, 22), run(18, 22)),
        ("night", run(0, 9) + run(22, 24), run(0, 9) + run(22, 24)),
        ("holiday", [], []),
        ("all", ALL_DAY, ALL_DAY),
    ],
)
def test_a_pattern_is_open_in_the_hours_that_its_name_says(
    kind: str, monday: list[int], saturday: list[int]
) -> None:
    assert (hours(kind, MONDAY), hours(kind, SATURDAY)) == (monday, saturday)


@pytest.mark.req("pricing-028")
@pytest.mark.parametrize(
    ("kind", "saturday"),
    [
        ("peak", run(8, 20)),
        ("off_peak", run(0, 8) + run(20, 24)),
        ("off_peak_and_weekend", run(0, 8) + run(20, 24)),
        ("weekend", ALL_DAY),
    ],
)
def test_a_weekend_with_a_peak_has_the_hours_of_other_days(kind: str, saturday: list[int]) -> None:
    parts = DayParts(peak_begin=480, peak_end=1200, weekend_is_peak=True)
    assert hours(kind, SUNDAY, parts) == saturday


def test_off_peak_of_friday_ends_at_midnight_though_its_hours_go_on() -> None:
    pattern = Hours(spans_of("off_peak", USUAL))
    assert pattern.contains(at(f"{FRIDAY}T23:59:59"), "UTC")
    assert not pattern.contains(at(f"{SATURDAY}T00:00"), "UTC")


def test_a_peak_that_passes_midnight_leaves_the_hours_between_as_off_peak() -> None:
    night_club = DayParts(peak_begin=20 * 60, peak_end=4 * 60)
    assert hours("off_peak", MONDAY, night_club) == run(4, 20)
    assert hours("peak", SATURDAY, night_club) == run(0, 4)  # Friday's


def test_hours_of_its_own_replace_those_of_the_settings() -> None:
    assert spans_of("peak", USUAL, own=(480, 720)) == (TimeWindow(31, 480, 720),)
    assert spans_of("night", USUAL, own=(60, 120)) == (TimeWindow(EVERY_DAY, 60, 120),)
    assert spans_of("hours", USUAL, weekdays=3, own=(5, 6)) == (TimeWindow(3, 5, 6),)


@given(
    st.integers(0, 23).map(lambda hour: hour * 60),
    st.integers(0, 23).map(lambda hour: hour * 60),
    st.booleans(),
    st.integers(0, 7 * 1440 - 1),
)
def test_a_day_with_a_peak_is_peak_or_off_peak_and_never_both(
    begin: int, end: int, weekend: bool, minute: int
) -> None:
    parts = DayParts(peak_begin=begin, peak_end=end, weekend_is_peak=weekend)
    today, yesterday = minute // 1440, (minute // 1440 - 1) % 7
    open_now = [
        any(span.holds(today, yesterday, minute % 1440) for span in spans_of(kind, parts))
        for kind in ("peak", "off_peak")
    ]
    if begin < end and (weekend or today < 5):
        assert open_now.count(True) == 1
    assert open_now != [True, True]


@pytest.mark.req("pricing-033")
@pytest.mark.parametrize("kind", [kind.value for kind in HoursKind if kind is not HoursKind.HOURS])
def test_a_holiday_has_only_what_is_of_every_day_or_of_holidays(kind: str) -> None:
    monday = ((local_date(at(MONDAY), "UTC"), HOLIDAY),)
    expected = {"holiday": ALL_DAY, "all": ALL_DAY, "evening": run(18, 22), "night": run(0, 9) + run(22, 24)}
    assert hours(kind, MONDAY, days=monday) == expected.get(kind, [])


@pytest.mark.req("pricing-034")
def test_a_saturday_on_which_people_work_has_the_hours_of_the_day_that_it_counts_as() -> None:
    working = ((local_date(at(SATURDAY), "UTC"), 4),)
    assert hours("peak", SATURDAY, days=working) == run(9, 19)
    assert hours("weekend", SATURDAY, days=working) == []


def test_a_holiday_begins_and_ends_at_midnight_of_the_zone() -> None:
    christmas = ((local_date(at("2026-12-25", BUDAPEST), BUDAPEST), HOLIDAY),)
    holiday = TimeWindow(128)
    assert [
        holiday.contains(at(text, BUDAPEST), BUDAPEST, christmas)
        for text in ("2026-12-24T23:59:59", "2026-12-25T00:00", "2026-12-25T23:59:59", "2026-12-26T00:00")
    ] == [False, True, True, False]


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opened() -> None:
    night_of_holidays, night_of_mondays = TimeWindow(128, 1320, 360), TimeWindow(1, 1320, 360)
    days = ((local_date(at(MONDAY), "UTC"), HOLIDAY),)
    assert night_of_holidays.contains(at("2026-03-03T05:59"), "UTC", days)
    assert not night_of_mondays.contains(at("2026-03-03T05:59"), "UTC", days)
    assert night_of_mondays.contains(at("2026-03-03T05:59"), "UTC")


@given(
    st.lists(
        st.builds(TimeWindow, st.integers(0, 255), st.integers(0, 1439), st.integers(0, 1440)),
        min_size=1,
        max_size=3,
    ),
    st.lists(
        st.tuples(st.integers(20_748, 20_754), st.integers(0, 7)), max_size=3, unique_by=lambda day: day[0]
    ),
    st.integers(at("2026-10-24T00:00"), at("2026-10-27T00:00")),
)
def test_the_schedule_of_a_day_agrees_with_asking_each_window(
    windows: list[TimeWindow], days: list[tuple[int, int]], instant: int
) -> None:
    plan = schedule(tuple(windows), BUDAPEST, instant // 86_400, tuple(days))
    open_now = [index for index, one in enumerate(windows) if one.contains(instant, BUDAPEST, tuple(days))]
    assert plan.at(instant)[0] == (open_now[0] if open_now else -1)
