"""Bans as the switch's workers tell each other and the office through Redis (`switch.bans`).

- `mizu:bans`: a hash, source → JSON {"until", "reason", "worker", "since"}; and the channel of that name, for what changes.
- `mizu:banned`: a list, the same JSON with its source, of bans that the office has not stored yet.
Redis away: `SwitchUnavailable`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis

from apps.core import workers
from apps.users.live import SwitchUnavailable

BANS, TOLD = "mizu:bans", "mizu:banned"
MOST = 10_000
"""Told bans that are taken at a time."""


@dataclass(frozen=True, slots=True)
class Told:
    """A ban as a worker told it."""

    source: str
    reason: str
    worker: str
    since: datetime
    until: datetime


def take_told() -> list[Told]:
    """What has been told since the last time, the oldest first."""
    try:
        found: Any = workers.client().lpop(TOLD, MOST) or []
    except redis.RedisError as error:
        raise SwitchUnavailable from error
    return [one for text in found for one in _told(text)]


def lift(*, source: str, by: str) -> None:
    """Tell every worker to hear the source again."""
    news = json.dumps({"from": "office", "source": source, "until": 0, "reason": f"lifted by {by}"})
    try:
        client = workers.client()
        client.hdel(BANS, source)
        client.publish(BANS, news)
    except redis.RedisError as error:
        raise SwitchUnavailable from error


def _told(text: bytes) -> list[Told]:
    try:
        row = json.loads(text)
        since, until = (datetime.fromtimestamp(float(row[name]), UTC) for name in ("since", "until"))
        return [Told(str(row["source"])[:64], str(row["reason"]), str(row["worker"])[:64], since, until)]
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return []  # nobody of ours wrote that
