"""When the garbage collector runs in a worker: while no call is up, or when memory has grown for no other reason.

Nothing that a call makes needs it (`switch.call.call.Call._forget`), and every look at a million objects, all of them alive,
is a third of a second in which nobody is answered. Left to itself Python looks just then: it counts what was made less what was freed, and
so, while calls come and go evenly, seldom, but then at everything.
"""

from __future__ import annotations

import gc
import logging
import resource
from collections.abc import Callable

log = logging.getLogger("switch.memory")

IDLE_SECONDS = 60.0
"""So long after the last look there may be another, if no call is up."""
ROOM_KILOBYTES = 512 << 10
"""When memory has doubled since the last look, and grown by so much, there is one whatever is up, for something must be leaking.
A thousand calls a second need about half of it."""


def resident_kilobytes() -> int:
    """Memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


class Collector:
    """Takes the collector over from Python. Make it once, when everything that lives for ever is there; `look` now and then."""

    def __init__(self, clock: Callable[[], float], resident: Callable[[], int] = resident_kilobytes) -> None:
        """`clock`: steady seconds. What is there now is never looked at again."""
        self._clock = clock
        self._resident = resident
        gc.disable()
        self._collect()

    def look(self, *, idle: bool) -> bool:
        """Collect if it is time; whether it was. `idle`: no call is up."""
        quiet = idle and self._clock() - self._at >= IDLE_SECONDS
        if not quiet and self._resident() < self._size + max(self._size, ROOM_KILOBYTES):
            return False
        found = self._collect()
        if found:
            log.info("the collector has found %s objects that held each other", found)
        return True

    def _collect(self) -> int:
        found = gc.collect()
        gc.freeze()
        self._at = self._clock()
        self._size = self._resident()
        return found
