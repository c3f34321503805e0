"""Which calls an account owes for in a span of time, summed or one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from apps.pricing.models import TariffKind
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import below

#: What an account itself pays: its retail price, and as a reseller the price between it and whoever is above.
_KINDS = [TariffKind.RETAIL.value, TariffKind.RESELLER.value]
_FROM = """
FROM cdrs_cdrprice AS price LEFT JOIN cdrs_cdr AS cdr ON cdr.id = price.call_id AND cdr.started_at = price.started_at
WHERE price.account_id = ANY(%s) AND price.kind = ANY(%s) AND price.started_at >= %s AND price.started_at < %s
  AND (price.billed_seconds > 0 OR price.net <> 0)
"""
_SUMS = f"""
SELECT COALESCE(NULLIF(cdr.destination, ''), NULLIF(price.prefix, ''), ''), price.vat_rate, price.currency,
  count(*), sum(price.billed_seconds), sum(price.net) {_FROM} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_EACH = f"""
SELECT price.started_at, cdr.caller_number, cdr.called_number,
  COALESCE(NULLIF(cdr.destination, ''), price.prefix), price.billed_seconds, price.net {_FROM}
ORDER BY price.started_at, price.call_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Sum:
    """Calls to one destination at one VAT rate; `net` is exact."""

    destination: str
    vat_rate: Decimal
    currency: str
    calls: int
    seconds: int
    net: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """One call as the appendix shows it."""

    started_at: datetime
    caller_number: str
    called_number: str
    destination: str
    seconds: int
    net: Decimal


def sums(account: Account, start: datetime, end: datetime) -> list[Sum]:
    """The billed calls that began in the half-open span, by destination and VAT rate."""
    return [Sum(*row) for row in _rows(_SUMS, account, start, end)]


def items(account: Account, start: datetime, end: datetime, limit: int) -> list[Item]:
    """The first `limit` of the same calls one by one, in the order in which they began."""
    return [Item(*row) for row in _rows(_EACH, account, start, end, limit)]


def payers(account: Account) -> list[int]:
    """The account and the extensions that are billed to it."""
    extensions = below(account).filter(kind=Kind.EXTENSION) if account.kind == Kind.SUBSCRIBER else []
    return [account.pk, *(extension.pk for extension in extensions)]


def _rows(statement: str, account: Account, start: datetime, end: datetime, *more: int) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [payers(account), _KINDS, start, end, *more])
        return cursor.fetchall()
