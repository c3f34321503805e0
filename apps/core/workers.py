"""The switch's workers as Redis knows them: who they are, which calls they carry. `switch.live` is who tells.

- `mizu:workers`: a sorted set, label of a worker (`<node>-<number>-<start>`) → when it spoke last.
- `mizu:calls:<label>`: a hash, call id → JSON.
- channel `mizu:control`: orders to them; an answer, where one is asked for, comes in the list `mizu:answers:<token>`.

Found by that set, not by a scan of all keys: a hundred thousand phones are keys as well. All raise redis.RedisError.
"""

from __future__ import annotations

import json
import secrets
from functools import cache
from typing import Any

import redis
from django.conf import settings

WORKERS, CALLS = "mizu:workers", "mizu:calls:"
CONTROL, ANSWERS = "mizu:control", "mizu:answers:"
ANSWER_SECONDS = 1.5
"""How long one worker is waited for; less than `client` waits for Redis."""
ASKED = 3


class NoAnswer(RuntimeError):
    """No worker has answered: none runs, or all are too busy."""


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


def ask(order: dict[str, Any]) -> Any:
    """Give an order to one worker and wait for what it answers; one that says nothing is followed by another. NoAnswer."""
    redis_ = client()
    for label in reversed(labels(redis_)[-ASKED:]):  # who spoke last is the likeliest to be there
        token = secrets.token_hex(16)
        redis_.publish(CONTROL, json.dumps(order | {"worker": label, "token": token}))
        found = redis_.blpop([ANSWERS + token], timeout=ANSWER_SECONDS)
        if found is not None:
            return json.loads(found[1])
    raise NoAnswer
