"""What call records say of called numbers: which are blocked by themselves (guide 3080-3101, 3121-3137).

Only calls that went out by a carrier count: what we refused ourselves says nothing about a number.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.config.queries import get as setting
from apps.screening.models import Book, Level, ScreenedNumber
from apps.users.models import AccountSetting

AUTOMATIC = 40
"""Failed calls in a day that block a number, if builddynamicblacklist leaves it to us and blacklists are heeded."""
LEAST_AT_ONCE, SHARE_AT_ONCE = 100, 20
"""As many numbers are blocked at a time as a twentieth of the calls of an average day, but at least a hundred."""
CALLERS = {"subscribers": ("subscriber", "extension", "agent", "calling_card")}
SMART = "smart"


@dataclass(frozen=True, slots=True)
class Window:
    """A look back: so many failed calls (a share of the setting) block a number, this surely and so long."""

    name: str
    back: timedelta
    share: float
    level: int
    lasting: timedelta


WINDOWS = (
    Window("hourly", timedelta(hours=1), 0.5, Level.NOT_SURE, timedelta(days=1)),
    Window("daily", timedelta(days=1), 1, Level.NOT_SURE, timedelta(days=7)),
    Window("weekly", timedelta(days=7), 2, Level.PROBABLY_WRONG, timedelta(days=30)),
    Window("monthly", timedelta(days=30), 5, Level.PROBABLY_WRONG, timedelta(days=180)),
)

_BLOCK = """
INSERT INTO screening_screenednumber (book, number, account_id, level, expires_at, enabled, reason, found_by, changed_at)
SELECT 'automatic', called_number, NULL, %(level)s, %(until)s, true,
  'autdisabled ' || %(name)s || ': ' || failed || ' of ' || calls || ' calls failed', %(name)s, now()
FROM (SELECT called_number, count(*) AS calls, count(*) FILTER (WHERE answered_at IS NULL) AS failed,
        COALESCE(avg(duration) FILTER (WHERE answered_at IS NOT NULL), 0) AS acd
      FROM cdrs_cdr
      WHERE started_at >= %(since)s AND started_at < %(now)s AND carrier_id IS NOT NULL AND called_number ~ '^[0-9]{5,16}$'
      GROUP BY called_number) AS seen
WHERE failed >= %(least)s AND calls >= %(fewest)s
  AND ((calls - failed) * 100 < calls * %(asr)s OR acd < %(acd)s)
ORDER BY failed DESC, called_number LIMIT %(most)s
ON CONFLICT (book, number) WHERE account_id IS NULL DO UPDATE
SET level = GREATEST(screening_screenednumber.level, excluded.level),
    expires_at = GREATEST(screening_screenednumber.expires_at, excluded.expires_at),
    reason = excluded.reason, found_by = excluded.found_by, changed_at = now()
WHERE screening_screenednumber.enabled AND (screening_screenednumber.level < excluded.level
  OR screening_screenednumber.expires_at < excluded.expires_at - interval '1 hour')
"""


def least_failed() -> int:
    """Failed calls in a day that block a number; 0: none does."""
    said = int(setting("builddynamicblacklist"))
    if said >= 0:
        return said
    return AUTOMATIC if setting("numfiltering") != "no" else 0


@transaction.atomic
def block_failing(*, window: Window, now: datetime | None = None) -> int:
    """Block the numbers that failed too often within the window; how many entries that made or lengthened.

    An entry that an operator has switched off or whose level was lowered to 0 by hand stays as it is only if it is switched off.
    """
    least = least_failed()
    if not least:
        return 0
    now = now or timezone.now()
    values = {
        "name": window.name,
        "level": window.level,
        "now": now,
        "since": now - window.back,
        "until": now + window.lasting,
        "least": max(1, round(least * window.share)),
        "fewest": int(setting("minblockcallcount")),
        "asr": int(setting("blacklist_minasr")),
        "acd": int(setting("blacklist_minacd")),
        "most": _most_at_once(now),
    }
    with connection.cursor() as cursor:
        cursor.execute(_BLOCK, values)
        return int(cursor.rowcount)


def _most_at_once(now: datetime) -> int:
    said = int(setting("blacklist_maxbcount"))
    if said:
        return said
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) / 7 FROM cdrs_cdr WHERE started_at >= %s AND started_at < %s",
            [now - timedelta(days=7), now],
        )
        return max(LEAST_AT_ONCE, int(cursor.fetchone()[0]) // SHARE_AT_ONCE)


# --- the smart one: so many attempts of a caller ---------------------------------------------------------------------------------

_ATTEMPTS = """
SELECT called_number, {who} AS who, (array_agg(c.started_at ORDER BY c.started_at DESC))[%(after)s] AS nth
FROM cdrs_cdr c JOIN users_account a ON a.id = c.caller_id
WHERE c.started_at >= %(since)s AND c.started_at < %(now)s AND c.carrier_id IS NOT NULL
  AND c.called_number ~ '^[0-9]{{5,16}}$' AND {counted} AND {callers}
