"""What is up now: calls per account, attempts per second, lines per carrier (`switch.call.stages.state.Usage`).

Exact within the worker; the counts of the other workers are those that they told last (about twice a second).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from switch.call.model import TrunkLogin

SECOND = 1.0


class UsageCounters:
    """Counts calls as they begin and end."""

    __slots__ = ("_attempts", "_calls", "_carriers", "_clock", "_others", "_others_carriers", "unreachable")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.unreachable: Callable[[int, Sequence[TrunkLogin]], str] = lambda carrier, logins: ""
        """Why calls to a carrier would fail now (`switch.trunks.states.Trunks.unreachable`)."""
        self._clock = clock
        self._calls: Counter[int] = Counter()
        self._carriers: Counter[int] = Counter()
        self._attempts: dict[int, deque[float]] = {}
        self._others: Mapping[int, int] = {}
        self._others_carriers: Mapping[int, int] = {}

    def calls(self, account_id: int) -> int:
        """Calls of the account and of everybody below it, on all workers as far as known."""
        return self._calls[account_id] + self._others.get(account_id, 0)

    def attempts(self, account_id: int) -> int:
        """Calls that they began here within the last second."""
        times = self._attempts.get(account_id)
        if times is None:
            return 0
        _forget(times, self._clock() - SECOND)
        return len(times)

    def carrier_calls(self, account_id: int) -> int:
        """Calls that go out through the carrier, those still ringing too."""
        return self._carriers[account_id] + self._others_carriers.get(account_id, 0)

    def engaged(self, account_id: int) -> int:
        """Calls that the account itself takes part in, as caller or called, those still ringing too."""
        return self.carrier_calls(account_id)

    def begin(self, path: tuple[int, ...]) -> None:
        """A call of the last of `path` began."""
        now = self._clock()
        for account in path:
            self._calls[account] += 1
            times = self._attempts.get(account)
            if times is None:
                times = self._attempts[account] = deque()
            _forget(times, now - SECOND)
            times.append(now)

    def end(self, path: tuple[int, ...]) -> None:
        """It is over."""
        _less(self._calls, path)

    def take_line(self, carrier: int) -> None:
        """A call goes out through the carrier, or an account of ours begins to take part in one."""
        self._carriers[carrier] += 1

    def free_line(self, carrier: int) -> None:
        """It does no more."""
        _less(self._carriers, (carrier,))

    def told(self, calls: Mapping[int, int], carriers: Mapping[int, int]) -> None:
        """The sums of all other workers."""
        self._others = calls
        self._others_carriers = carriers

    def counts(self) -> tuple[dict[int, int], dict[int, int]]:
        """This worker's own calls and carrier lines, to tell the others."""
        return dict(self._calls), dict(self._carriers)


def _forget(times: deque[float], oldest: float) -> None:
    while times and times[0] <= oldest:
        times.popleft()


def _less(counter: Counter[int], accounts: tuple[int, ...]) -> None:
    for account in accounts:
        left = counter[account] - 1
        if left > 0:
            counter[account] = left
        else:
            del counter[account]
