"""What happens to numbers by the clock."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from apps.cdrs.models import Cdr
from apps.core.workers import client
from apps.dids import recent
from apps.dids.engine import DAY, Last
from apps.dids.models import Did, State
from apps.dids.services import free_expired, release_unpaid


@shared_task
def free_expired_numbers() -> int:
    """Reservations, and the rest of numbers that were given back, are over."""
    return free_expired(now=timezone.now())


@shared_task
def take_back_unpaid_numbers() -> int:
    """Numbers whose fee was not paid for too long go back to the stock."""
    return release_unpaid(now=timezone.now())


@shared_task
def remember_last_calls() -> int:
    """Tell the switch of the last day's calls by shared numbers, where Redis has lost them; how many."""
    return recent.refill(client(), last_calls())


def last_calls() -> list[Last]:
    """The last day's calls that showed a shared number, or reached an account by one, from the records."""
    shared = list(Did.objects.filter(state=State.SHARED).values_list("number", flat=True))
    if not shared:
        return []
    since = timezone.now() - timedelta(seconds=DAY)
    rows = Cdr.objects.filter(started_at__gte=since).order_by("started_at")
    out = rows.filter(caller_number__in=shared, caller__isnull=False)
    back = rows.filter(called_number__in=shared, called_account__isnull=False)
    found = [
        Last(account, did, party, at.timestamp())
        for account, did, party, at in out.values_list(
            "caller_id", "caller_number", "called_number", "started_at"
        )
    ]
    found += [
        Last(account, did, party, at.timestamp())
        for account, did, party, at in back.values_list(
            "called_account_id", "called_number", "caller_number", "started_at"
        )
    ]
    return sorted(found, key=lambda one: one.at)[-recent.MOST :]
