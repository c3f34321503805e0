"""The switch's workers as Redis knows them: who they are, which calls they carry. `switch.live` is who tells.

- `mizu:workers`: a sorted set, label of a worker (`<node>-<number>-<start>`) → when it spoke last.
- `mizu:calls:<label>`: a hash, call id → JSON.

Found by that set, not by a scan of all keys: a hundred thousand phones are keys as well. All raise redis.RedisError.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import redis
from django.conf import settings

WORKERS, CALLS = "mizu:workers", "mizu:calls:"


@cache
def client() -> redis.Redis:
    """The office's connections; whoever waits for Redis waits for two seconds."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def labels(redis_: redis.Redis) -> list[str]:
    """The workers of all nodes that have been heard within the last minute (who speaks takes the others out)."""
    found: list[bytes] = redis_.zrange(WORKERS, 0, -1)  # type: ignore[assignment]  # asked for without scores
    return [label.decode() for label in found]


def node_of(label: str) -> str:
    """The node that the worker belongs to."""
    return label.partition("-")[0]


def calls() -> list[dict[str, Any]]:
    """Every call that is up or rings now, as its worker tells it (`switch.live.shown`)."""
    with client().pipeline(transaction=False) as pipe:
        for label in labels(client()):
            pipe.hvals(CALLS + label)
        return [json.loads(blob) for blobs in pipe.execute() for blob in blobs]
