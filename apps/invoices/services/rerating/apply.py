"""Differences that somebody has looked at become prices: all of a run's, or none."""

from __future__ import annotations

import logging
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.cdrs.models import PriceChange, RerateState, Rerating
from apps.invoices.services import holds
from apps.invoices.services.rerating.reckon import FIGURES, MONEY
from apps.invoices.services.rerating.runs import CannotRerate
from apps.users.models import Account

logger = logging.getLogger(__name__)

_CHANGES = "cdrs_pricechange h WHERE h.rerating_id = %(run)s"
_SPAN = " AND {0}.started_at >= %(since)s AND {0}.started_at < %(until)s"
_THIS = "p.call_id = h.call_id AND p.started_at = h.started_at AND p.kind = h.kind AND p.account_id = h.account_id"
_LOCK_PRICES = f"SELECT count(*) FROM (SELECT FROM cdrs_cdrprice p, {_CHANGES} AND {_THIS}{_SPAN.format('p')} FOR UPDATE OF p) x"  # noqa: S608
_OUTDATED = f"""
SELECT count(*) FROM {_CHANGES} AND NOT CASE WHEN h.old_net IS NULL
  THEN NOT EXISTS (SELECT FROM cdrs_cdrprice p WHERE {_THIS}{_SPAN.format("p")})
  ELSE EXISTS (SELECT FROM cdrs_cdrprice p WHERE {_THIS}{_SPAN.format("p")}
    AND ({", ".join(f"p.{name}" for name in MONEY)}) IS NOT DISTINCT FROM ({", ".join(f"h.old_{name}" for name in MONEY)}))
  END
"""  # noqa: S608
_UPDATE = f"""
UPDATE cdrs_cdrprice p SET {", ".join(f"{name} = h.{name}" for name in FIGURES)}
FROM {_CHANGES} AND h.net IS NOT NULL AND h.old_net IS NOT NULL AND {_THIS}{_SPAN.format("p")}
"""  # noqa: S608
_INSERT = f"""
INSERT INTO cdrs_cdrprice (call_id, started_at, kind, account_id, {", ".join(FIGURES)})
SELECT h.call_id, h.started_at, h.kind, h.account_id, {", ".join(f"h.{name}" for name in FIGURES)}
FROM {_CHANGES} AND h.old_net IS NULL
"""  # noqa: S608
_DELETE = f"DELETE FROM cdrs_cdrprice p USING {_CHANGES} AND h.net IS NULL AND {_THIS}{_SPAN.format('p')}"  # noqa: S608


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
  JOIN cdrs_cdr c ON c.id = h.call_id AND c.started_at = h.started_at{_SPAN.format("c")}
  LEFT JOIN cdrs_cdrprice p ON p.call_id = c.id AND p.started_at = c.started_at{_SPAN.format("p")}
  GROUP BY c.id, c.started_at) t
WHERE c.id = t.id AND c.started_at = t.started_at{_SPAN.format("c")}
"""  # noqa: S608
# A call is on the invoice of the span that it began in, or, when it was recorded after that was issued, on the first one
# after its record (`apps.invoices.calls`).
_INVOICED = f"""
UPDATE cdrs_pricechange p SET invoiced_on_id = on_.invoice
FROM cdrs_pricechange h
JOIN cdrs_cdr c ON c.id = h.call_id AND c.started_at = h.started_at{_SPAN.format("c")}
JOIN users_account a ON a.id = h.account_id
CROSS JOIN LATERAL (
  SELECT coalesce(
    (SELECT i.id FROM live i WHERE i.account_id = payer.id AND i.period_start <= h.started_at
       AND i.period_end > h.started_at AND i.issued_at >= c.recorded_at),
    (SELECT i.id FROM live i WHERE i.account_id = payer.id AND i.issued_at >= c.recorded_at
       AND EXISTS (SELECT FROM live e WHERE e.account_id = payer.id AND e.period_start <= h.started_at
         AND e.period_end > h.started_at AND e.issued_at < c.recorded_at)
     ORDER BY i.issued_at LIMIT 1)) AS invoice
  FROM (SELECT CASE WHEN a.kind = 'extension' THEN a.parent_id ELSE a.id END AS id) payer) on_
