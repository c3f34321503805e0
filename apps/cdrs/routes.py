"""What call records tell of routes: quality by carrier and destination, minutes by rule and carrier. Each reads a bounded span of time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum

from apps.cdrs.models import Cdr
from apps.routing import services
from apps.routing.models import BestRoute, BestRouteDay, RouteTarget
from apps.routing.services import Tally

DESTINATION_DIGITS = 4
"""So many first digits of a called number make a destination, as where carriers are demoted (guide 3452)."""

# Every way that was tried is an element [account, SIP status, what came of it, ms] of `attempts`, the answered one too.
_DAY = """
SELECT (way.one->>0)::bigint AS carrier, left(c.called_number, %(digits)s) AS prefix, count(*),
       count(*) FILTER (WHERE way.one->>2 = 'answered'),
       coalesce(sum(c.duration) FILTER (WHERE way.one->>2 = 'answered'), 0), count(*) FILTER (WHERE way.place = 1)
FROM cdrs_cdr c, jsonb_array_elements(c.attempts) WITH ORDINALITY AS way(one, place)
WHERE c.started_at >= %(since)s AND c.started_at < %(until)s AND c.called_number ~ '^[0-9]{%(digits)s}'
  AND (way.one->>0)::bigint IN (SELECT id FROM users_account WHERE kind = 'carrier')
GROUP BY 1, 2
"""
_SINCE = """
SELECT count(*) FROM cdrs_cdr c, jsonb_array_elements(c.attempts) AS one
WHERE c.started_at >= %(since)s AND c.called_number LIKE %(prefix)s AND (one->>0)::bigint = %(carrier)s
"""


def measure(now: datetime) -> int:
    """The figures of the best route, from the day before (UTC), if they are not known yet; answers how many ways."""
    today = now.astimezone(UTC).date()
    yesterday = today - timedelta(days=1)
    if BestRouteDay.objects.filter(day=yesterday).exists():
        return 0
    return services.keep_day(day=yesterday, tallies=tallies(yesterday), now=now)


def tallies(day: date) -> list[Tally]:
    """How the calls of a day went by each carrier to each destination."""
    since = datetime.combine(day, time(), tzinfo=UTC)
    values: dict[str, Any] = {
        "digits": DESTINATION_DIGITS, "since": since, "until": since + timedelta(days=1),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_DAY, values)
        return [Tally(*row) for row in cursor.fetchall()]


def calls_since_try(way: BestRoute) -> int:
    """How many calls to the destination a carrier has had since it was to be tried again."""
    begins = {"since": way.next_try, "prefix": f"{way.prefix}%", "carrier": way.carrier_id}
    with connection.cursor() as cursor:
        cursor.execute(_SINCE, begins)
        return int(cursor.fetchone()[0])


def seconds_of(target: RouteTarget, since: datetime, until: datetime) -> int:
    """Seconds of answered calls that the rule sent to the carrier, which began in that span."""
    calls = Cdr.objects.filter(carrier=target.carrier_id, started_at__gte=since, started_at__lt=until)
    found = calls.filter(route_rule=target.rule.name, answered_at__isnull=False).aggregate(Sum("duration"))
    return int(found["duration__sum"] or 0)
