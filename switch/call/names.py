"""Ways to host names and SIP domains, found by DNS and remembered as long as DNS allows (RFC 3263).

1. An answer is good for its TTL, a "there is none" for what its zone says, at most five minutes.
2. When no name server answers, what was known is still good for a day; when nothing was known it is asked again soon.
3. An address that did not answer, or was out of service, is tried last for a while (RFC 3263 §4.3).
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

from switch.sip.locate import Answers, Place, Question, Steps, Way, is_numeric, locate

__all__ = ["Names", "Place", "Way"]

Found = Callable[[list[Way]], None]

SHORTEST = 1.0
"""Seconds that any answer is kept, even one that forbids it: the questions of one moment are asked once."""
KEPT_FAILURE = 5.0
"""After which a name is asked for again that no server knew anything about."""
STALE = 86_400.0
STALE_AGAIN = 30.0
OUT_OF_SERVICE = 30.0
MOST_NAMES = 10_000
MODES = ("no", "addresses", "all")
"""Of the setting `resolvedns`: numeric addresses only, A and AAAA, SRV and NAPTR too."""


class Asks(Protocol):
    """Who asks name servers (`switch.call.dns.Dns`)."""

    def ask(self, question: Question, answered: Callable[[Answers | None, float], None]) -> None: ...


class _Known(NamedTuple):
    answers: Answers
    until: float
    stale_until: float


class Names:
    """The names that a worker knows. `families`: our IP versions, the preferred first (True: IPv6)."""

    def __init__(
        self,
        asks: Asks,
        clock: Callable[[], float],
        families: tuple[bool, ...] = (False,),
        pick: Callable[[int], int] = lambda most: random.randint(0, most),
    ) -> None:
        self._asks = asks
        self._clock = clock
        self._families = families
        self._pick = pick
        self._mode = MODES[-1]
        self._known: OrderedDict[Question, _Known] = OrderedDict()
        self._asked: dict[Question, list[Callable[[Answers], None]]] = {}
        self._fixed: dict[Place, list[Way]] = {}
        """Of numeric addresses, which are most carriers: not even a generator for those."""
        self._down: dict[tuple[str, str, int], float] = {}

    def follow(self, mode: str) -> None:
        """How much is asked: one of `MODES`."""
        self._mode = mode

    def __len__(self) -> int:
        return len(self._known)

    def find(self, place: Place, found: Found) -> None:
        """Call `found` with the ways to a place, the best first: at once when they are known. None: it is nowhere."""
        fixed = self._fixed.get(place)
        if fixed is not None:
            found(self._ordered(fixed))
            return
        if is_numeric(place.host):
            found(self._ordered(self._keep(place)))
            return
        if self._mode == "no":
            found([])
            return
        if self._mode != "all":
            place = Place(place.host, place.port, place.transport, place.secure, services=False)
        self._go_on(locate(place, self._families, self._pick), None, found)

    def now(self, place: Place) -> list[Way] | None:
        """The ways, if they are known this moment; None: not yet, but they are being asked for."""
        ways: list[list[Way]] = []
        self.find(place, ways.append)
        return ways[0] if ways else None

    def records(self, question: Question, found: Callable[[Answers], None]) -> None:
        """What name servers say to one question, from memory while it is good; now or later."""
        known = self._fresh(question)
        if known is not None:
            found(known.answers)
        else:
            self._ask(question, found)

    def failed(self, way: Way, seconds: float = OUT_OF_SERVICE) -> None:
        """It did not answer, could not be reached or was out of service."""
        if len(self._down) >= MOST_NAMES:
            self._down.clear()
        self._down[way[:3]] = self._clock() + seconds

    def is_down(self, way: Way) -> bool:
        """Whether it has failed lately."""
        return self._down.get(way[:3], 0.0) > self._clock()

    # --- inside

    def _keep(self, place: Place) -> list[Way]:
        """The one way to a numeric address."""
        if len(self._fixed) >= MOST_NAMES:
            self._fixed.clear()
        ways = self._fixed[place] = []
        try:
            next(locate(place, self._families, self._pick))
        except StopIteration as done:
            ways.extend(done.value)
        return ways

    def _go_on(self, steps: Steps, answers: Answers | None, found: Found) -> None:
        """Take the steps for which the answers are known, and wait for the next one that is not."""
        try:
            question = next(steps) if answers is None else steps.send(answers)
            while (known := self._fresh(question)) is not None:
                question = steps.send(known.answers)
        except StopIteration as done:
            found(self._ordered(done.value))
            return
        self._ask(question, lambda answers: self._go_on(steps, answers, found))

    def _fresh(self, question: Question) -> _Known | None:
        known = self._known.get(question)
        return known if known is not None and known.until > self._clock() else None

    def _ask(self, question: Question, then: Callable[[Answers], None]) -> None:
        waiting = self._asked.setdefault(question, [])
        waiting.append(then)
        if len(waiting) == 1:
            self._asks.ask(question, lambda answers, seconds: self._answered(question, answers, seconds))

    def _answered(self, question: Question, answers: Answers | None, seconds: float) -> None:
        now, before = self._clock(), self._known.get(question)
        if answers is not None:
            until = now + max(seconds, SHORTEST)
            known = _Known(answers, until, until + STALE)
        elif before is not None and before.answers and before.stale_until > now:
            known = before._replace(until=now + STALE_AGAIN)
        else:
            known = _Known((), now + KEPT_FAILURE, now)
        self._known[question] = known
        self._known.move_to_end(question)
        if len(self._known) > MOST_NAMES:
            self._known.popitem(last=False)
        for then in self._asked.pop(question, ()):
            then(known.answers)

    def _ordered(self, ways: list[Way]) -> list[Way]:
        """Those out of service last."""
        if not self._down:
            return ways
        now = self._clock()
        return sorted(ways, key=lambda way: self._down.get(way[:3], 0.0) > now)
