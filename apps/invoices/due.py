"""Which accounts the monthly run has to invoice: those whose month is over and not invoiced, and that owe anything for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from apps.config import queries as config
from apps.invoices.calls import KINDS, LATEST_RECORD
from apps.users.choices import CALLERS, Kind
from apps.users.models import Account, AccountSetting
from apps.users.queries import typed_own

# Of an account counts what `issue` would find: its calls and those of its extensions that began in the month, or in one
# invoiced before and were recorded later (`calls`); fees on no invoice (`fees.waiting`); open corrections
# (`corrections`). An account too many is refused by `issue`; one too few would never be invoiced.
_DUE = """
WITH months AS (
  SELECT * FROM unnest(%(zones)s::text[], %(days)s::int[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
    AS month(zone, day, begins, ends)
), own AS (
  SELECT * FROM unnest(%(own_accounts)s::bigint[], %(own_days)s::int[]) AS own(account, day)
), billed AS (
  SELECT a.id, a.time_zone, coalesce(CASE WHEN %(any_own)s THEN (
    SELECT own.day FROM unnest(string_to_array(trim(BOTH '/' FROM a.path), '/')::bigint[]) WITH ORDINALITY AS above(id, place)
    JOIN own ON own.account = above.id ORDER BY place DESC LIMIT 1) END, %(day)s) AS day
  FROM users_account a WHERE a.kind = ANY(%(kinds)s)
), payers AS (
  SELECT id AS account, id AS payer FROM billed
  UNION ALL
  SELECT s.id, x.id FROM users_account x
  CROSS JOIN LATERAL unnest(string_to_array(trim(BOTH '/' FROM x.path), '/')::bigint[]) AS above(id)
  JOIN users_account s ON s.id = above.id AND s.kind = 'subscriber'
  WHERE x.kind = 'extension'
), open AS (
  SELECT b.id, greatest(m.begins, last.ended) AS begins, m.ends, last.issued
  FROM billed b JOIN months m ON m.zone = b.time_zone AND m.day = b.day
  CROSS JOIN LATERAL (
    SELECT max(i.period_end) AS ended, max(i.issued_at) FILTER (
      WHERE NOT EXISTS (SELECT FROM invoices_invoice n WHERE n.refers_to_id = i.id)) AS issued
    FROM invoices_invoice i WHERE i.account_id = b.id AND i.document_type = 'invoice') last
  WHERE last.ended IS NULL OR last.ended < m.ends
)
SELECT DISTINCT o.id, o.begins, o.ends FROM open o JOIN payers y ON y.account = o.id
WHERE EXISTS (
  SELECT FROM cdrs_cdrprice p WHERE p.account_id = y.payer AND p.kind = ANY(%(price_kinds)s)
    AND p.started_at >= o.begins AND p.started_at < o.ends AND (p.billed_seconds > 0 OR p.net <> 0))
OR o.issued IS NOT NULL AND EXISTS (
  SELECT FROM cdrs_cdrprice p JOIN cdrs_cdr c ON c.id = p.call_id AND c.started_at = p.started_at
  WHERE p.account_id = y.payer AND p.kind = ANY(%(price_kinds)s) AND (p.billed_seconds > 0 OR p.net <> 0)
    AND p.started_at >= o.begins - %(latest)s AND p.started_at < o.begins AND c.recorded_at > o.issued)
OR EXISTS (
  SELECT FROM invoices_fee f JOIN invoices_feecharge g ON g.fee_id = f.id
  WHERE f.account_id = o.id AND g.invoice_id IS NULL AND g.net <> 0 AND g.charged_at < o.ends)
OR EXISTS (
  SELECT FROM cdrs_pricechange h WHERE h.account_id = y.payer AND h.invoiced_on_id IS NOT NULL
    AND EXISTS (SELECT FROM cdrs_rerating r WHERE r.id = h.rerating_id AND r.state = 'applied')
    AND (h.corrected_on_id IS NULL OR EXISTS (SELECT FROM invoices_invoice n WHERE n.refers_to_id = h.corrected_on_id)))
ORDER BY o.id
"""


class Due(NamedTuple):
    """An account, and the half-open span to invoice."""

    account: int
    start: datetime
    end: datetime


def due(now: datetime) -> list[Due]:
    """Whom to invoice at a moment, in the order of ids.

    A month begins on the account's `billingday`, in its time zone. After a change of that day the first month is shorter:
    it begins where the last invoice ended.
    """
    day = int(str(config.get("billingday")))
    own = _own_days()
    zones = Account.objects.order_by().values_list("time_zone", flat=True).distinct()
    months = [(zone, each, *last_month(now, zone, each)) for zone in zones for each in {day, *own.values()}]
    values: dict[str, Any] = {
        "zones": [month[0] for month in months],
        "days": [month[1] for month in months],
        "begins": [month[2] for month in months],
        "ends": [month[3] for month in months],
        "own_accounts": list(own),
        "own_days": list(own.values()),
        "any_own": bool(own),
        "day": day,
        "kinds": [str(kind) for kind in CALLERS if kind != Kind.EXTENSION],
        "price_kinds": KINDS,
        "latest": LATEST_RECORD,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DUE, values)
        return [Due(*row) for row in cursor.fetchall()]


def last_month(now: datetime, zone: str, day: int = 1) -> tuple[datetime, datetime]:
    """The half-open month before `now` that began on a day of the calendar's month in a time zone, in UTC."""
    local = now.astimezone(ZoneInfo(zone))
    end = local.date().replace(day=day)
    if end > local.date():
        end = (end.replace(day=1) - timedelta(days=1)).replace(day=day)
    start = (end.replace(day=1) - timedelta(days=1)).replace(day=day)
    return tuple(
        datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone)).astimezone(UTC) for d in (start, end)
    )  # type: ignore[return-value]


def _own_days() -> dict[int, int]:
    """Days that accounts have of their own, for themselves and those below."""
    rows = AccountSetting.objects.filter(key="billingday").values_list("account_id", "value")
    return {account: int(str(value)) for account, text in rows for value in typed_own("billingday", text)}
