"""What people mean by peak, evening or weekend, as spans of the week (guide 4118-4142)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from apps.core.values.windows import EVERY_DAY, HOLIDAY, TimeWindow

MIDNIGHT = 1440
WEEKDAYS = 31
WEEKEND = 96
HOLIDAYS = 1 << HOLIDAY


class HoursKind(StrEnum):
    """A pattern of hours; the guide's number of it in the comment. Its 11, the rest of the time, is no window at all."""

    DISABLED = "disabled"  # 0: never
    HOURS = "hours"  # 1: from start to end on certain days
    PEAK = "peak"  # 2
    OFF_PEAK = "off_peak"  # 3: the other hours of the days that have a peak
    WEEKDAY = "weekday"  # 4
    WEEKEND = "weekend"  # 5
    OFF_PEAK_AND_WEEKEND = "off_peak_and_weekend"  # 6
    EVENING = "evening"  # 7
    NIGHT = "night"  # 8
    HOLIDAY = "holiday"  # 9
    ALL = "all"  # 10


@dataclass(frozen=True, slots=True)
class DayParts:
    """When the parts of a day begin, minutes after midnight: the settings peaktimebegin and so on."""

    peak_begin: int = 9 * 60
    peak_end: int = 19 * 60
    evening_begin: int = 18 * 60
    night_begin: int = 22 * 60
    weekend_is_peak: bool = False


def spans_of(
    kind: str, parts: DayParts, *, weekdays: int = EVERY_DAY, own: tuple[int, int] | None = None
) -> tuple[TimeWindow, ...]:
    """The spans of a pattern. `own` hours (start, end) replace those that the day's parts give it.

    Peak is the peak time of Monday to Friday, of Saturday and Sunday too when the weekend is peak; off-peak the other
    hours of the same days. Evening ends when night begins, and night when the next peak begins, every day. A holiday is
    only in what is of every day or of holidays: it is no weekday and no weekend.
    """
    days = WEEKDAYS | WEEKEND if parts.weekend_is_peak else WEEKDAYS
    peak = own or (parts.peak_begin, parts.peak_end)
    weekend = () if parts.weekend_is_peak else (TimeWindow(WEEKEND),)
    match HoursKind(kind):
        case HoursKind.HOURS:
            return (TimeWindow(weekdays, *(own or (0, 0))),)
        case HoursKind.PEAK:
            return (TimeWindow(days, *peak),)
        case HoursKind.OFF_PEAK:
            return _others(days, *peak)
        case HoursKind.OFF_PEAK_AND_WEEKEND:
            return _others(days, *peak) + weekend
        case HoursKind.WEEKDAY:
            return (TimeWindow(WEEKDAYS),)
        case HoursKind.WEEKEND:
            return (TimeWindow(WEEKEND),)
        case HoursKind.EVENING:
            return (TimeWindow(EVERY_DAY, *(own or (parts.evening_begin, parts.night_begin))),)
        case HoursKind.NIGHT:
            return (TimeWindow(EVERY_DAY, *(own or (parts.night_begin, parts.peak_begin))),)
        case HoursKind.HOLIDAY:
            return (TimeWindow(HOLIDAYS),)
        case HoursKind.ALL:
            return (TimeWindow(),)
    return ()


def _others(days: int, begin: int, end: int) -> tuple[TimeWindow, ...]:
    """The hours of the same days outside `[begin, end)`, cut at midnight: a Friday's do not reach into Saturday."""
    spans = ((0, begin), (end, MIDNIGHT)) if begin < end else ((end, begin),)
    return tuple(TimeWindow(days, start, until) for start, until in spans if start < until)
