"""Reads of money that more than one place needs."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.invoices.models import Invoice
from apps.users.models import Account
from apps.users.queries import visible_to


def visible_invoices(user: Account) -> QuerySet[Invoice]:
    """The documents that an account may read, without their PDF."""
    return Invoice.objects.filter(account__in=visible_to(user)).defer("pdf")


def pdf_of(invoice: Invoice) -> bytes:
    """The document's PDF; rendered now if the job that does it has not come to it yet."""
    from apps.invoices.services.pdf import render  # WeasyPrint takes a second to load

    return bytes(invoice.pdf) if invoice.pdf else render(invoice)
