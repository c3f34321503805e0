"""What sources do wrong, counted: so many within so long, and it is enough. Bounded, however many there are."""

from __future__ import annotations

from collections import OrderedDict

REMEMBERED = 50_000


class Offences:
    """Counts by kind and source. A count begins anew when its time is over."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def one_more(self, kind: str, source: str, now: float, most: int, seconds: float) -> bool:
        """Count one; whether that makes `most` within `seconds`. Then the count begins anew. `most` 0: it never does."""
        if not most:
            return False
        key = (kind, source)
        count = self._counts.get(key)
        if count is None or now - count[0] > seconds:
            count = self._counts[key] = [now, 0]
        count[1] += 1
        self._counts.move_to_end(key)
        if count[1] >= most:
            del self._counts[key]
            return True
        if len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)
        return False

    def forgive(self, kind: str, source: str) -> None:
        """It did right after all."""
        self._counts.pop((kind, source), None)
