"""Taking prefixes off numbers and putting others on, as settings say (guide 2524-2568, 2883-2889)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

ANY_DIGIT = "X."
"""In a pattern: one digit, whichever."""


@dataclass(frozen=True, slots=True)
class PrefixChange:
    """One family of settings, `incomingprefix…` or `outgoingprefix…`. Lengths are of the number as it comes; 0: no bound.

    The names of the settings mislead: for `remove` it is "maxlength" that is the least length (inclusive) and "minlength"
    the first that is too long; for `add` it is the other way round (guide 2532-2538, 2552-2558). We keep what the guide says.
    """

    remove: tuple[str, ...] = ()
    remove_from: int = 0
    remove_below: int = 0
    remove2: str = ""
    add: str = ""
    add_from: int = 0
    add_below: int = 0
    if_begins: str = ""
    if_begins_not: str = ""

    def __bool__(self) -> bool:
        return bool(self.remove or self.remove2 or self.add)

    def apply(self, number: str) -> str:
        """The changed number.

        1. The longest of `remove` that it begins with goes, if its length fits.
        2. `remove2` goes and `add` comes, if the length and the beginning of what is left fit.
        """
        if self.remove and _fits(number, self.remove_from, self.remove_below):
            number = number[max((len(one) for one in self.remove if number.startswith(one)), default=0) :]
        if not (self.remove2 or self.add) or not self._adds(number):
            return number
        return self.add + number.removeprefix(self.remove2)

    def _adds(self, number: str) -> bool:
        if not _fits(number, self.add_from, self.add_below):
            return False
        if self.if_begins and not number.startswith(self.if_begins):
            return False
        return not (self.if_begins_not and number.startswith(self.if_begins_not))


def _fits(number: str, least: int, below: int) -> bool:
    return len(number) >= least and (not below or len(number) < below)


@dataclass(frozen=True, slots=True)
class PatternRewrite:
    """`prefixrewritestr`: what a number begins with; X and the full stop stand for any digit. `keep_from` counts from 1."""

    pattern: str = ""
    keep_from: int = 1
    put: str = ""

    def __bool__(self) -> bool:
        return bool(self.pattern)

    def apply(self, number: str) -> str:
        """A number that begins like the pattern loses what stands before `keep_from`, and `put` comes before the rest."""
        if not begins_like(number, self.pattern):
            return number
        return self.put + number[self.keep_from - 1 :]


@lru_cache(maxsize=1024)
def _places(pattern: str) -> tuple[tuple[int, str], ...]:
    """Where the pattern names a digit, and which."""
    return tuple((place, one) for place, one in enumerate(pattern.upper()) if one not in ANY_DIGIT)


def begins_like(number: str, pattern: str) -> bool:
    """Whether the number is at least as long as the pattern, and has its digits where it names any."""
    return len(number) >= len(pattern) and all(number[place] == one for place, one in _places(pattern))
