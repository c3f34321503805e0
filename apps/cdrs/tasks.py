"""Upkeep of the call records' tables, and what routes learn from them."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from apps.cdrs import routes, traces
from apps.cdrs.services import ensure_months
from apps.routing import services as routing

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


@shared_task
def count_route_minutes() -> int:
    """Targets of route rules that have had the minutes of their day or month take no more calls until the next."""
    return routing.count_minutes(now=timezone.now(), used=routes.seconds_of)


@shared_task
def measure_best_routes() -> int:
    """Figures of the best route: from the day before, once; and which ways have been tried again often enough."""
    now = timezone.now()
    return routes.measure(now) + routing.review(now=now, count=routes.calls_since_try)
