"""A re-rating from the question to its differences: asked for, carried on slice by slice, cancelled."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.cdrs.models import Cdr, RerateState, Rerating
from apps.invoices.services.rerating import slices
from apps.invoices.services.rerating.office import opened
from apps.invoices.services.rerating.pricing import Pricer
from apps.invoices.services.rerating.reckon import reckon
from apps.pricing.models import Tariff
from apps.users.choices import Kind
from apps.users.models import Account
from mizu_site.environment import ROOT
from mizu_site.run.child import tied

logger = logging.getLogger(__name__)

LOCK = 0x6D697A75_72657261  # with the run's id: one process is at it at a time
MOST_CALLS = 10_000
WORTH_A_HELPER = 4
"""Slices for each more process: it needs some seconds to start and to read the price lists."""
PROCESSES = max(1, (os.cpu_count() or 1) // 2)
"""Of a run, where nobody says otherwise: the node is there for calls."""
LONGEST_REASON = 200


class CannotRerate(Exception):
    """It cannot be done; the message says why and what to do."""


@transaction.atomic
def ask(
    *,
    by: Account | None,
    reason: str,
    since: datetime | None = None,
    until: datetime | None = None,
    account: Account | None = None,
    caller_kind: str = "",
    tariff: Tariff | None = None,
    calls: Sequence[str] = (),
    start: bool = True,
) -> Rerating:
    """Ask for the differences that today's prices make to answered calls; nothing else changes.

    The calls began in [since, until) (until: now at the latest), or are listed by id. `start`: a background job begins
    at once. Raises CannotRerate.
    """
    listed = _listed(calls)
    if listed:
        since, until = _span_of(listed)
    if since is None:
        raise CannotRerate(_("Say from when on, or which calls."))
    until = min(until or timezone.now(), timezone.now())
    if timezone.is_naive(since) or timezone.is_naive(until) or since >= until:
        raise CannotRerate(_("The time must begin before it ends, and before now."))
    if caller_kind and caller_kind not in Kind.values:
        raise CannotRerate(_("There is no such kind of account."))
    reason = reason.replace("\0", "").strip()[:LONGEST_REASON]
    if not reason:
        raise CannotRerate(_("Give a reason: the history of prices names it."))
    run = Rerating.objects.create(
        since=since,
        until=until,
        account=account,
        caller_kind=caller_kind,
        tariff=tariff,
        calls=listed,
        reason=reason,
        created_by=by,
    )
    logger.info("re-rating %s asked for by %s: %s", run.pk, by.username if by else "the system", run.reason)
    if start:
        transaction.on_commit(partial(_start, run.pk), robust=True)
    return run


def proceed(*, run_id: int, processes: int = 1, tell: Callable[[Rerating], None] | None = None) -> Rerating:
    """Reckon the differences, from where it was left off; answers how the run stands then.

    1. One process sees to a run: who finds another one at it leaves it alone.
    2. Its time is cut into slices (`slices`). The first one shows whether helpers are worth their start; each takes
       slice after slice until none is left, and dies with this process.
    3. It can be cancelled between two slices, and goes on after a crash: a slice is stored whole or not at all.
    4. What cannot be reckoned for another reason than a missing price makes the run fail, with the reason.
    """
    with alone(run_id) as mine:
        if not mine:
            return Rerating.objects.get(pk=run_id)
        try:
            slices.begin(run_id)
            with _helpers(run_id, processes - 1):
                work(run_id=run_id, tell=tell)
            work(run_id=run_id, tell=tell)  # what a helper left that was killed
            return slices.finish(run_id)
        except Exception as error:
            logger.exception("re-rating %s failed", run_id)
            open_ = Rerating.objects.filter(pk=run_id, state__in=slices.OPEN)
            open_.update(state=RerateState.FAILED, error=str(error)[:2000])
            raise


def work(*, run_id: int, tell: Callable[[Rerating], None] | None = None) -> None:
    """Reckon slices that nobody else is at, until there are none or the run is cancelled."""
    run = Rerating.objects.select_related("account").get(pk=run_id)
    if not slices.left(run_id):
        return
    with opened() as office:
        pricer = Pricer(office)
        while slices.take(run_id, lambda one: reckon(run, pricer, one.since, one.until)):
            if tell:
                tell(Rerating.objects.get(pk=run_id))


@contextmanager
def _helpers(run_id: int, most: int) -> Iterator[None]:
    """So many more processes, if there is enough to do for them; waits for them at the end."""
    count = min(most, slices.left(run_id) // WORTH_A_HELPER)
    command = [sys.executable, "manage.py", "rerate", "--help-with", str(run_id)]
    children = [
        subprocess.Popen(tied(command), cwd=ROOT)  # noqa: S603 - our own words
        for _ in range(count)
    ]
    try:
        yield
    except BaseException:
        for child in children:
            child.terminate()
        raise
    finally:
        for child in children:
            child.wait()


@transaction.atomic
def cancel(*, run: Rerating, by: Account | None) -> Rerating:
    """Give a run up that is not applied; what it has found is forgotten. Raises CannotRerate."""
    run = Rerating.objects.select_for_update().get(pk=run.pk)
    if run.state in (RerateState.APPLYING, RerateState.APPLIED):
        raise CannotRerate(
            _("It is applied already, or is about to be; ask for another one to change prices again.")
        )
    run.state = RerateState.CANCELLED
    run.save(update_fields=["state"])
    run.changes.all().delete()
    run.slices.all().delete()
    logger.info("re-rating %s cancelled by %s", run.pk, by.username if by else "the system")
    return run


@contextmanager
def alone(run_id: int) -> Iterator[bool]:
    """Whether no other process is at the run; then none will be until this one is done, or dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK + run_id])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK + run_id])


def _listed(calls: Sequence[str]) -> list[str]:
    if len(calls) > MOST_CALLS:
        raise CannotRerate(_("At most %(most)d calls can be listed.") % {"most": MOST_CALLS})
    try:
        return sorted({str(UUID(one)) for one in calls})
    except (ValueError, AttributeError, TypeError) as error:
        raise CannotRerate(_("A call is named by its id, a UUID.")) from error


def _span_of(calls: list[str]) -> tuple[datetime, datetime]:
    moments = list(Cdr.objects.filter(id__in=calls).values_list("started_at", flat=True))
    if len(moments) != len(calls):
        raise CannotRerate(_("Some of these calls have no record."))
    return min(moments), max(moments) + timedelta(microseconds=1)


def _start(run_id: int) -> None:
    """Ask a worker; if none can be asked, the job that looks for waiting ones finds it."""
    from apps.invoices.tasks import reckon_rerating

    reckon_rerating.delay(run_id)
