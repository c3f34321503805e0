"""How the accounts of one worker have called lately: runs of similar numbers, wrong numbers, requests in all."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from apps.screening.engine.scanning import WrongNumbers, longer

REMEMBERED = 20_000
"""Accounts; who called longest ago is forgotten first."""
MINUTE = 60.0


class Habits:
    """Remembers; the stages ask, and whoever begins and ends calls tells."""

    __slots__ = ("_begun", "_clock", "_runs", "_wrong")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._runs: OrderedDict[int, tuple[str, int]] = OrderedDict()
        self._wrong: OrderedDict[int, WrongNumbers] = OrderedDict()
        self._begun: deque[float] = deque()

    def run(self, account: int, number: str, mode: str) -> int:
        """How long the account's run of similar numbers would be with this one."""
        last, run = self._runs.get(account, ("", 0))
        return longer(run, last, number, mode)

    def wrong(self, account: int, number: str) -> int:
        """How many of its last wrong numbers are nearly this one."""
        found = self._wrong.get(account)
        return found.like(number) if found is not None else 0

    def minute(self) -> int:
        """Calls that were decided about in the last minute."""
        oldest = self._clock() - MINUTE
        while self._begun and self._begun[0] <= oldest:
            self._begun.popleft()
        return len(self._begun)

    def decided(self, account: int, number: str, mode: str) -> None:
        """It was decided about a call of the account to the number, however that came out."""
        self._runs[account] = (number, self.run(account, number, mode))
        self._runs.move_to_end(account)
        if len(self._runs) > REMEMBERED:
            self._runs.popitem(last=False)

    def asked(self) -> None:
        """A call is to be decided about; counted only while a limit is set."""
        self._begun.append(self._clock())

    def dialled_wrong(self, account: int, number: str, most: int) -> None:
        """The number does not exist, or is not one."""
        found = self._wrong.setdefault(account, WrongNumbers())
        found.add(number, most)
        self._wrong.move_to_end(account)
        if len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)
