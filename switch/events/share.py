"""What the events of one worker need of the others, through Redis (see `switch.live`).

- `mizu:watched:<label>`: accounts whose calls somebody watches at that worker.
- `mizu:lines:<label>`: calls that this worker has of accounts that are watched elsewhere.
- `mizu:presence`: a hash, account → documents that its phones have published; and the channel of that name.
- `mizu:waiting`: a hash, account → waiting messages, as the office has set them; changes come on `mizu:control`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from apps.core.workers import labels
from switch.events import lines
from switch.events.bodies import Line

if TYPE_CHECKING:
    import redis

    from switch.events.core import Events

WATCHED, LINES = "mizu:watched:", "mizu:lines:"
PRESENCE, WAITING = "mizu:presence", "mizu:waiting"
KEPT = 10

log = logging.getLogger("switch.events")

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
        if watched or mine or self._told:
            pipe = client.pipeline(transaction=False)
            pipe.set(WATCHED + self._label, json.dumps(watched), ex=KEPT)
            pipe.set(LINES + self._label, json.dumps(mine), ex=KEPT)
            pipe.execute()
        self._told = bool(watched or mine)
        others = [label for label in labels(client) if label != self._label]
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
            with _whatever_stands_there():
                self._in_reactor(self._events.published_told, int(account), dict(json.loads(text)))
        for account, text in client.hgetall(WAITING).items():
            with _whatever_stands_there():
                new, old = json.loads(text)
                self._in_reactor(self._events.waiting_told, int(account), int(new), int(old))

    def heard(self, news: dict[str, Any]) -> None:
        """A message of the channel."""
        if news["from"] != self._label:
            self._in_reactor(self._events.published_told, int(news["account"]), news["documents"])


@contextmanager
def _whatever_stands_there() -> Iterator[None]:
    """One entry that nobody of ours has written does not hide the others."""
    try:
        yield
    except (ValueError, TypeError) as error:
        log.warning("an entry in Redis cannot be read: %s", error)
