"""What the events of one worker need of the others, through Redis (see `switch.live`).

- `mizu:workers`: a sorted set, label of a worker → when it was last heard.
- `mizu:watched:<label>`: accounts whose calls somebody watches at that worker.
- `mizu:lines:<label>`: calls that this worker has of accounts that are watched elsewhere.
- `mizu:presence`: a hash, account → documents that its phones have published; and the channel of that name.
- `mizu:waiting`: a hash, account → waiting messages, as the office has set them; changes come on `mizu:control`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from switch.events import lines
from switch.events.bodies import Line

if TYPE_CHECKING:
    import redis

    from switch.events.core import Events

WORKERS, WATCHED, LINES = "mizu:workers", "mizu:watched:", "mizu:lines:"
PRESENCE, WAITING = "mizu:presence", "mizu:waiting"
KEPT = 10
FORGOTTEN = 60
"""Seconds after which a worker that says nothing is not asked for any more."""

Work = Callable[["redis.Redis"], object]


class EventsShare:
    """A part of the link to Redis (`switch.live.Sharer`). `in_reactor` calls a function in the reactor's thread."""

    channel = PRESENCE

    def __init__(
        self, events: Events, label: str, in_reactor: Callable[..., object], put: Callable[[Work], None]
    ) -> None:
        self._events = events
        self._label = label
        self._in_reactor = in_reactor
        self._put = put
        self._watched_elsewhere: list[int] = []
        self._told = False
        events.tell_published = self.published

    # --- in the reactor ---------------------------------------------------------------------------------------------------------

    def gather(self) -> Work:
        """Twice a second: what is watched here, and what others want to know."""
        watched, mine = self._events.watched(), self._events.lines.mine(self._watched_elsewhere)
        return lambda client: self._exchange(client, watched, lines.as_json(mine))

    def published(self, account_id: int, documents: dict[str, list[Any]]) -> None:
        """A phone published here."""
        news = json.dumps({"from": self._label, "account": account_id, "documents": documents})

        def store(client: redis.Redis) -> None:
            if documents:
                client.hset(PRESENCE, str(account_id), json.dumps(documents))
            else:
                client.hdel(PRESENCE, str(account_id))
            client.publish(PRESENCE, news)

        self._put(store)

    def _take(self, watched_elsewhere: list[int], told: lines.Told) -> None:
        self._watched_elsewhere = watched_elsewhere
        self._events.others_told(told)

    # --- in the threads that talk to Redis --------------------------------------------------------------------------------------

    def _exchange(self, client: redis.Redis, watched: list[int], mine: dict[str, Any]) -> None:
        now = time.time()
        pipe = client.pipeline(transaction=False)
        pipe.zadd(WORKERS, {self._label: now})
        pipe.zremrangebyscore(WORKERS, 0, now - FORGOTTEN)
        if watched or mine or self._told:
            pipe.set(WATCHED + self._label, json.dumps(watched), ex=KEPT)
            pipe.set(LINES + self._label, json.dumps(mine), ex=KEPT)
        self._told = bool(watched or mine)
        pipe.zrange(WORKERS, 0, -1)
        others = [one.decode() for one in pipe.execute()[-1] if one.decode() != self._label]
        elsewhere, told = self._of_others(client, others)
        self._in_reactor(self._take, elsewhere, told)

    def _of_others(self, client: redis.Redis, labels: list[str]) -> tuple[list[int], lines.Told]:
        if not labels:
            return [], {}
        found = client.mget([kind + label for label in labels for kind in (WATCHED, LINES)])
        elsewhere: set[int] = set()
        told: dict[int, list[Line]] = {}
        for watched, theirs in zip(found[::2], found[1::2], strict=True):
            elsewhere.update(json.loads(watched) if watched else ())
            for account, some in lines.from_json(json.loads(theirs) if theirs else {}).items():
                told.setdefault(account, []).extend(some)
        return sorted(elsewhere), told

    def load(self, client: redis.Redis) -> None:
        """Redis is there (again)."""
        for account, text in client.hgetall(PRESENCE).items():
            self._in_reactor(self._events.published_told, int(account), json.loads(text))
        for account, text in client.hgetall(WAITING).items():
            new, old = json.loads(text)
            self._in_reactor(self._events.waiting_told, int(account), int(new), int(old))

    def heard(self, news: dict[str, Any]) -> None:
        """A message of the channel."""
        if news["from"] != self._label:
            self._in_reactor(self._events.published_told, int(news["account"]), news["documents"])
