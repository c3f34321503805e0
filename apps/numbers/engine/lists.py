"""Lists of numbers, as rules ask and draw from them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CALLER = "caller"
_AFTER_DIGITS = ":"  # sorts after every digit, # and *


@dataclass(slots=True)
class NumberList:
    """Numbers in order. `account`: whose (and of everybody below it); None: everybody's."""

    name: str
    purpose: str
    account: int | None
    numbers: list[str] = field(default_factory=list)

    def __contains__(self, number: str) -> bool:
        place = bisect_left(self.numbers, number)
        return place < len(self.numbers) and self.numbers[place] == number

    def draw(self, chance: int, prefix: str = "") -> str:
        """One of those that begin with the prefix, by the lot `chance` (any whole number); "" when there is none."""
        first = bisect_left(self.numbers, prefix) if prefix else 0
        last = bisect_left(self.numbers, prefix + _AFTER_DIGITS) if prefix else len(self.numbers)
        return self.numbers[first + chance % (last - first)] if last > first else ""

    def longest_prefix(self, number: str) -> str:
        """The longest entry that the number begins with; "" when there is none."""
        return next((one for length in range(len(number), 0, -1) if (one := number[:length]) in self), "")

    def usable(self, path: Sequence[int]) -> bool:
        """Whether an account may use it; `path`: account ids from the top of the tree down to itself."""
        return self.account is None or self.account in path


class Lists:
    """All lists, by name, and which caller numbers an account has a right to."""

    __slots__ = ("_by_id", "_pools", "by_name")

    def __init__(self) -> None:
        self.by_name: dict[str, NumberList] = {}
        self._by_id: dict[int, NumberList] = {}
        self._pools: list[NumberList] = []

    def take(self, section: str, rows: Sequence[Sequence[Any]]) -> None:
        """Rows of `apps.numbers.snapshot`: lists before their numbers."""
        if section == "lists":
            for key, name, purpose, account in rows:
                made = NumberList(name, purpose, account)
                self.by_name[name] = self._by_id[key] = made
                if purpose == CALLER:
                    self._pools.append(made)
        elif section == "listed_numbers":
            for key, number in rows:
                self._by_id[key].numbers.append(number)
            for key in {row[0] for row in rows}:
                self._by_id[key].numbers.sort()  # databases have orders of their own

    def pool(self, name: str, path: Sequence[int]) -> NumberList | None:
        """The pool of caller numbers with this name, if the account may use it."""
        found = self.by_name.get(name)
        return found if found and found.purpose == CALLER and found.usable(path) else None

    def may_show(self, number: str, path: Sequence[int]) -> bool:
        """Whether the number is in a pool that the account may use."""
        return any(number in one and one.usable(path) for one in self._pools)
