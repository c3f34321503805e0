"""Where phones are that another worker has just registered: asked before a call is told that nobody is there.

A worker hears of a registration a few milliseconds after the phone has its 200, when thousands register some more. A call
that comes first would be refused, so it asks once more:

1. Accounts of which no phone is known are looked up in Redis, all at once and beside everything else.
2. Still nobody: the other worker may be about to tell it. What it tells meanwhile, or a second look after `AGAIN`, decides.
3. Redis that is away costs nothing, one that is silent at most `WITHIN`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

AGAIN, WITHIN = 0.06, 0.25
"""Seconds. Tellings of one worker are at most 0.05 apart (`switch.live`)."""

Then = Callable[[], None]


class Shelf(Protocol):
    """What all workers have written down (`switch.live.Live`)."""

    def look_up(self, accounts: Iterable[int], then: Then) -> bool:
        """Read what is known of these and take it over, then `then`; False, and nothing is done, when Redis is away."""


class Elsewhere:
    """Asks for one worker. `here`: whether a phone of the account is known now."""

    def __init__(self, here: Callable[[int], bool], later: Callable[[float, Then], Any]) -> None:
        self.shelf: Shelf | None = None
        self._here = here
        self._later = later

    def seek(self, accounts: Iterable[int], then: Then) -> None:
        """Call `then`, at once if all of the accounts have a phone here or nobody can be asked."""
        missing = [one for one in accounts if not self._here(one)]
        if not missing or self.shelf is None:
            then()
        else:
            _Search(self._here, self.shelf, self._later, missing, then).begin()


class _Search:
    """One look; `then` is called once."""

    def __init__(
        self,
        here: Callable[[int], bool],
        shelf: Shelf,
        later: Callable[[float, Then], Any],
        accounts: list[int],
        then: Then,
    ) -> None:
        self._here, self._shelf, self._later = here, shelf, later
        self._accounts, self._then = accounts, then
        self._over = False

    def begin(self) -> None:
        if self._shelf.look_up(self._accounts, self._first):
            self._later(WITHIN, self._end)
        else:
            self._end()

    def _first(self) -> None:
        if self._over or self._found():
            self._end()
        else:
            self._later(AGAIN, self._second)

    def _second(self) -> None:
        if self._over or self._found() or not self._shelf.look_up(self._accounts, self._end):
            self._end()

    def _found(self) -> bool:
        return any(self._here(one) for one in self._accounts)

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._then()
