"""Which calls accounts have now: this worker's own at once, the others' as they told last (about twice a second).

Workers tell only of accounts that somebody watches at another worker, so a busy switch without lamps tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from switch.events.bodies import Line

if TYPE_CHECKING:
    from switch.call.board import Watcher
    from switch.call.call import Call

STATES = {"trying": "trying", "ringing": "early", "up": "confirmed"}

Told = dict[int, list[Line]]


class Lines:
    """Account → calls. `changed` is called with each account whose calls have changed."""

    def __init__(self, changed: Callable[[int], None]) -> None:
        self._changed = changed
        self._mine: dict[int, dict[str, Line]] = {}
        self._others: Told = {}
        self._parties: dict[str, tuple[int, ...]] = {}

    def of(self, account_id: int) -> list[Line]:
        """All calls of an account that are known."""
        return [*self._mine.get(account_id, {}).values(), *self._others.get(account_id, ())]

    def mine(self, accounts: Collection[int]) -> Told:
        """This worker's own, of these accounts, for the others."""
        return {one: list(self._mine[one].values()) for one in accounts if one in self._mine}

    def told(self, others: Mapping[int, list[Line]]) -> None:
        """What all other workers have, instead of everything before."""
        before, self._others = self._others, dict(others)
        for account in before.keys() | self._others.keys():
            if before.get(account) != self._others.get(account):
                self._changed(account)

    # --- calls here -------------------------------------------------------------------------------------------------------------

    def call_changed(self, call: Call) -> None:
        """The call is new, or in another state."""
        found = dict(_lines_of(call))
        for account, line in found.items():
            known = self._mine.setdefault(account, {})
            if known.get(call.id) != line:
                known[call.id] = line
                self._changed(account)
        self._drop(call.id, [one for one in self._parties.get(call.id, ()) if one not in found])
        self._parties[call.id] = tuple(found)

    def call_gone(self, call: Call) -> None:
        """It is over."""
        self._drop(call.id, self._parties.pop(call.id, ()))

    def _drop(self, call_id: str, accounts: Collection[int]) -> None:
        for account in accounts:
            known = self._mine.get(account, {})
            if known.pop(call_id, None) is not None:
                if not known:
                    del self._mine[account]
                self._changed(account)


def _lines_of(call: Call) -> list[tuple[int, Line]]:
    """The call as caller and called have it."""
    decision, state = call.decision, STATES.get(call.state)
    if decision is None or state is None:
        return []
    found = []
    branch = call.called or call.last
    if branch is not None and branch.target.trunk is None and branch.target.account.id != call.account.id:
        found.append(
            (branch.target.account.id, Line(f"{call.id}-in", "recipient", state, decision.caller_number))
        )
    return [(call.account.id, Line(f"{call.id}-out", "initiator", state, decision.called)), *found]


class Both:
    """Tells two watchers of calls: the page of current calls, and the lamps."""

    def __init__(self, live: Watcher, lines: Lines) -> None:
        self._live, self._lines = live, lines

    def changed(self, call: Call) -> None:
        self._live.changed(call)
        self._lines.call_changed(call)

    def gone(self, call: Call) -> None:
        self._live.gone(call)
        self._lines.call_gone(call)


def as_json(told: Told) -> dict[str, list[list[Any]]]:
    return {str(account): [list(one) for one in lines] for account, lines in told.items()}


def from_json(values: Mapping[str, list[list[Any]]]) -> Told:
    """Raises TypeError or ValueError for what no worker wrote."""
    return {int(account): [Line(*one) for one in lines] for account, lines in values.items()}
