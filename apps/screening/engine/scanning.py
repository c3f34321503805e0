"""Who tries a range of numbers, one after the other (guide 3112-3119), and who dials wrong numbers again and again (guide 4773-4778)."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

STRICT, GENERAL = "strict", "general"
_NEAR: Final = {STRICT: 10, GENERAL: 30}
_IN_A_ROW: Final = 3
"""What two numbers that follow each other count in the general mode."""
_SAME_BEGINNING: Final = 2
"""Numbers that differ in so many last digits only count as nearly the same wrong one."""


def longer(run: int, last: str, number: str, mode: str) -> int:
    """The length of a run of similar numbers with one more; 0: it has ended.

    Strict: numbers that differ by less than 10. General: by less than 30, or in one digit; two that follow each other count 3.
    The same number again says nothing: neither does it lengthen a run, nor end it.
    """
    if number == last:
        return run
    if len(number) != len(last) or not (number.isdigit() and last.isdigit()):
        return 0
    difference = abs(int(number) - int(last))
    if mode == GENERAL and difference == 1:
        return run + _IN_A_ROW
    if difference < _NEAR[mode]:
        return run + 1
    if mode == GENERAL and _in_one_digit(number, last):
        return run + 1
    return 0


def _in_one_digit(number: str, last: str) -> bool:
    """Whether two numbers of the same length, which are not the same, differ in one digit only."""
    place = next(place for place, (a, b) in enumerate(zip(number, last, strict=True), 1) if a != b)
    return number[place:] == last[place:]


class WrongNumbers:
    """The last wrong numbers that an account has called, and how often it has called nearly the same."""

    __slots__ = ("_counts", "_last")

    def __init__(self) -> None:
        self._last: deque[str] = deque()
        self._counts: Counter[str] = Counter()

    def add(self, number: str, most: int) -> None:
        """One more, of which `most` are remembered."""
        self._last.append(number)
        self._counts[_beginning(number)] += 1
        while len(self._last) > most:
            first = _beginning(self._last.popleft())
            self._counts[first] -= 1
            if not self._counts[first]:
                del self._counts[first]

    def like(self, number: str) -> int:
        """How many of them are nearly the same as this one."""
        return self._counts.get(_beginning(number), 0)


def _beginning(number: str) -> str:
    return number[:-_SAME_BEGINNING] if len(number) > 2 * _SAME_BEGINNING else number
