"""The statements that put differences in force: those of calls that began in a span of time, in one transaction.

Every one names the run and the span, so that PostgreSQL looks into one month's partition and takes prices by their key.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.cdrs.models import Rerating
from apps.invoices.services import holds
from apps.invoices.services.rerating.reckon import FIGURES, MONEY

_SPAN = "{0}.started_at >= %(since)s AND {0}.started_at < %(until)s"
_CHANGES = f"cdrs_pricechange h WHERE h.rerating_id = %(run)s AND {_SPAN.format('h')}"
_PRICE = (
    "p.call_id = h.call_id AND p.started_at = h.started_at AND p.kind = h.kind AND p.account_id = h.account_id"
    f" AND {_SPAN.format('p')}"
)
_AS_IT_WAS = f"({', '.join(f'p.{name}' for name in MONEY)}) IS NOT DISTINCT FROM ({', '.join(f'h.old_{name}' for name in MONEY)})"
_OUTDATED = f"""
NOT CASE WHEN h.old_net IS NULL THEN NOT EXISTS (SELECT FROM cdrs_cdrprice p WHERE {_PRICE})
  ELSE EXISTS (SELECT FROM cdrs_cdrprice p WHERE {_PRICE} AND {_AS_IT_WAS}) END
"""  # noqa: S608
_FOREIGN = "h.kind IN ('retail', 'reseller') AND h.old_currency <> h.currency"
_CHECK = f"SELECT count(*) FILTER (WHERE {_OUTDATED}), count(*) FILTER (WHERE {_FOREIGN}) FROM {_CHANGES}"  # noqa: S608
_BY_KEY = "SET LOCAL enable_seqscan = off"  # of a month's partition a span is a small part, whatever the planner thinks
_COUNT = f"SELECT count(*) FROM {_CHANGES}"  # noqa: S608
_LEAVE = f"DELETE FROM {_CHANGES} AND {_OUTDATED}"  # noqa: S608
_LOCK_PAYERS = f"""
SELECT FROM users_account WHERE id IN (SELECT h.account_id FROM {_CHANGES}) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608
_UPDATE = f"""
UPDATE cdrs_cdrprice p SET {", ".join(f"{name} = h.{name}" for name in FIGURES)}
FROM {_CHANGES} AND h.net IS NOT NULL AND h.old_net IS NOT NULL AND {_PRICE} AND {_AS_IT_WAS}
"""  # noqa: S608
_INSERT = f"""
INSERT INTO cdrs_cdrprice (call_id, started_at, kind, account_id, {", ".join(FIGURES)})
SELECT h.call_id, h.started_at, h.kind, h.account_id, {", ".join(f"h.{name}" for name in FIGURES)}
FROM {_CHANGES} AND h.old_net IS NULL
ON CONFLICT (call_id, kind, account_id, started_at) DO NOTHING
"""  # noqa: S608
_DELETE = f"DELETE FROM cdrs_cdrprice p USING {_CHANGES} AND h.net IS NULL AND {_PRICE} AND {_AS_IT_WAS}"  # noqa: S608


def _total(kind: str, condition: str = "") -> str:
    return f"coalesce(sum(coalesce(p.recorded, p.net)) FILTER (WHERE p.kind = '{kind}'{condition}), 0)"


