"""Timers of calls: one wheel for all of them, ticked by the worker."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from switch.sip.timers import Wheel


class Alarm:
    """Calls `ring` once when its time has come; it may be set again and again."""

    __slots__ = ("due", "ring", "slot")

    def __init__(self, ring: Callable[[], None]) -> None:
        self.ring = ring
        self.due = inf
        self.slot = 0


def _nothing() -> None:
    pass


class Alarms:
    """All alarms of a worker. Times are those of the worker's steady clock."""

    __slots__ = ("_wheel",)

    def __init__(self) -> None:
        self._wheel: Wheel[Alarm] = Wheel()

    def set(self, alarm: Alarm, due: float) -> None:
        """Let it ring at `due`, and not at the time it was set to before."""
        self._wheel.arm(alarm, due)

    def cancel(self, alarm: Alarm | None) -> None:
        """It rings no more. None is allowed: many calls never had that alarm."""
        if alarm is not None:
            alarm.due = inf

    def end(self, alarm: Alarm) -> None:
        """It rings no more, ever, and holds nobody: its entry in the wheel stays until its time, which may be hours ahead."""
        alarm.due = inf
        alarm.ring = _nothing

    def due(self, now: float) -> list[Alarm]:
        """The alarms that are to ring now."""
        return [alarm for alarm in self._wheel.due(now) if alarm.due <= now + 1e-6]