GROUP BY 1, 2 HAVING count(*) >= %(after)s
"""


@transaction.atomic
def block_repeated(*, now: datetime | None = None, load: float | None = None) -> int:
    """Block numbers that were tried so often; how many are blocked now by that.

    1. Count the calls of `smartblacklist_checkperiod` to each number, of everybody together or of each caller apart.
    2. Who has `smartblacklist_blockafter` is blocked for `smartblacklist_blockperiod`, else until so many calls no longer fall
       into the period.
    3. Numbers that are not blocked any more go off the list when their time is over.
    """
    mode = str(setting("smartblacklist_enable"))
    if mode == "no" or (mode == "normal_load" and busy(load)):
        return 0
    now = now or timezone.now()
    period = timedelta(days=float(setting("smartblacklist_checkperiod")))
    lasting = timedelta(days=float(setting("smartblacklist_blockperiod")))
    found = 0
    for number, account, nth in _repeated(now, now - period):
        until = now + lasting if lasting else nth + period
        found += _block(number, account, until)
    return found


def busy(load: float | None = None) -> bool:
    """Whether the machine has more to do than it can."""
    return (os.getloadavg()[0] if load is None else load) > 2 * (os.cpu_count() or 1)


def _repeated(now: datetime, since: datetime) -> list[tuple[str, int | None, datetime]]:
    scope = str(setting("smartblacklist_peruser"))
    longest, shortest = (
        int(setting("smartblacklist_callduration")),
        int(setting("smartblacklist_callduration_min")),
    )
    counted = "true"
    if longest < 0:
        counted = "c.answered_at IS NOT NULL"
    elif longest > 0:
        counted = "c.duration < %(longest)s"
    if shortest > 0:
        counted += " AND c.duration >= %(shortest)s"
    values: dict[str, Any] = {
        "after": int(setting("smartblacklist_blockafter")), "since": since, "now": now, "longest": longest,
        "shortest": shortest, "kinds": list(CALLERS["subscribers"]), "marked": _marked(),
    }  # fmt: skip
    callers = {
        "everybody_together": "true",
        "subscribers": "a.kind = ANY(%(kinds)s)",
        "callers": "true",
        "marked": "a.id = ANY(%(marked)s::bigint[])",
    }[scope]
    who = "NULL::bigint" if scope == "everybody_together" else "c.caller_id"
    with connection.cursor() as cursor:
        cursor.execute(_ATTEMPTS.format(who=who, counted=counted, callers=callers), values)
        return list(cursor.fetchall())


def _marked() -> list[int]:
    """The accounts that have the setting `smartbl` themselves."""
    rows = AccountSetting.objects.filter(key="smartbl", value="yes")
    return list(rows.values_list("account_id", flat=True))


def _block(number: str, account: int | None, until: datetime) -> bool:
    """Whether that blocks it now. What an operator has switched off stays off."""
    row, new = ScreenedNumber.objects.get_or_create(
        book=Book.AUTOMATIC,
        number=number,
        account_id=account,
        defaults={
            "level": Level.ALWAYS,
            "expires_at": until,
            "found_by": SMART,
            "reason": "called again and again in vain",
        },
    )
    longer = row.expires_at is not None and row.expires_at < until
    if not new and row.enabled and (longer or row.level < Level.ALWAYS):
        row.expires_at, row.level, row.found_by = max(until, row.expires_at or until), Level.ALWAYS, SMART
        row.save()
    return row.enabled
