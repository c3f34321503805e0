"""Minutes that a rule lets its targets have in a day or month: counted from call records, once a minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.db.models import Q

from apps.routing.models import RouteTarget

MINUTE = 60
Used = Callable[[RouteTarget, datetime, datetime], int]
"""Seconds of answered calls that a rule sent to a carrier, which began in `[since, until)`."""


@transaction.atomic
def count_minutes(*, now: datetime, used: Used) -> int:
    """Close the targets that have had the minutes of their day or month until the next begins; answers how many are closed.

    Days and months are those of UTC. Earlier days of the month are counted once a day, today's calls each time; a call
    counts when it is over. A limit that was raised, or taken away, opens the target again.
    """
    today = datetime.combine(now.astimezone(UTC).date(), time(), tzinfo=UTC)
    month = today.replace(day=1)
    next_month = (month + timedelta(days=32)).replace(day=1)
    limited = Q(minutes_per_day__gt=0) | Q(minutes_per_month__gt=0) | Q(full_until__isnull=False)
    closed = 0
    for target in RouteTarget.objects.filter(limited).select_related("rule").select_for_update(of=("self",)):
        seconds = used(target, today, now)
        if target.minutes_per_month and target.month_counted_on != today.date():
            target.month_seconds = used(target, month, today)
            target.month_counted_on = today.date()
            target.save(update_fields=["month_seconds", "month_counted_on"])
        until: datetime | None = None
        if target.minutes_per_day and seconds >= MINUTE * target.minutes_per_day:
            until = today + timedelta(days=1)
        if target.minutes_per_month and target.month_seconds + seconds >= MINUTE * target.minutes_per_month:
            until = next_month
        closed += until is not None
        if until != target.full_until:
            target.full_until = until
            target.save(update_fields=["full_until"])
    return closed
