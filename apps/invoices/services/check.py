"""Proof that the books are right: each check is one statement that returns what is wrong, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection, transaction

Filter = tuple[str, list[Any]]

# An account without a balance row has the balance zero, and a sum of nothing is zero.
BALANCES = """
SELECT coalesce(b.account_id, e.account_id), coalesce(b.amount, 0), coalesce(e.total, 0)
FROM invoices_balance b
FULL JOIN (SELECT account_id, sum(amount) AS total FROM invoices_ledgerentry GROUP BY account_id) e
  ON e.account_id = b.account_id
WHERE coalesce(b.amount, 0) <> coalesce(e.total, 0) AND {account} ORDER BY 1
"""
HELD = """
SELECT coalesce(b.account_id, h.account_id), coalesce(b.held, 0), coalesce(h.total, 0)
FROM invoices_balance b
FULL JOIN (SELECT account_id, sum(amount) AS total FROM invoices_hold GROUP BY account_id) h
  ON h.account_id = b.account_id
WHERE coalesce(b.held, 0) <> coalesce(h.total, 0) AND {account} ORDER BY 1
"""
RECORDS = """
SELECT e.call_id, e.account_id, (SELECT count(*) FROM cdrs_cdr c WHERE c.id = e.call_id)
FROM invoices_ledgerentry e
WHERE e.kind = 'call' AND {since} AND {account}
  AND (e.call_id IS NULL OR (SELECT count(*) FROM cdrs_cdr c WHERE c.id = e.call_id) <> 1)
ORDER BY e.id
"""
TWICE = """
SELECT id, count(*) FROM cdrs_cdr WHERE {since} AND {account} GROUP BY id HAVING count(*) > 1 ORDER BY id
"""
# A re-rating that left balances alone changed prices, not charges; one that corrected them wrote entries of its own.
CHARGES = """
SELECT coalesce(e.call_id, p.call_id), coalesce(e.account_id, p.account_id),
       coalesce(e.total, 0), coalesce(p.total, 0)
FROM (
  SELECT call_id, account_id, sum(amount) AS total FROM invoices_ledgerentry e
  WHERE (kind = 'call' AND {since_entry}) OR (rerating_id IS NOT NULL
    AND EXISTS (SELECT FROM cdrs_cdr c WHERE c.id = e.call_id AND {since_call}))
  GROUP BY call_id, account_id
) e FULL JOIN (
  SELECT p.call_id, p.account_id, sum(p.gross) AS total
  FROM (
    SELECT call_id, started_at, kind, account_id, gross FROM cdrs_cdrprice
    UNION ALL
    SELECT h.call_id, h.started_at, h.kind, h.account_id, coalesce(h.old_gross, 0) - coalesce(h.gross, 0)
    FROM cdrs_pricechange h JOIN cdrs_rerating r ON r.id = h.rerating_id
    WHERE h.started_at < r.applied_until AND NOT r.moves_balances
  ) p JOIN cdrs_cdr c ON c.id = p.call_id AND c.started_at = p.started_at
  WHERE p.kind IN ('retail', 'reseller') AND {since_record} GROUP BY p.call_id, p.account_id
) p ON p.call_id = e.call_id AND p.account_id = e.account_id
WHERE coalesce(e.total, 0) <> -coalesce(p.total, 0) AND {account} ORDER BY 1, 2
"""


def faults(*, account_id: int | None = None, since: datetime | None = None) -> list[str]:
    """Everything that is wrong, one sentence each. All is read from one snapshot, while calls go on.

    `account_id`: only this account; `since`: only calls recorded since then (balances are always whole sums).
    """
    alone = not connection.in_atomic_block
    with transaction.atomic():
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return [*_balance_faults(account_id), *_call_faults(account_id, since)]


def _balance_faults(account_id: int | None) -> Iterator[str]:
    for account, balance, total in _rows(BALANCES, account=_is("b.account_id", "e.account_id", account_id)):
        yield f"account {account}: the balance is {balance}, its ledger entries sum up to {total}"
    for account, held, total in _rows(HELD, account=_is("b.account_id", "h.account_id", account_id)):
        yield f"account {account}: {held} is held, its holds sum up to {total}"


def _call_faults(account_id: int | None, since: datetime | None) -> Iterator[str]:
    payer = _is("e.account_id", "e.account_id", account_id)
    for call, account, count in _rows(RECORDS, since=_since("e.created_at", since), account=payer):
        yield f"call {call}: account {account} is charged, and there are {count} call records"
    caller = _is("caller_id", "caller_id", account_id)
    for call, count in _rows(TWICE, since=_since("recorded_at", since), account=caller):
        yield f"call {call}: there are {count} call records"
    entry, record = _since("e.created_at", since), _since("c.recorded_at", since)
    either = _is("e.account_id", "p.account_id", account_id)
    for call, account, charged, priced in _rows(
        CHARGES, since_entry=entry, since_call=record, since_record=record, account=either
    ):
        yield f"call {call}: account {account} was charged {-charged}, its prices sum up to {priced}"


def _rows(query: str, **filters: Filter) -> list[tuple[Any, ...]]:
    # The filters' parameters follow the order in which they stand in the query.
    order = sorted(filters, key=lambda name: query.index("{" + name + "}"))
    parameters = [value for name in order for value in filters[name][1]]
    with connection.cursor() as cursor:
        cursor.execute(query.format(**{name: text for name, (text, _) in filters.items()}), parameters)
        return list(cursor.fetchall())


def _is(left: str, right: str, account_id: int | None) -> Filter:
    return (f"coalesce({left}, {right}) = %s", [account_id]) if account_id is not None else ("true", [])


def _since(column: str, since: datetime | None) -> Filter:
    return (f"{column} >= %s", [since]) if since is not None else ("true", [])
