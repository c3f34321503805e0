"""The calls that a replay of routes decides again: answered ones that went out by a carrier, some thousands at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from apps.pricelists.models import RouteReplay

MOST_CALLS = 200_000
CHUNK = 2_000

_WHICH = """FROM cdrs_cdr c
WHERE c.started_at >= %(since)s AND c.started_at < %(until)s AND c.answered_at IS NOT NULL AND c.duration > 0
  AND c.carrier_id IS NOT NULL AND c.caller_id IS NOT NULL AND c.service = 'voice' AND starts_with(c.called_number, %(prefix)s)"""
_COUNT = f"SELECT count(*) {_WHICH}"
_NEXT = f"""
SELECT c.id, c.started_at, extract(epoch FROM c.started_at)::float8, extract(epoch FROM c.ended_at)::float8, c.duration, c.caller_id,
  c.caller_number, COALESCE(NULLIF(c.original_called_number, ''), c.called_number), c.caller_address, c.carrier_id, c.destination,
  (c.carrier_cost * 1000000)::bigint
{_WHICH} AND c.started_at >= %(after)s AND (c.started_at, c.id) > (%(after)s, %(id)s)
  AND (%(share)s = 1 OR mod(abs(hashtext(c.id::text)), %(share)s) = 0)
ORDER BY c.started_at, c.id LIMIT {CHUNK}"""  # noqa: S608 - constants of this file


class Row(NamedTuple):
    """One call, as it came. `cost` in micros, as it was recorded."""

    id: UUID
    at: object
    started: float
    ended: float
    seconds: int
    caller: int
    caller_number: str
    dialled: str
    address: str
    carrier: int
    destination: str
    cost: int


def count(replay: RouteReplay) -> int:
    """How many there are."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, _values(replay))
        return int(cursor.fetchone()[0])


def chunks(replay: RouteReplay, share: int) -> Iterator[list[Row]]:
    """All of them in the order in which they began, or of `share` one."""
    values = _values(replay) | {"share": share, "after": replay.since, "id": UUID(int=0)}
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, values)
            rows = [Row(*row) for row in cursor.fetchall()]
        if not rows:
            return
        yield rows
        values |= {"after": rows[-1].at, "id": rows[-1].id}


def _values(replay: RouteReplay) -> dict[str, Any]:
    return {"since": replay.since, "until": replay.until, "prefix": replay.prefix}
