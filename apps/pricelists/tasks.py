"""What takes longer than a page may: reading a list, applying it, undoing it, telling customers, replaying routes."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.utils import timezone

from apps.pricelists import services
from apps.pricelists.errors import ListError
from apps.pricelists.models import ChangeSet, Notice, RouteReplay, Stage, State
from apps.pricelists.services import route_replays
from apps.pricelists.services.notices import letter
from apps.users.models import Account

logger = logging.getLogger(__name__)


@shared_task
def carry_out(change_set_id: int, by: int | None = None) -> None:
    """Do what a list's state says is being done with it; nothing when somebody has stopped that meanwhile."""
    found = ChangeSet.objects.defer("data").get(pk=change_set_id)
    person = Account.objects.filter(pk=by).first()
    try:
        match found.state:
            case State.STAGING:
                services.stage(change_set=found)
            case State.APPLYING:
                services.apply(change_set=found, by=person)
            case State.UNDOING:
                services.undo(change_set=found, by=person)
    except ListError as error:
        services.fail(change_set=found, why=str(error))
    except Exception as error:
        logger.exception("price list %s could not be dealt with", change_set_id)
        services.fail(change_set=found, why=f"It did not work: {type(error).__name__}. The log tells more.")


@shared_task(bind=True, max_retries=8)
def deliver_notice(self: Any, notice_id: int) -> None:
    """Mail a notice, once: whoever sets `mailed_at` sends it, and clears it if that failed.

    A failure is tried again after 1, 2, 4 … minutes. When the list has been undone meanwhile nobody is told.
    """
    claim = Notice.objects.filter(pk=notice_id, mailed_at=None, change_set__state=State.APPLIED)
    if not claim.update(mailed_at=timezone.now()):
        return
    notice = (
        Notice.objects.select_related("account", "change_set__tariff")
        .defer("change_set__data")
        .get(pk=notice_id)
    )
    try:
        letter(notice).send()
    except Exception as error:
        Notice.objects.filter(pk=notice_id).update(mailed_at=None)
        logger.warning("the notice of prices to %s could not be mailed: %s", notice.account, error)
        raise self.retry(exc=error, countdown=60 * 2**self.request.retries) from error


@shared_task
def deliver_waiting_notices() -> int:
    """Find notices that nobody was asked to deliver, because the broker was away when the list was applied."""
    now = timezone.now()
    waiting = Notice.objects.filter(
        mailed_at=None,
        change_set__state=State.APPLIED,
        created_at__range=(now - timedelta(days=7), now - timedelta(minutes=10)),
    )
    found = list(waiting.values_list("pk", flat=True))
    for pk in found:
        deliver_notice.delay(pk)
    return len(found)


@shared_task
def forget_old_lists() -> int:
    """Drop the rows and files of lists that were settled longer ago than `pricelist_keep_days`; how many."""
    return services.forget_old()


@shared_task
def replay_routes(replay_id: int) -> None:
    """Decide the calls of a replay again; nothing when somebody has stopped it meanwhile."""
    replay = RouteReplay.objects.filter(pk=replay_id, stage=Stage.WAITING).first()
    if replay is not None:
        route_replays.carry_out(replay)