WHERE p.id = h.id AND h.rerating_id = %(run)s AND h.kind IN ('retail', 'reseller') AND on_.invoice IS NOT NULL
"""  # noqa: S608
_LIVE = """
DROP TABLE IF EXISTS pg_temp.live;
CREATE TEMPORARY TABLE live ON COMMIT DROP AS SELECT i.id, i.account_id, i.period_start, i.period_end, i.issued_at
FROM invoices_invoice i WHERE i.document_type = 'invoice'
  AND NOT EXISTS (SELECT FROM invoices_invoice n WHERE n.refers_to_id = i.id)
"""
_FOREIGN = (
    f"SELECT count(*) FROM {_CHANGES} AND h.kind IN ('retail', 'reseller') AND h.old_currency <> h.currency"  # noqa: S608
)
_ENTRIES = f"""
INSERT INTO invoices_ledgerentry (account_id, kind, amount, currency, call_id, rerating_id, text, created_at)
SELECT h.account_id, 'correction', sum(coalesce(h.old_gross, 0) - coalesce(h.gross, 0)),
  max(coalesce(h.currency, h.old_currency)), h.call_id, h.rerating_id, %(text)s, now()
FROM {_CHANGES} AND h.kind IN ('retail', 'reseller')
GROUP BY h.account_id, h.call_id, h.rerating_id HAVING sum(coalesce(h.old_gross, 0) - coalesce(h.gross, 0)) <> 0
"""  # noqa: S608
_MOVED = """
SELECT account_id, (sum(amount) * 1000000)::bigint FROM invoices_ledgerentry WHERE rerating_id = %(run)s
GROUP BY account_id ORDER BY account_id
"""


class Outdated(CannotRerate):
    """Prices have changed since the differences were reckoned."""


@transaction.atomic
def apply(*, run: Rerating, by: Account | None, move_balances: bool = False) -> Rerating:
    """Put the differences in force.

    1. The run, the payers (so that nobody invoices them meanwhile) and the prices are locked; a price that is no
       longer what it was when the differences were reckoned refuses the whole run.
    2. Noted is which calls stand on an invoice already: the next one corrects them.
    3. Prices are changed, added and taken away, and the sums in the call records follow. The old ones stay in the run.
    4. Balances stay as they are, unless asked for: then one correction per call and payer, the difference of the gross.

    Applied twice it counts once. Raises CannotRerate.
    """
    run = Rerating.objects.select_for_update().get(pk=run.pk)
    if run.state == RerateState.APPLIED:
        return run
    if run.state != RerateState.READY:
        raise CannotRerate(_("The differences are not ready."))
    values: dict[str, Any] = {
        "run": run.pk,
        "since": run.since,
        "until": run.until,
        "text": f"re-rating {run.pk}",
    }
    payers = PriceChange.objects.filter(rerating=run).order_by().values("account").distinct()
    list(
        Account.objects.filter(pk__in=payers).order_by("pk").select_for_update(no_key=True).values_list("pk")
    )
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_PRICES, values)
        cursor.execute(_OUTDATED, values)
        (outdated,) = cursor.fetchone()
        if outdated:
            raise Outdated(
                _("%(count)d prices have changed since. Ask for the differences anew.") % {"count": outdated}
            )
        if move_balances:
            _check_currencies(cursor, values)
        for statement in (_LIVE, _INVOICED, _UPDATE, _INSERT, _DELETE, _TOTALS):
            cursor.execute(statement, values)
        if move_balances:
            cursor.execute(_ENTRIES, values)
            cursor.execute(_MOVED, values)
            moved = dict(cursor.fetchall())
            cursor.execute(holds.SETTLE, holds.settle_parameters((), moved))
    run.state, run.applied_at, run.applied_by = RerateState.APPLIED, timezone.now(), by
    run.moves_balances = move_balances
    run.save(update_fields=["state", "applied_at", "applied_by", "moves_balances"])
    logger.info(
        "re-rating %s applied by %s, balances %s",
        run.pk,
        by.username if by else "the system",
        "corrected" if move_balances else "left alone",
    )
    return run


def _check_currencies(cursor: Any, values: dict[str, Any]) -> None:
    cursor.execute(_FOREIGN, values)
    (foreign,) = cursor.fetchone()
    if foreign:
        raise CannotRerate(
            _(
                "%(count)d calls were charged in a currency that their payer no longer has; leave balances alone."
            )
            % {"count": foreign}
        )
