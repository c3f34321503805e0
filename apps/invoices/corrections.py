"""What re-rating changed of calls that were invoiced before: the difference is owed, or credited, on the next document.

A change is open when its invoice stands, and no document that stands has corrected it yet. Taking a correcting invoice
back opens its changes again; calls of an invoice that was taken back are invoiced anew, by their prices of then. What a
re-rating changes that is still being put in force waits until all of it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from apps.cdrs.models import RerateState, Rerating
from apps.invoices.calls import LATEST_RECORD, payers
from apps.invoices.models import Invoice
from apps.users.models import Account

_TAKEN_BACK = "EXISTS (SELECT FROM invoices_invoice note WHERE note.refers_to_id = {})"
_OPEN = f"""
h.account_id = ANY(%(payers)s) AND h.invoiced_on_id IS NOT NULL
AND NOT {_TAKEN_BACK.format("h.invoiced_on_id")}
AND (h.corrected_on_id IS NULL OR {_TAKEN_BACK.format("h.corrected_on_id")})
AND EXISTS (SELECT FROM cdrs_rerating r WHERE r.id = h.rerating_id AND r.state = 'applied')
"""
_BY_NOTES = """
h.invoiced_on_id = %(invoice)s AND EXISTS (
  SELECT FROM invoices_invoice note WHERE note.id = h.corrected_on_id AND note.document_type = 'credit_note')
"""
# The VAT rate may be another one now: what was charged goes at its own rate, what is due at its own.
_SUMS = """
SELECT i.number, part.destination, part.vat_rate, part.currency, count(DISTINCT part.call_id), sum(part.net)
FROM (
  SELECT h.invoiced_on_id, h.call_id, coalesce(nullif(h.destination, ''), h.prefix, h.old_prefix, '') AS destination,
    unnest(ARRAY[h.old_vat_rate, h.vat_rate]) AS vat_rate, unnest(ARRAY[h.old_currency, h.currency]) AS currency,
    unnest(ARRAY[-h.old_net, h.net]) AS net
  FROM cdrs_pricechange h WHERE {condition}
) part JOIN invoices_invoice i ON i.id = part.invoiced_on_id
WHERE part.net IS NOT NULL
GROUP BY 1, 2, 3, 4, i.id HAVING sum(part.net) <> 0 ORDER BY i.id, 2, 3, 4
"""


@dataclass(frozen=True, slots=True)
class Correction:
    """Calls to one destination on one invoice, and by how much it was too low (too high: negative), net."""

    number: str
    destination: str
    vat_rate: Decimal
    currency: str
    calls: int
    net: Decimal


def open_corrections(account: Account) -> list[Correction]:
    """What the account's next document has to correct."""
    return _sums(_OPEN, {"payers": payers(account)})


def settle(account: Account, document: Invoice) -> None:
    """The document has corrected all that was open. Under the account's lock, as everything that opens or closes them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE cdrs_pricechange h SET corrected_on_id = %(document)s WHERE {_OPEN}",  # noqa: S608
            {"payers": payers(account), "document": document.pk},
        )


def corrected_by_notes(invoice: Invoice) -> list[Correction]:
    """What credit notes have corrected of the invoice's calls already."""
    return _sums(_BY_NOTES, {"invoice": invoice.pk})


def correcting_invoice(invoice: Invoice) -> Invoice | None:
    """A standing invoice, other than a credit note, that corrects calls of this one."""
    later = Invoice.objects.filter(document_type="invoice", corrections=None)
    return later.filter(call_corrections__invoiced_on=invoice).order_by("-id").first()


def half_changed(start: datetime, end: datetime) -> Rerating | None:
    """A re-rating of which the prices of calls that a document for this span could have are in force in part."""
    under_way = Rerating.objects.filter(state=RerateState.APPLYING, applied_until__isnull=False)
    return under_way.filter(since__lt=end, until__gt=start - LATEST_RECORD).first()


def _sums(condition: str, values: dict[str, Any]) -> list[Correction]:
    with connection.cursor() as cursor:
        cursor.execute(_SUMS.format(condition=condition), values)
        return [Correction(*row) for row in cursor.fetchall()]
