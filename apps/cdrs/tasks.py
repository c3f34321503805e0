"""Upkeep of the call records' tables."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from apps.cdrs import traces
from apps.cdrs.services import ensure_months

#: In steps of 28 days, so that no month is stepped over.
STEPS_AHEAD = 4


@shared_task
def make_partitions() -> None:
    """Have the tables of the coming three months ready long before their first call."""
    now = timezone.now()
    ensure_months(moments=[(now + timedelta(days=28 * step)).timestamp() for step in range(STEPS_AHEAD + 1)])


@shared_task
def store_sip_traces() -> int:
    """Take the SIP traces that the switch has left in Redis."""
    return traces.store_waiting()


@shared_task
def forget_old_sip_traces() -> int:
    """Traces are for finding faults, not for ever."""
    return traces.forget_old()
