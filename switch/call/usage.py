"""What is up now: calls per account, attempts per second, lines per carrier (`switch.call.stages.state.Usage`).

Exact within the worker; the counts of the other workers are those that they told last (about twice a second).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from apps.dids.engine import Nothing, Recent
from switch.addresses import Addresses
from switch.call.model import Ask, TrunkLogin
from switch.habits import Habits
from switch.trunks.repeats import Repeats

SECOND = 1.0


class UsageCounters:
    """Counts calls as they begin and end."""

    __slots__ = (
        "_attempts",
        "_calls",
        "_carriers",
        "_clock",
        "_ended",
        "_others",
        "_others_carriers",
        "_others_sent",
        "_routed",
        "_sent",
        "addresses",
        "habits",
        "looked_up", "online", "recent", "repeats",
        "unreachable",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], float]) -> None:
        self.unreachable: Callable[[int, Sequence[TrunkLogin]], str] = lambda carrier, logins: ""
        """Why calls to a carrier would fail now (`switch.trunks.states.Trunks.unreachable`)."""
        self.looked_up: Callable[[Ask], tuple[Any, ...] | None] = lambda question: ()
        """What somebody outside has answered (`switch.call.lookups.Lookups.answer`)."""
        self.online: Callable[[int], bool] = lambda account: False
        """Whether a phone of the account is registered (`switch.registrar.Registrar.reachable`)."""
        self.recent: Recent = Nothing()
        """The last calls by shared numbers (`switch.call.recents.Recents`)."""
        self._clock = clock
        self._routed: dict[int, float] = {}
        self._ended: dict[int, float] = {}
        self._calls: Counter[int] = Counter()
        self._carriers: Counter[int] = Counter()
        self._attempts: dict[int, deque[float]] = {}
        self._others: Mapping[int, int] = {}
        self._others_carriers: Mapping[int, int] = {}
        self._sent: dict[int, deque[float]] = {}
        self._others_sent: Mapping[int, int] = {}
        self.repeats = Repeats(clock)
        self.habits = Habits(clock)
        self.addresses = Addresses(time.time)

    def calls(self, account_id: int) -> int:
        """Calls of the account and of everybody below it, on all workers as far as known."""
        return self._calls.get(account_id, 0) + self._others.get(account_id, 0)

    def attempts(self, account_id: int) -> int:
        """Calls that they began here within the last second."""
        times = self._attempts.get(account_id)
        if times is None:
            return 0
        _forget(times, self._clock() - SECOND)
        return len(times)

    def carrier_calls(self, account_id: int) -> int:
        """Calls that go out through the carrier, those still ringing too."""
        return self._carriers.get(account_id, 0) + self._others_carriers.get(account_id, 0)

    def carrier_attempts(self, account_id: int) -> int:
        """Calls that were sent to the carrier within the last second, by all workers as far as known."""
        return self._sent_here(account_id) + self._others_sent.get(account_id, 0)

    def _sent_here(self, account_id: int) -> int:
        times = self._sent.get(account_id)
        if times is None:
            return 0
        _forget(times, self._clock() - SECOND)
        return len(times)

    def tried(self, account_id: int, called: str, within: float) -> frozenset[int]:
        """Carriers by which the account had a short call to the number just now (`switch.trunks.repeats`)."""
        return self.repeats.tried(account_id, called, within)

    def engaged(self, account_id: int) -> int:
        """Calls that the account itself takes part in, as caller or called, those still ringing too."""
        return self.carrier_calls(account_id)

    def begin(self, path: tuple[int, ...]) -> None:
        """A call of the last of `path` began."""
        now = self._clock()
        for account in path:
            self._calls[account] += 1
            self._begun(account, now)

    def _begun(self, account: int, now: float) -> None:
        times = self._attempts.get(account)
        if times is None:
            times = self._attempts[account] = deque()
        _forget(times, now - SECOND)
        times.append(now)

    def end(self, path: tuple[int, ...]) -> None:
        """It is over."""
        _less(self._calls, path)

    def send(self, carrier: int) -> None:
        """A call is sent to the carrier."""
        now = self._clock()
        times = self._sent.setdefault(carrier, deque())
        _forget(times, now - SECOND)
        times.append(now)

    def target_calls(self, target: int) -> int:
        """Calls that go out by the target of a route rule."""
        return self.carrier_calls(-target)

    def target_attempts(self, target: int) -> int:
        """Calls that were sent by it here within the last second."""
        return self.attempts(-target)

    def routed_at(self, carrier: int) -> float:
        """When the carrier last got a call from here, on this worker's own clock; 0: never."""
        return self._routed.get(carrier, 0.0)

    def idle(self, carrier: int) -> float:
        """Seconds since its last call from here ended; endless before the first."""
        ended = self._ended.get(carrier)
        return inf if ended is None else self._clock() - ended

    def take_line(self, carrier: int, target: int = 0) -> None:
        """A call goes out through the carrier, or an account of ours begins to take part in one.

        `target`: that of the route rule. Its calls are counted under minus its id, so that workers tell each other both alike.
        """
        now = self._routed[carrier] = self._clock()
        self._carriers[carrier] += 1
        if target:
            self._carriers[-target] += 1
            self._begun(-target, now)

    def free_line(self, carrier: int, target: int = 0) -> None:
        """It does no more."""
        self._ended[carrier] = self._clock()
        _less(self._carriers, (carrier, -target) if target else (carrier,))

    def told(self, calls: Mapping[int, int], carriers: Mapping[int, int]) -> None:
        """The sums of all other workers."""
        self._others = calls
        self._others_carriers = carriers

    def sent_told(self, sent: Mapping[int, int]) -> None:
        """What all other workers sent to carriers in the last second."""
        self._others_sent = sent

    def counts(self) -> tuple[dict[int, int], dict[int, int]]:
        """This worker's own calls and carrier lines, to tell the others."""
        return dict(self._calls), dict(self._carriers)

    def sent(self) -> dict[int, int]:
        """What this worker sent to carriers in the last second, to tell the others."""
        found = {carrier: count for carrier in list(self._sent) if (count := self._sent_here(carrier))}
        self._sent = {carrier: times for carrier, times in self._sent.items() if times}
        return found


def _forget(times: deque[float], oldest: float) -> None:
    while times and times[0] <= oldest:
        times.popleft()


def _less(counter: Counter[int], accounts: tuple[int, ...]) -> None:
    for account in accounts:
        left = counter[account] - 1
        if left > 0:
            counter[account] = left
        else:
            counter.pop(account, None)
