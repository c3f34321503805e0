"""The slices of a run's time: cut once, taken by whichever process is free, each reckoned in a transaction of its own.

What a slice changes and that it is done are stored together or not at all. A process that dies in the middle gives its slice
back as its transaction ends, and another one takes it: nothing is lost, and nothing counted twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from apps.cdrs.models import RerateSlice, RerateState, Rerating
from apps.invoices.services.rerating.reckon import Reckoned

SIZE = 20_000
"""Calls of a slice: some seconds of work, some tens of megabytes."""
MOST_PROBLEMS = 50
OPEN = (RerateState.WAITING, RerateState.RECKONING)

# What began in one microsecond is in one slice. Listed calls are few.
_CUT = """
INSERT INTO cdrs_rerateslice (rerating_id, since, until, done, looked_at, without_price, problems)
SELECT %(run)s, begin, lead(begin, 1, %(until)s) OVER (ORDER BY begin), false, 0, 0, '{}'
FROM (SELECT %(since)s::timestamptz AS begin UNION
  SELECT started_at FROM (SELECT started_at, row_number() OVER (ORDER BY started_at) AS place FROM cdrs_cdr
    WHERE started_at >= %(since)s AND started_at < %(until)s AND NOT %(listed)s) c
  WHERE place > 1 AND (place - 1) %% %(size)s = 0) b
"""
# A slice can be taken as long as the run is at work. The lock on the run is one that others may have at the same time;
# who cancels it waits for them.
_RUNS = "SELECT FROM cdrs_rerating WHERE id = %s AND state = 'reckoning' FOR KEY SHARE"
_TAKE = """
SELECT id, since, until FROM cdrs_rerateslice WHERE rerating_id = %s AND NOT done
ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_PROGRESS = """
UPDATE cdrs_rerating r SET looked_at = s.looked_at, without_price = s.without_price,
  done_until = coalesce(s.open_from, r.until)
FROM (SELECT coalesce(sum(looked_at), 0) AS looked_at, coalesce(sum(without_price), 0) AS without_price,
  min(since) FILTER (WHERE NOT done) AS open_from
  FROM cdrs_rerateslice WHERE rerating_id = %(run)s) s
WHERE r.id = %(run)s AND r.state = 'reckoning'
"""


class Slice(NamedTuple):
    """Calls that began in [since, until)."""

    id: int
    since: datetime
    until: datetime


@transaction.atomic
def begin(run_id: int) -> Rerating:
    """Cut the time of a run that waits; one that is at work or over stays as it is."""
    run = Rerating.objects.select_for_update(of=("self",)).select_related("account").get(pk=run_id)
    if run.state in OPEN and not run.slices.exists():
        run.changes.all().delete()  # of a version that cut none
        with connection.cursor() as cursor:
            span: dict[str, Any] = {
                "since": run.since,
                "until": run.until,
                "listed": bool(run.calls),
                "size": SIZE,
            }
            cursor.execute(_CUT, span | {"run": run_id})
        run.state = RerateState.RECKONING
        run.save(update_fields=["state"])
    return run


def left(run_id: int) -> int:
    """How many slices are not done."""
    return RerateSlice.objects.filter(rerating=run_id, done=False).count()


def take(run_id: int, reckon: Callable[[Slice], Reckoned]) -> bool:
    """Reckon a slice that nobody else is at; whether there was one."""
    with transaction.atomic():
        found = _taken(run_id)
        if found is None:
            return False
        done = reckon(found)
        RerateSlice.objects.filter(pk=found.id).update(
            done=True,
            looked_at=done.calls,
            without_price=done.problems.total(),
            problems=dict(done.problems.most_common(MOST_PROBLEMS)),
        )
    with connection.cursor() as cursor:  # for those who watch; what counts is summed up at the end
        cursor.execute(_PROGRESS, {"run": run_id})
    return True


def _taken(run_id: int) -> Slice | None:
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, [run_id])
        if not cursor.rowcount:
            return None
        cursor.execute(_TAKE, [run_id])
        row = cursor.fetchone()
        return Slice(*row) if row else None


@transaction.atomic
def finish(run_id: int) -> Rerating:
    """When all slices are done the differences are ready; else others are still at work, and it stays as it is."""
    run = Rerating.objects.select_for_update().get(pk=run_id)
    if run.state != RerateState.RECKONING or run.slices.filter(done=False).exists():
        return run
    problems: Counter[str] = Counter()
    run.looked_at = run.without_price = 0
    for looked_at, without_price, found in run.slices.values_list("looked_at", "without_price", "problems"):
        run.looked_at += looked_at
        run.without_price += without_price
        problems.update(found)
    run.problems = dict(problems.most_common(MOST_PROBLEMS))
    run.state, run.done_until = RerateState.READY, run.until
    run.save(update_fields=["state", "done_until", "looked_at", "without_price", "problems"])
    run.slices.all().delete()
    return run
