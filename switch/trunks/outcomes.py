"""What came of calls by trunks, counted by each worker and told to the office, which judges by it (`apps.routing.health`).

A tally is kept for the whole trunk and for the destination. What an answer is worth is known only later: each answered call is
judged short or not when it would have lasted `failover_short_seconds`, in the order of the answers, so that traffic which has
just begun (only short calls have ended yet) looks no worse than it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from apps.routing.health.engine import Tally, destination_of

Row = tuple[int | str, ...]

(_ATTEMPTS, _ANSWERED, _FAILED, _LASTED, _SHORT, _ENDED, _SECONDS, _DELAYS, _DELAY_MS, _HEARD, _MOS) = range(
    len(Tally._fields)
)
MOST_KEYS = 20_000
"""Trunks and destinations of which is told at once; what is beyond that while Redis is away is not counted."""


@dataclass(slots=True, eq=False)
class Ongoing:
    """An answered call by a trunk."""

    carrier: int
    called: str
    short_seconds: int
    due: float
    ended: float | None = None


class Outcomes:
    """The counts of one worker since it told them last."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tallies: dict[tuple[int, str], list[int]] = {}
        self._young: dict[int, deque[Ongoing]] = {}
        """Calls that are not judged yet, by the seconds that they have to last."""

    def failed(self, carrier: int, called: str) -> None:
        """The call was not answered, and its caller had not given up."""
        for tally in self._of(carrier, called):
            tally[_ATTEMPTS] += 1
            tally[_FAILED] += 1

    def given_up(self, carrier: int, called: str) -> None:
        """The caller gave up before an answer: an attempt, but nobody's fault."""
        for tally in self._of(carrier, called):
            tally[_ATTEMPTS] += 1

    def answered(self, carrier: int, called: str, delay: float, short_seconds: int) -> Ongoing:
        """It was answered; `delay`: seconds until it rang. What is given back is for `ended`."""
        call = Ongoing(carrier, called, short_seconds, self._clock() + short_seconds)
        for tally in self._of(carrier, called):
            tally[_ATTEMPTS] += 1
            tally[_ANSWERED] += 1
            tally[_FAILED] = 0
            tally[_DELAYS] += 1
            tally[_DELAY_MS] += max(0, round(delay * 1000))
        if short_seconds:
            self._young.setdefault(short_seconds, deque()).append(call)
        else:
            self._lasted(call)
        return call

    def ended(self, call: Ongoing, seconds: float, mos: float | None) -> None:
        """It is over; `mos`: how the carrier's side sounded."""
        call.ended = self._clock()
        for tally in self._of(call.carrier, call.called):
            tally[_ENDED] += 1
            tally[_SECONDS] += max(0, int(seconds))
            if mos is not None:
                tally[_HEARD] += 1
                tally[_MOS] += max(0, round(mos * 100))

    def take(self) -> list[Row]:
        """What is to be told: `carrier, destination, *Tally`; it is counted from nought again."""
        now = self._clock()
        for waiting in self._young.values():
            while waiting and (waiting[0].due <= now):
                self._judge(waiting.popleft())
        told, self._tallies = self._tallies, {}
        return [(carrier, destination, *tally) for (carrier, destination), tally in told.items()]

    def _judge(self, call: Ongoing) -> None:
        if call.ended is None or call.ended >= call.due:
            self._lasted(call)
            return
        for tally in self._of(call.carrier, call.called):
            tally[_SHORT] += 1

    def _lasted(self, call: Ongoing) -> None:
        for tally in self._of(call.carrier, call.called):
            tally[_LASTED] += 1
            tally[_SHORT] = 0

    def _of(self, carrier: int, called: str) -> list[list[int]]:
        found = []
        for key in ((carrier, ""), (carrier, destination_of(called))):
            tally = self._tallies.get(key)
            if tally is None:
                if len(self._tallies) >= MOST_KEYS:
                    continue
                tally = self._tallies[key] = [0] * len(Tally._fields)
            found.append(tally)
        return found