# As `rated._totals` has it: of several resellers the one in the record.
_TOTALS = f"""
UPDATE cdrs_cdr c SET retail_price = t.retail, carrier_cost = t.carrier, sales_commission = t.sales,
  company_price = t.company, reseller_price = t.reseller, currency = t.currency
FROM (
  SELECT c.id, c.started_at, {_total("retail")} AS retail, {_total("carrier")} AS carrier, {_total("sales")} AS sales,
    {_total("company")} AS company,
    {_total("reseller", " AND (c.reseller_id IS NULL OR p.account_id = c.reseller_id)")} AS reseller,
    coalesce(max(coalesce(nullif(p.recorded_currency, ''), p.currency)) FILTER (WHERE p.kind = 'retail'), '') AS currency
  FROM (SELECT DISTINCT h.call_id, h.started_at FROM {_CHANGES}) h
  JOIN cdrs_cdr c ON c.id = h.call_id AND c.started_at = h.started_at AND {_SPAN.format("c")}
  LEFT JOIN cdrs_cdrprice p ON p.call_id = c.id AND p.started_at = c.started_at AND {_SPAN.format("p")}
  GROUP BY c.id, c.started_at) t
WHERE c.id = t.id AND c.started_at = t.started_at AND {_SPAN.format("c")}
"""  # noqa: S608
# A call is on the invoice of the span that it began in, or, when it was recorded after that was issued, on the first one
# after its record (`apps.invoices.calls`). An account owes for its extensions.
_LIVE = """
invoices_invoice {0} WHERE {0}.document_type = 'invoice' AND NOT EXISTS (
  SELECT FROM invoices_invoice note WHERE note.refers_to_id = {0}.id)
"""
_INVOICED = f"""
UPDATE cdrs_pricechange x SET invoiced_on_id = found.invoice
FROM (
  SELECT h.id, CASE WHEN e.issued_at >= c.recorded_at THEN e.id ELSE (
    SELECT i.id FROM {_LIVE.format("i")} AND i.account_id = e.account_id AND i.issued_at >= c.recorded_at
    ORDER BY i.issued_at LIMIT 1) END AS invoice
  FROM (SELECT h.id, h.call_id, h.started_at, CASE WHEN a.kind = 'extension' THEN a.parent_id ELSE a.id END AS payer
    FROM cdrs_pricechange h JOIN users_account a ON a.id = h.account_id
    WHERE h.rerating_id = %(run)s AND {_SPAN.format("h")} AND h.kind IN ('retail', 'reseller')) h
  JOIN (SELECT * FROM {_LIVE.format("e")} AND e.period_start < %(until)s AND e.period_end > %(since)s) e
    ON e.account_id = h.payer AND e.period_start <= h.started_at AND e.period_end > h.started_at
  JOIN cdrs_cdr c ON c.id = h.call_id AND c.started_at = h.started_at AND {_SPAN.format("c")}) found
WHERE x.id = found.id AND found.invoice IS NOT NULL
"""  # noqa: S608
_ENTRIES = f"""
WITH made AS (
  INSERT INTO invoices_ledgerentry (account_id, kind, amount, currency, call_id, rerating_id, text, created_at)
  SELECT h.account_id, 'correction', sum(coalesce(h.old_gross, 0) - coalesce(h.gross, 0)),
    max(coalesce(h.currency, h.old_currency)), h.call_id, h.rerating_id, %(text)s, now()
  FROM {_CHANGES} AND h.kind IN ('retail', 'reseller')
  GROUP BY h.account_id, h.call_id, h.rerating_id HAVING sum(coalesce(h.old_gross, 0) - coalesce(h.gross, 0)) <> 0
  RETURNING account_id, amount)
SELECT account_id, (sum(amount) * 1000000)::bigint FROM made GROUP BY account_id ORDER BY account_id
"""  # noqa: S608


def values(run: Rerating, since: datetime, until: datetime) -> dict[str, Any]:
    """Of calls that began in [since, until), as the statements name them."""
    return {"run": run.pk, "since": since, "until": until, "text": f"re-rating {run.pk}"}


def wrong(cursor: Any, span: dict[str, Any]) -> tuple[int, int]:
    """How many prices are no longer what they were, and how many are in another currency than the old one."""
    cursor.execute(_CHECK, span)
    outdated, foreign = cursor.fetchone()
    return outdated, foreign


def put(cursor: Any, span: dict[str, Any], *, move_balances: bool) -> int:
    """Put a span's differences in force, with all that follows; how many were left out.

    1. The payers are locked, so that nobody invoices them meanwhile.
    2. Prices are changed, added and taken away where they are what they were. What is not (somebody has changed it by
       hand since the run was checked) is left alone, and is no difference of the run any more.
    3. Noted is which calls stand on an invoice already: the next one corrects them.
    4. The sums in the call records follow, and the ledger if that was asked for.
    """
    cursor.execute(_BY_KEY)
    cursor.execute(_LOCK_PAYERS, span)
    left_out = 0
    while not _change_prices(cursor, span):
        cursor.execute(_LEAVE, span)
        if not cursor.rowcount:
            raise RuntimeError("Prices cannot be changed, though they are what they were.")
        left_out += cursor.rowcount
    for statement in (_INVOICED, _TOTALS):
        cursor.execute(statement, span)
    if move_balances:
        cursor.execute(_ENTRIES, span)
        cursor.execute(holds.SETTLE, holds.settle_parameters((), dict(cursor.fetchall())))
    return left_out


def _change_prices(cursor: Any, span: dict[str, Any]) -> bool:
    """Change every price of the span; False: one of them is not what it was, and none is changed."""
    cursor.execute(_COUNT, span)
    (wanted,) = cursor.fetchone()
    with transaction.atomic():
        for statement in (_UPDATE, _INSERT, _DELETE):
            cursor.execute(statement, span)
            wanted -= cursor.rowcount
        transaction.set_rollback(bool(wanted))
    return not wanted
