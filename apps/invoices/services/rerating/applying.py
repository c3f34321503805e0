"""Differences that somebody has looked at become prices: all of a run's, or none.

A run may have millions of them. They are put in force by spans of time, each in one transaction with the note how far it
is (`applied_until`): a process that is killed loses the span it was at, and whoever goes on begins there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.cdrs.models import RerateState, Rerating
from apps.invoices.services.rerating import inforce
from apps.invoices.services.rerating.runs import CannotRerate, alone
from apps.users.models import Account

logger = logging.getLogger(__name__)

SIZE = 30_000
"""Changed prices of a span: a second or two of work, for which its payers are locked."""
LOCK = 0x6D697A75_6170706C  # of those who begin to apply a run
_NEXT = """
SELECT started_at FROM cdrs_pricechange WHERE rerating_id = %s AND started_at > %s
ORDER BY started_at OFFSET %s LIMIT 1
"""


class Outdated(CannotRerate):
    """Prices have changed since the differences were reckoned."""


def apply(
    *,
    run: Rerating,
    by: Account | None,
    move_balances: bool = False,
    wait: bool = True,
    tell: Callable[[Rerating], None] | None = None,
) -> Rerating:
    """Put the differences in force, or go on with that; answers how the run stands then.

    `move_balances`: one ledger entry per call and payer too, the difference of the gross. Not `wait`: what is more than one
    span is left to a background job. Applied twice it counts once. Raises CannotRerate.
    """
    run = _begin(run.pk, by, move_balances)
    if run.state != RerateState.APPLYING:
        return run
    if wait or not run.changes.order_by()[SIZE:].exists():
        return carry_on(run_id=run.pk, tell=tell)
    transaction.on_commit(partial(_start, run.pk), robust=True)
    return run


def carry_on(*, run_id: int, tell: Callable[[Rerating], None] | None = None) -> Rerating:
    """Apply a run that has been begun, from where it was left off; answers how it stands then.

    1. One process is at a run: who finds another one at it leaves it alone.
    2. All prices are compared first, before one is changed. If one is no longer what it was when the differences were
       reckoned, nothing is applied: the run is as it was before. No other run of that time can be applied meanwhile.
    3. Then span after span is put in force (`inforce.put`). From the first one on the run ends as applied, whatever happens
       in between; what goes wrong is noted, and the next one to go on tries again.

    Raises CannotRerate.
    """
    with alone(run_id) as mine:
        run = Rerating.objects.get(pk=run_id)
        if not mine or run.state != RerateState.APPLYING:
            return run
        try:
            if run.applied_until is None:
                run = _check(run)
            while run.state == RerateState.APPLYING:
                run = _span(run_id)
                if tell:
                    tell(run)
        except CannotRerate as error:
            _put_back(run, str(error))
            raise
        except Exception as error:
            logger.exception("re-rating %s could not be applied further", run_id)
            Rerating.objects.filter(pk=run_id).update(error=str(error)[:2000])
            raise
        return run


@transaction.atomic
def _begin(run_id: int, by: Account | None, move_balances: bool) -> Rerating:
    """Note that it is being applied, if it can be and is not yet. Two at once are one after the other here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    run = Rerating.objects.select_for_update().get(pk=run_id)
    if run.state in (RerateState.APPLYING, RerateState.APPLIED):
        return run
    if run.state != RerateState.READY:
        raise CannotRerate(_("The differences are not ready."))
    others = Rerating.objects.filter(state=RerateState.APPLYING, since__lt=run.until, until__gt=run.since)
    if other := others.first():
        raise CannotRerate(
            _("Re-rating %(other)s of the same time is being applied; wait until it is done.")
            % {"other": other.pk}
        )
    run.state, run.applied_by, run.moves_balances = RerateState.APPLYING, by, move_balances
    run.applied_at, run.error = None, ""
    run.save(update_fields=["state", "applied_by", "moves_balances", "applied_at", "error"])
    logger.info(
        "re-rating %s is being applied, asked for by %s, balances %s",
        run.pk,
        by.username if by else "the system",
        "corrected" if move_balances else "left alone",
    )
    return run


def _check(run: Rerating) -> Rerating:
    """Compare all prices with what they were. Raises CannotRerate."""
    outdated = foreign = 0
    since = run.since
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE cdrs_pricechange")  # just written; how many there are decides by which way
        while since < run.until:
            until = _next(run, since)
            found = inforce.wrong(cursor, inforce.values(run, since, until))
            outdated, foreign, since = outdated + found[0], foreign + found[1], until
    if outdated:
        raise Outdated(
            _("%(count)d prices have changed since. Ask for the differences anew.") % {"count": outdated}
        )
    if foreign and run.moves_balances:
        raise CannotRerate(
            _(
                "%(count)d calls were charged in a currency that their payer no longer has; leave balances alone."
            )
            % {"count": foreign}
        )
    run.applied_until = run.since
    run.save(update_fields=["applied_until"])
    return run


@transaction.atomic
def _span(run_id: int) -> Rerating:
    """Put the next span in force, and note it; the last one ends the run."""
    run = Rerating.objects.select_for_update().get(pk=run_id)
    if run.state != RerateState.APPLYING or run.applied_until is None:
        return run
    until = _next(run, run.applied_until)
    with connection.cursor() as cursor:
        run.overtaken += inforce.put(
            cursor, inforce.values(run, run.applied_until, until), move_balances=run.moves_balances
        )
    run.applied_until, run.error = until, ""
    if until == run.until:
        run.state, run.applied_at = RerateState.APPLIED, timezone.now()
        logger.info("re-rating %s is applied", run.pk)
    run.save(update_fields=["state", "applied_until", "applied_at", "overtaken", "error"])
    return run


def _next(run: Rerating, since: datetime) -> datetime:
    """Where the span that begins there ends: what began in one microsecond is in one span."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [run.pk, since, SIZE])
        row = cursor.fetchone()
    return row[0] if row else run.until


def _put_back(run: Rerating, why: str) -> None:
    """Nothing was applied: the differences are there to be looked at as before."""
    Rerating.objects.filter(pk=run.pk, applied_until=None).update(
        state=RerateState.READY, applied_by=None, moves_balances=False, error=why
    )


def _start(run_id: int) -> None:
    """Ask a worker; if none can be asked, the job that looks for waiting ones finds it."""
    from apps.invoices.tasks import apply_rerating

    apply_rerating.delay(run_id)
