"""What workers have put into Redis about calls by trunks, on its way into the office (`switch.trunks.outcomes`).

`mizu:outcomes`: a list; each entry is a JSON list of `[carrier, destination, *Tally]`. What is lost with Redis is lost: it is
statistics, and calls go on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from apps.core import workers
from apps.routing.health.engine import DIRECTION_DIGITS, Tally
from apps.routing.health.services import Key

logger = logging.getLogger(__name__)

QUEUE = "mizu:outcomes"
BATCH = 500
MOST = 10**9
"""No number of a tally is larger; one that is was not written by us."""


def waiting() -> Iterator[dict[Key, Tally]]:
    """What waits in Redis, some entries at a time, added up; what was taken is gone. Raises redis.RedisError."""
    while entries := workers.client().lpop(QUEUE, BATCH):
        yield merged(entries)  # type: ignore[arg-type]  # with a count it is a list


def merged(entries: Iterable[bytes]) -> dict[Key, Tally]:
    """Entries in their order as one; what cannot be read is left out, and said."""
    found: dict[Key, Tally] = {}
    for entry in entries:
        try:
            for key, tally in [_read(row) for row in json.loads(entry)]:
                found[key] = found[key].then(tally) if key in found else tally
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("what came of calls cannot be read: %s", error)
    return found


def _read(row: Any) -> tuple[Key, Tally]:
    carrier, destination, *numbers = row
    if not isinstance(carrier, int) or not isinstance(destination, str):
        raise TypeError("neither carrier nor destination")
    if len(destination) > DIRECTION_DIGITS or not all(sign in "0123456789*#" for sign in destination):
        raise ValueError("no destination")
    if not all(isinstance(one, int) and 0 <= one <= MOST for one in numbers):
        raise ValueError("no numbers")
    return (carrier, destination), Tally(*numbers)
