"""What each address has called in the current period, in all workers: calls, seconds and money (guide 8960-8970).

Kept in Redis, key `mizu:addresses:<period>:<number of the period>`, a hash: address and kind → total. A worker adds what
is new twice a second and learns the totals by it, so that a limit may be passed by what other workers begin within that time.
Redis away: each worker goes by what it knows, and adds the rest later.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis

KEY = "mizu:addresses"
CALLS, SECONDS, MICROS = "calls", "seconds", "micros"
DAY = 86_400
MOST = 100_000
"""Addresses whose totals a worker keeps."""

Work = Callable[["redis.Redis"], object]


class Addresses:
    """One worker's view, and its part of the link to Redis (`switch.live.Sharer`)."""

    channel = KEY

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self.in_reactor: Callable[..., object] = lambda do, *arguments: do(*arguments)
        """Calls a function in the reactor's thread."""
        self._days = 0.0
        self._period = -1
        self._totals: dict[str, int] = {}
        self._new: Counter[str] = Counter()

    def follow(self, days: float) -> None:
        """The length of a period; 0: nothing is counted."""
        if days != self._days:
            self._days, self._period = days, -1

    @property
    def counts(self) -> bool:
        """Whether anybody is limited by address."""
        return bool(self._days)

    def used(self, host: str, kind: str) -> int:
        """What calls from the address have come to in this period."""
        if not self._days:
            return 0
        self._turn()
        field = f"{host} {kind}"
        return self._totals.get(field, 0) + self._new[field]

    def began(self, host: str) -> None:
        """A call from there was answered or is being dialled."""
        self._add(host, CALLS, 1)

    def ended(self, host: str, seconds: int, micros: int) -> None:
        """It is over, and lasted so long and cost so much."""
        self._add(host, SECONDS, seconds)
        self._add(host, MICROS, micros)

    def _add(self, host: str, kind: str, amount: int) -> None:
        if self._days and amount:
            self._turn()
            self._new[f"{host} {kind}"] += amount

    def _turn(self) -> None:
        period = int(self._wall() // (self._days * DAY))
        if period != self._period:
            self._period, self._totals = period, {}
            self._new.clear()

    # --- Redis ------------------------------------------------------------------------------------------------------------------

    def gather(self) -> Work:
        """What is new since the last time; the answer brings the totals."""
        if not self._new:
            return lambda client: None
        new, self._new = self._new, Counter()
        for field, amount in new.items():
            self._totals[field] = self._totals.get(field, 0) + amount
        if len(self._totals) > MOST:
            self._totals = {field: self._totals[field] for field in new}
        period, key = self._period, f"{KEY}:{self._days:g}:{self._period}"
        lasting = int(self._days * DAY) + DAY
        return lambda client: self._push(client, key, lasting, dict(new), period)

    def _push(self, client: redis.Redis, key: str, lasting: int, new: dict[str, int], period: int) -> None:
        pipe = client.pipeline(transaction=False)
        for field, amount in new.items():
            pipe.hincrby(key, field, amount)
        pipe.expire(key, lasting)
        totals = dict(zip(new, pipe.execute(), strict=False))
        self.in_reactor(self._learn, totals, period)

    def _learn(self, totals: dict[str, int], period: int) -> None:
        if period == self._period:
            self._totals.update({field: int(total) for field, total in totals.items()})

    def load(self, client: redis.Redis) -> None:
        """Redis is there (again): the totals that a worker before this one has left."""
        if not self._days:
            return
        period = int(time.time() // (self._days * DAY))
        found: dict[Any, Any] = client.hgetall(f"{KEY}:{self._days:g}:{period}")
        self.in_reactor(self._learn, {field.decode(): int(total) for field, total in found.items()}, period)

    def heard(self, news: dict[str, Any]) -> None:
        """Nobody speaks on this channel."""
