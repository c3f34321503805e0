"""All bindings that a worker knows, its own and those of the others."""

from __future__ import annotations

from collections.abc import Iterable

from switch.net import Flow
from switch.registrar.binding import Binding

KEPT_AFTER_END = 32.0
"""Seconds for which the CSeq of a removed binding is remembered, so that a late REGISTER does not bring it back."""
SPAN = 30
"""Ends are looked for in steps of so many seconds."""

Bindings = tuple[Binding, ...]


class Table:
    """Account → its bindings. What ended is dropped step by step, without a walk over all accounts."""

    def __init__(self) -> None:
        self._bindings: dict[int, Bindings] = {}
        self._by_flow: dict[Flow, set[int]] = {}
        self._ends: dict[int, set[int]] = {}
        self._swept: int | None = None

    def of(self, account_id: int) -> Bindings:
        """Everything known of an account, what has ended lately too."""
        return self._bindings.get(account_id, ())

    def alive(self, account_id: int, now: float) -> list[Binding]:
        """The account's phones, the preferred first, of equals the one that was seen last."""
        found = [one for one in self.of(account_id) if one.expires_at > now]
        if len(found) > 1:
            found.sort(key=lambda one: (-one.q, -one.seen_at))
        return found

    def everything(self) -> dict[int, list[Binding]]:
        """All bindings, for who has to tell them anew."""
        return {account: list(found) for account, found in self._bindings.items()}

    def put(self, account_id: int, changed: Iterable[Binding]) -> None:
        """Take these over in the place of those with the same key."""
        known = {one.key: one for one in self.of(account_id)}
        for binding in changed:
            known[binding.key] = binding
            if binding.flow.reliable:
                self._by_flow.setdefault(binding.flow, set()).add(account_id)
            self._ends.setdefault(_step(binding.expires_at), set()).add(account_id)
        self._bindings[account_id] = tuple(known.values())

    def told(self, account_id: int, bindings: Iterable[Binding]) -> None:
        """Another worker's news; older than what is known here is ignored."""
        known = {one.key: one for one in self.of(account_id)}
        self.put(account_id, [one for one in bindings if _newer(one, known.get(one.key))])

    def lose(self, flow: Flow, now: float) -> dict[int, list[Binding]]:
        """The connection has ended that phones registered by; what is over now, by account."""
        lost: dict[int, list[Binding]] = {}
        for account_id in self._by_flow.pop(flow, ()):
            over = [
                one.ended(now - 1) for one in self.of(account_id) if one.flow == flow and one.expires_at > now
            ]
            if over:
                self.put(account_id, over)
                lost[account_id] = over
        self._by_flow.pop(flow, None)
        return lost

    def sweep(self, now: float) -> None:
        """Forget what ended a while ago."""
        last = _step(now - KEPT_AFTER_END) - 1
        steps = [step for step in self._ends if step <= last]
        for step in steps:
            for account_id in self._ends.pop(step):
                self._drop(account_id, now - KEPT_AFTER_END)

    def _drop(self, account_id: int, before: float) -> None:
        known = self.of(account_id)
        kept = tuple(one for one in known if one.expires_at > before)
        if len(kept) == len(known):
            return
        for one in known:
            accounts = self._by_flow.get(one.flow)
            if accounts is not None and all(other.flow != one.flow for other in kept):
                accounts.discard(account_id)
                if not accounts:
                    del self._by_flow[one.flow]
        if kept:
            self._bindings[account_id] = kept
        else:
            del self._bindings[account_id]

    def __len__(self) -> int:
        return sum(map(len, self._bindings.values()))


def _step(at: float) -> int:
    return int(at) // SPAN


def _newer(told: Binding, known: Binding | None) -> bool:
    return known is None or known.call_id != told.call_id or known.cseq <= told.cseq
