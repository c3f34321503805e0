"""Time windows of the week in local wall time, and the instants at which they open and close.

A window follows the wall clock: in the night when clocks go back, the repeated hour is in the
window twice; in the night when they go forward, the missing hour is in it never.

What a date counts as is its weekday, unless `Days` says otherwise: a public holiday counts as `HOLIDAY` and no
longer as a Monday; a Saturday on which people work may count as a Friday.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 86_400
EVERY_DAY = 255
"""The mask of all seven weekdays and of holidays."""
HOLIDAY = 7
"""What a holiday counts as: the day after Sunday, bit 128 of a mask."""
_MINUTES = 1440
_HORIZON_DAYS = 400


Days = tuple[tuple[int, int], ...]
"""Local dates (days since 1970) that do not count as their weekday, and what they count as (Monday 0 … `HOLIDAY`)."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Half-open `[start, end)` in minutes of the local day, on the days of the mask (Mon=1 … Sun=64, holidays=128).

    `end <= start` runs over midnight into the day after each day of the mask; equal values mean
    the whole 24 hours from the start.
    """

    weekdays: int = EVERY_DAY
    start: int = 0
    end: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.weekdays <= EVERY_DAY:
            raise ValueError(f"weekdays is a mask of 0 to {EVERY_DAY}, not {self.weekdays}")
        if not (0 <= self.start < _MINUTES and 0 <= self.end <= _MINUTES):
            raise ValueError(f"minutes of the day expected, not {self.start} to {self.end}")

    def holds(self, today: int, yesterday: int, minute: int) -> bool:
        """Whether this minute is inside, on a day that counts as `today` after one that counts as `yesterday`."""
        if self.start < self.end:
            return bool(self.weekdays >> today & 1) and self.start <= minute < self.end
        if minute >= self.start:
            return bool(self.weekdays >> today & 1)
        return bool(self.weekdays >> yesterday & 1) and minute < self.end

    def contains(self, instant: int, zone: str, days: Days = ()) -> bool:
        """Whether the window is open at this epoch second on that zone's wall clock."""
        local = instant + _offset(instant, zone)
        return self.holds(*_kinds(local, days), local % DAY // 60)

    def minutes(self) -> int:
        """Its length in a week with a holiday; the narrower of two windows is the more particular."""
        span = self.end - self.start if self.start < self.end else self.end - self.start + _MINUTES
        return span * self.weekdays.bit_count()


@dataclass(frozen=True, slots=True)
class Hours:
    """Several spans of the week that open and close as one; without any, never open."""

    spans: tuple[TimeWindow, ...]

    def contains(self, instant: int, zone: str, days: Days = ()) -> bool:
        """Whether one of them is open at this epoch second on that zone's wall clock."""
        return any(span.contains(instant, zone, days) for span in self.spans)


Windows = tuple[TimeWindow | None, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which of an ordered list of windows is in force through one UTC day."""

    starts: tuple[int, ...]  # epoch seconds, the first is the day's beginning
    indexes: tuple[int, ...]  # of the first open window from there on; -1: none

    def at(self, instant: int) -> tuple[int, int]:
        """The index in force at the instant, and the instant until which that is known."""
        place = bisect_right(self.starts, instant) - 1
        following = place + 1
        if following < len(self.starts):
            return self.indexes[place], self.starts[following]
        return self.indexes[place], self.starts[0] + DAY


@lru_cache(maxsize=4096)
def schedule(windows: Windows, zone: str, day: int, days: Days = ()) -> Schedule:
    """The windows in force through UTC day `day` (days since 1970); `None` stands for "always"."""
    starts: list[int] = []
    indexes: list[int] = []
    for instant in _candidates(windows, zone, day):
        local = instant + _offset(instant, zone)
        index = _first_open(windows, *_kinds(local, days), local % DAY // 60)
        if not indexes or indexes[-1] != index:
            starts.append(instant)
            indexes.append(index)
    return Schedule(tuple(starts), tuple(indexes))


def local_date(instant: int, zone: str) -> int:
    """The date on that zone's calendar, days since 1970."""
    return (instant + _offset(instant, zone)) // DAY


def next_boundary(window: TimeWindow, zone: str, instant: int) -> int | None:
    """The first epoch second after `instant` at which the window opens or closes; None if it never does."""
    now = schedule((window,), zone, instant // DAY).at(instant)[0]
    for day in range(instant // DAY, instant // DAY + _HORIZON_DAYS):
        plan = schedule((window,), zone, day)
        for start, index in zip(plan.starts, plan.indexes, strict=True):
            if start > instant and index != now:
                return start
    return None


def _first_open(windows: Windows, today: int, yesterday: int, minute: int) -> int:
    for index, window in enumerate(windows):
        if window is None or window.holds(today, yesterday, minute):
            return index
    return -1


def _kinds(local: int, days: Days) -> tuple[int, int]:
    """What the date of that wall time and the date before count as."""
    date = local // DAY
    today, yesterday = (date + 3) % 7, (date + 2) % 7  # 1970-01-01 was a Thursday, three days after a Monday
    for one, kind in days:
        if one == date:
            today = kind
        elif one == date - 1:
            yesterday = kind
    return today, yesterday


def _candidates(windows: Windows, zone: str, day: int) -> list[int]:
    """Instants of the UTC day at which an answer can change: its start, window edges, midnights, clock changes."""
    edges = {0}
    for window in windows:
        if window is not None:
            edges |= {window.start * 60, window.end * 60}
    found: set[int] = set()
    for begin, end, offset in _ranges(zone, day * DAY, (day + 1) * DAY):
        found.add(begin)
        first_midnight = (begin + offset) // DAY * DAY - offset
        for midnight in range(first_midnight, end, DAY):
            found |= {midnight + edge for edge in edges if begin <= midnight + edge < end}
    return sorted(found)


def _ranges(zone: str, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Stretches of constant offset from UTC between two instants less than a day or so apart."""
    offset, last = _offset(begin, zone), _offset(end - 1, zone)
    if offset == last:
        yield begin, end, offset
        return
    low, high = begin, end - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
    yield begin, high, offset
    yield high, end, last


def _offset(instant: int, zone: str) -> int:
    return _local_offset(instant, _zone(zone))


def _local_offset(instant: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    assert offset is not None
    return offset // timedelta(seconds=1)


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    """Raises ValueError with the name for a zone that does not exist."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error
