"""What workers tell about calls by trunks, through Redis (`switch.live`).

- `mizu:outcomes`: a list that the office takes from: JSON lists of `[carrier, destination, *Tally]`, at most `MOST` of them.
- `mizu:sent:<label>`: JSON, carrier → calls that this worker sent to it in the last second, for the limits of the others.
- channel `mizu:repeats`: to the other workers, `{"from": label, "repeats": [[caller, called, carrier], …]}`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from apps.core.compact import encoded
from apps.core.workers import labels

if TYPE_CHECKING:
    import redis

    from switch.call.usage import UsageCounters
    from switch.trunks.outcomes import Outcomes

OUTCOMES, REPEATS, SENT = "mizu:outcomes", "mizu:repeats", "mizu:sent:"
KEPT_MS = 1500
"""Milliseconds after which the calls of a worker that says nothing more count no longer."""
MOST = 20_000
"""Entries that wait for the office; the oldest go when nobody fetches them."""


class Telling:
    """A part of the link to Redis (`switch.live.Sharer`). `in_reactor` calls a function in the reactor's thread."""

    channel = REPEATS

    def __init__(
        self, outcomes: Outcomes, usage: UsageCounters, label: str, in_reactor: Callable[..., object]
    ) -> None:
        self._outcomes, self._usage = outcomes, usage
        self._label = label
        self._in_reactor = in_reactor

    def gather(self) -> Callable[[redis.Redis], object]:
        """Twice a second: what came of calls since the last time."""
        rows, repeats, sent = self._outcomes.take(), self._usage.repeats.take(), self._usage.sent()
        outcomes = encoded(rows) if rows else b""
        news = encoded({"from": self._label, "repeats": repeats}) if repeats else b""

        def tell(client: redis.Redis) -> None:
            pipe = client.pipeline(transaction=False)
            if outcomes:
                pipe.rpush(OUTCOMES, outcomes)
                pipe.ltrim(OUTCOMES, -MOST, -1)
            if news:
                pipe.publish(REPEATS, news)
            if sent:
                pipe.set(SENT + self._label, encoded(sent), px=KEPT_MS)
            if outcomes or news or sent:
                pipe.execute()
            self._in_reactor(self._usage.sent_told, self._of_others(client))

        return tell

    def _of_others(self, client: redis.Redis) -> dict[int, int]:
        keys = [SENT + label for label in labels(client) if label != self._label]
        total: Counter[int] = Counter()
        for value in client.mget(keys) if keys else ():
            if value:
                total.update({int(carrier): count for carrier, count in json.loads(value).items()})
        return dict(total)

    def load(self, client: redis.Redis) -> None:
        """Redis is there (again): nothing of this is kept there."""

    def heard(self, news: dict[str, Any]) -> None:
        """Another worker had short calls."""
        for caller, called, carrier in news["repeats"]:
            self._in_reactor(self._usage.repeats.told, int(caller), str(called), int(carrier))
