"""One set of timers for all transactions, ticked by its owner: no clock, no callable and no heap entry per timer.

Time is cut into slots of 20 ms; a slot is a list of what is due in it. Arming is an append, disarming is forgetting: an entry whose
owner has meanwhile been armed for another slot, or whose `due` is infinity, is skipped when its slot comes. What is due later than `HORIZON` seconds from now waits
in the slot of the horizon and is put on from there, so that what was disarmed leaves within that time: a call's longest duration is
hours ahead, and most calls end in minutes. Times are seconds of any steady clock.
"""

from math import ceil, floor, inf
from typing import Generic, Protocol, TypeVar

SLOTS_PER_SECOND = 50
HORIZON = 60
_FARTHEST = HORIZON * SLOTS_PER_SECOND
_EPSILON = 1e-6


def reached(now: float, due: float) -> bool:
    """Whether `due` has come, forgiving what floating point adds to sums of seconds."""
    return now >= due - _EPSILON


class Timed(Protocol):
    """What can be armed. `slot` belongs to the wheel: the slot of its one valid entry, 0 when there is none."""

    due: float
    slot: int


Item = TypeVar("Item", bound=Timed)


class Wheel(Generic[Item]):
    """Arm items, and learn which are due."""

    __slots__ = ("_next", "_slots")

    def __init__(self) -> None:
        self._slots: dict[int, list[Item]] = {}
        self._next: int | None = None

    def arm(self, item: Item, due: float) -> None:
        """Let `item` fire at `due` and not before; a later call replaces an earlier one; infinity disarms."""
        item.due = due
        if due == inf:
            return
        slot = ceil(due * SLOTS_PER_SECOND - _EPSILON)
        following = self._next
        if following is not None:
            if slot < following:
                slot = following
            elif slot > following + _FARTHEST:
                slot = following + _FARTHEST
        if item.slot and item.slot <= slot:
            return
        item.slot = slot
        entries = self._slots.get(slot)
        if entries is None:
            self._slots[slot] = [item]
        else:
            entries.append(item)

    def due(self, now: float) -> list[Item]:
        """The items that are due, in order of time; each has to be armed again if it shall fire again."""
        last = floor(now * SLOTS_PER_SECOND + _EPSILON)
        fired: list[Item] = []
        if not self._slots:
            self._next = last + 1
            return fired
        for slot in self._passed(last):
            entries = self._slots.pop(slot, None)
            if entries is not None:
                self._collect(entries, slot, now, fired)
        self._next = last + 1
        return fired

    def _passed(self, last: int) -> range | list[int]:
        first = self._next
        if first is None or last - first > len(self._slots):
            return sorted(slot for slot in self._slots if slot <= last)
        return range(first, last + 1)

    def _collect(self, entries: list[Item], slot: int, now: float, fired: list[Item]) -> None:
        for item in entries:
            if item.slot != slot:
                continue
            item.slot = 0
            due = item.due
            if now >= due - _EPSILON:
                fired.append(item)
            elif due != inf:
                self._rearm(item, slot)

    def _rearm(self, item: Item, passed: int) -> None:
        """Its time was moved on after it was armed, or lay beyond the horizon."""
        slot = max(ceil(item.due * SLOTS_PER_SECOND - _EPSILON), passed + 1)
        slot = min(slot, passed + _FARTHEST)
        item.slot = slot
        self._slots.setdefault(slot, []).append(item)
