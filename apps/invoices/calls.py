"""Which calls an account owes for in a span of time, summed or one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Max

from apps.invoices.models import DocumentType
from apps.pricing.engine.price_lists import VOICE
from apps.pricing.models import TariffKind
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import below

#: What an account itself pays: its retail price, and as a reseller the price between it and whoever is above.
KINDS = [TariffKind.RETAIL.value, TariffKind.RESELLER.value]
#: How long after its span was invoiced a call may still turn up.
LATEST_RECORD = timedelta(days=62)
_FROM = """
FROM cdrs_cdrprice AS price LEFT JOIN cdrs_cdr AS cdr ON cdr.id = price.call_id AND cdr.started_at = price.started_at
WHERE price.account_id = ANY(%(payers)s) AND price.kind = ANY(%(kinds)s)
  AND price.started_at >= %(earliest)s AND price.started_at < %(end)s
  AND (price.billed_seconds > 0 OR price.net <> 0)
  AND (price.started_at >= %(start)s OR (
    cdr.recorded_at > %(since)s AND cdr.recorded_at <= %(until)s AND EXISTS (
      SELECT FROM invoices_invoice AS earlier WHERE earlier.account_id = %(account)s
        AND earlier.document_type = 'invoice' AND earlier.issued_at <= %(since)s
        AND price.started_at >= earlier.period_start AND price.started_at < earlier.period_end
        AND NOT EXISTS (SELECT FROM invoices_invoice AS note WHERE note.refers_to_id = earlier.id))))
"""
_DESTINATION = "COALESCE(NULLIF(cdr.destination, ''), NULLIF(price.prefix, ''), '')"
#: By tariffs of no group each tariff is one of its own.
_PRICE_GROUP = """COALESCE((SELECT COALESCE(g.name, t.name) FROM pricing_tariff t
  LEFT JOIN pricing_pricegroup g ON g.id = t.group_id WHERE t.id = price.tariff_id), '')"""
_SUMS = f"""
SELECT {{label}}, price.vat_rate, price.currency,
  count(*), sum(price.billed_seconds), sum(price.net), COALESCE(cdr.service, 'voice'),
  COALESCE((SELECT (t.packed ->> 15)::int FROM cdrs_priceterms t WHERE t.id = price.terms), 0)
{_FROM} GROUP BY 1, 2, 3, 7, 8 ORDER BY 7 DESC, 1, 2, 3, 8
"""  # noqa: S608 - our own text
_EACH = f"""
SELECT price.started_at, cdr.caller_number, cdr.called_number,
  COALESCE(NULLIF(cdr.destination, ''), price.prefix), price.billed_seconds, price.net, COALESCE(cdr.service, 'voice') {_FROM}
ORDER BY price.started_at, price.call_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Sum:
    """Calls, or messages (`service`), to one destination, or of one price group, at one VAT rate; `net` is exact."""

    label: str
    vat_rate: Decimal
    currency: str
    calls: int
    seconds: int
    net: Decimal
    service: str = VOICE
    surcharge_ppm: int = 0  # of the account, that is in it (`Terms.surcharge_ppm`)


@dataclass(frozen=True, slots=True)
class Item:
    """One call as the appendix shows it."""

    started_at: datetime
    caller_number: str
    called_number: str
    destination: str
    seconds: int
    net: Decimal
    service: str = VOICE


def sums(
    account: Account, start: datetime, end: datetime, until: datetime, *, by_group: bool = False
) -> list[Sum]:
    """The billed calls of a document issued at `until` for a half-open span, by destination or price group, and VAT rate.

    They are those that began in the span, and those that began in a span invoiced before but were recorded only
    after that: they were still up, or waited in the spool while the database was away.
    """
    statement = _SUMS.format(label=_PRICE_GROUP if by_group else _DESTINATION)
    return [Sum(*row) for row in _rows(statement, account, start, end, until)]


def items(account: Account, start: datetime, end: datetime, until: datetime, limit: int) -> list[Item]:
    """The first `limit` of the same calls one by one, in the order in which they began."""
    return [Item(*row) for row in _rows(_EACH, account, start, end, until, limit)]


def net_of(account: Account, start: datetime, end: datetime) -> Decimal:
    """What the account's calls that began in a half-open span have cost without VAT, exactly."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(net), 0) FROM cdrs_cdrprice WHERE account_id = ANY(%s) AND kind = ANY(%s)"
            " AND started_at >= %s AND started_at < %s",
            [payers(account), KINDS, start, end],
        )
        return Decimal(cursor.fetchone()[0])


def payers(account: Account) -> list[int]:
    """The account and the extensions that are billed to it."""
    extensions = below(account).filter(kind=Kind.EXTENSION) if account.kind == Kind.SUBSCRIBER else []
    return [account.pk, *(extension.pk for extension in extensions)]


def _rows(
    statement: str, account: Account, start: datetime, end: datetime, until: datetime, limit: int = 0
) -> list[Any]:
    before = account.invoices.filter(
        document_type=DocumentType.INVOICE, corrections=None, issued_at__lt=until
    )
    values = {
        "account": account.pk,
        "payers": payers(account),
        "kinds": KINDS,
        "earliest": start - LATEST_RECORD,
        "start": start,
        "end": end,
        "since": before.aggregate(last=Max("issued_at"))["last"] or until,
        "until": until,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
