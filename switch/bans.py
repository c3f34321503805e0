"""Bans of one worker told to all others, and to the office, through Redis (keys: `apps.screening.live`)."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from apps.screening.live import BANS, MOST, TOLD

if TYPE_CHECKING:
    import redis

    from switch.guard import Guard

log = logging.getLogger("switch.guard")

Work = Callable[["redis.Redis"], object]


class BanShare:
    """A part of the link to Redis (`switch.live.Sharer`). `in_reactor` calls a function in the reactor's thread."""

    channel = BANS

    def __init__(
        self, guard: Guard, label: str, in_reactor: Callable[..., object], put: Callable[[Work], None]
    ) -> None:
        self._guard = guard
        self._label = label
        self._in_reactor = in_reactor
        self._put = put
        guard.tell = self.banned

    def banned(self, source: str, seconds: float, reason: str) -> None:
        """This worker hears the source no more."""
        now = time.time()
        row = {"since": now, "until": now + seconds, "reason": reason, "worker": self._label}
        kept, news = json.dumps(row), json.dumps({"from": self._label, "source": source} | row)

        def store(client: redis.Redis) -> None:
            pipe = client.pipeline(transaction=False)
            pipe.hset(BANS, source, kept)
            pipe.rpush(TOLD, news)
            pipe.ltrim(TOLD, -MOST, -1)
            pipe.publish(BANS, news)
            pipe.execute()

        self._put(store)

    def gather(self) -> Work:
        """Nothing is told twice a second: a ban is told once."""
        return lambda client: None

    def load(self, client: redis.Redis) -> None:
        """Redis is there (again): take over the bans that stand, and forget those that are over."""
        over = []
        found: dict[bytes, bytes] = client.hgetall(BANS)  # type: ignore[assignment]
        for source, text in found.items():
            try:
                row = json.loads(text)
                until, reason = float(row["until"]), str(row["reason"])
            except (ValueError, KeyError, TypeError) as error:
                log.warning("a ban in Redis cannot be read: %s", error)
                over.append(source)
                continue
            if until <= time.time():
                over.append(source)
            else:
                self._take(source.decode(), until, reason)
        if over:
            client.hdel(BANS, *over)

    def heard(self, news: dict[str, Any]) -> None:
        """A message of the channel."""
        if news["from"] != self._label:
            self._take(str(news["source"]), float(news["until"]), str(news["reason"]))

    def _take(self, source: str, until: float, reason: str) -> None:
        self._in_reactor(self._guard.told, source, until - time.time(), reason)
