"""Where the last calls by shared numbers are kept for all workers: a hash in Redis, which the office fills again from the records.

`mizu:shared-numbers`: field `number|end of the party's number|account` → JSON (account, number, party, time). The channel of that
name carries each change, as {"from": worker, "last": [...]}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from apps.dids.engine import LONG, Last, key_of

if TYPE_CHECKING:
    import redis

KEY = CHANNEL = "mizu:shared-numbers"
MOST = 200_000


def field_of(last: Last) -> str:
    return f"{last.did}|{key_of(last.party)}|{last.account}"


def write(client: redis.Redis, last: Last, sender: str) -> None:
    """Keep a call, and tell everybody."""
    pipe = client.pipeline(transaction=False)
    pipe.hset(KEY, field_of(last), json.dumps(last))
    pipe.publish(CHANNEL, json.dumps({"from": sender, "last": last}))
    pipe.execute()


def read(client: redis.Redis, now: float) -> list[Last]:
    """All that are kept, the oldest first. What is too old to be asked for is thrown away."""
    found, old = [], []
    kept: dict[bytes, bytes] = client.hgetall(KEY)  # type: ignore[assignment]  # not decoded
    for name, text in kept.items():
        last = _last(text)
        if last is None or now - last.at > LONG:
            old.append(name)
        else:
            found.append(last)
    if old:
        client.hdel(KEY, *old)
    return sorted(found, key=lambda one: one.at)


def refill(client: redis.Redis, calls: Iterable[Last]) -> int:
    """Put back what Redis has lost; how many were missing."""
    wanted = {field_of(last): last for last in calls}
    if not wanted:
        return 0
    there = client.hmget(KEY, list(wanted))
    missing = [last for last, text in zip(wanted.values(), there, strict=True) if text is None]
    for last in missing:
        write(client, last, "office")
    return len(missing)


def told(news: dict[str, Any]) -> Last:
    """A message of the channel. Raises KeyError, TypeError, ValueError for what nobody of ours has sent."""
    account, did, party, at = news["last"]
    return Last(int(account), str(did), str(party), float(at))


def _last(text: bytes) -> Last | None:
    try:
        account, did, party, at = json.loads(text)
        return Last(int(account), str(did), str(party), float(at))
    except (ValueError, TypeError):
        return None
