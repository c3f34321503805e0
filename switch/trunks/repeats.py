"""Who calls a number again right after a short call by some carrier: the sound may have been bad (guide 3500)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MOST = 50_000
"""Calls that are remembered at once; the oldest go first."""

Row = tuple[int, str, int]
"""Caller's account, called number, carrier."""


class Repeats:
    """Short calls of the last minutes, of this worker and of those that told it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._found: OrderedDict[tuple[int, str], tuple[float, frozenset[int]]] = OrderedDict()
        self._news: list[Row] = []

    def short(self, caller: int, called: str, carrier: int) -> None:
        """A call was answered and lasted only a moment."""
        self.told(caller, called, carrier)
        if len(self._news) < MOST:
            self._news.append((caller, called, carrier))

    def told(self, caller: int, called: str, carrier: int) -> None:
        """The same of another worker."""
        key = caller, called
        _, before = self._found.pop(key, (0.0, frozenset()))
        self._found[key] = self._clock(), before | {carrier}
        if len(self._found) > MOST:
            self._found.popitem(last=False)

    def lasted(self, caller: int, called: str) -> None:
        """A call that was well: what was before it is forgotten."""
        self._found.pop((caller, called), None)

    def tried(self, caller: int, called: str, within: float) -> frozenset[int]:
        """The carriers by which the account had such calls to the number, the last of them so many seconds ago at most."""
        if not self._found:
            return frozenset()
        at, carriers = self._found.get((caller, called), (0.0, frozenset()))
        return carriers if carriers and self._clock() - at <= within else frozenset()

    def take(self) -> list[Row]:
        """What the others have not been told."""
        news, self._news = self._news, []
        return news
