"""What happens to documents in the background: delivery, and the monthly run."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from celery import shared_task
from django.core.mail import EmailMessage
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation

from apps.invoices.models import DocumentType, Invoice
from apps.invoices.services.issuing import CannotIssue, NothingToInvoice, issue, render
from apps.users.choices import CALLERS, Kind
from apps.users.models import Account

logger = logging.getLogger(__name__)


@shared_task(bind=True, max_retries=8)
def deliver_invoice(self: Any, invoice_id: int) -> None:
    """Render a document and mail it, once: whoever sets `mailed_at` sends it, and clears it if that failed.

    A failure is tried again after 1, 2, 4 … minutes. Without an address there is nothing to mail.
    """
    invoice = Invoice.objects.select_related("issuer", "account").get(pk=invoice_id)
    pdf = render(invoice)
    claim = Invoice.objects.filter(pk=invoice_id, mailed_at=None)
    if not invoice.customer_email or not claim.update(mailed_at=timezone.now()):
        return
    try:
        letter(invoice, pdf).send()
    except Exception as error:
        Invoice.objects.filter(pk=invoice_id).update(mailed_at=None)
        logger.warning("invoice %s could not be mailed: %s", invoice.number, error)
        raise self.retry(exc=error, countdown=60 * 2**self.request.retries) from error


def letter(invoice: Invoice, pdf: bytes) -> EmailMessage:
    """The mail that carries a document, in the customer's language."""
    with translation.override(invoice.language):
        context = {"invoice": invoice, "is_credit_note": invoice.document_type == DocumentType.CREDIT_NOTE}
        subject = " ".join(render_to_string("mail/invoice_subject.txt", context).split())
        body = render_to_string("mail/invoice.txt", context)
    mail = EmailMessage(subject, body, to=[invoice.customer_email])
    if invoice.issuer.email:
        mail.from_email, mail.reply_to = invoice.issuer.email, [invoice.issuer.email]
    mail.attach(f"{invoice.number}.pdf", pdf, "application/pdf")
    return mail


@shared_task
def deliver_waiting_invoices() -> int:
    """Find documents that nobody was asked to deliver, because the broker was away when they were issued."""
    now = timezone.now()
    waiting = Invoice.objects.filter(
        Q(pdf=None) | Q(mailed_at=None) & ~Q(customer_email=""),
        issued_at__range=(now - timedelta(days=7), now - timedelta(minutes=10)),
    )
    found = list(waiting.values_list("pk", flat=True))
    for pk in found:
        deliver_invoice.delay(pk)
    return len(found)


@shared_task
def issue_monthly_invoices() -> int:
    """Invoice last month for everybody who has not been invoiced for it; returns how many were issued.

    The month is that of the account's time zone. What one account cannot have is logged and stops no other;
    run again, it finds done what is done.
    """
    accounts = Account.objects.filter(kind__in=CALLERS).exclude(kind=Kind.EXTENSION).order_by("pk")
    return sum(_issue_month(account) for account in accounts.iterator(chunk_size=500))


def _issue_month(account: Account) -> bool:
    start, end = last_month(timezone.now(), account.time_zone)
    if account.invoices.filter(
        document_type=DocumentType.INVOICE, period_start__lt=end, period_end__gt=start
    ).exists():
        return False
    try:
        issue(account=account, period_start=start, period_end=end)
    except NothingToInvoice:
        return False
    except CannotIssue as error:
        logger.error("no invoice for %s: %s", account.username, error)
        return False
    except Exception:
        logger.exception("no invoice for %s", account.username)
        return False
    return True


def last_month(now: datetime, zone: str) -> tuple[datetime, datetime]:
    """The half-open calendar month before `now` in a time zone, in UTC."""
    local = now.astimezone(ZoneInfo(zone))
    end = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = (end - timedelta(days=1)).replace(day=1)
    return tuple(datetime(d.year, d.month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC) for d in (start, end))  # type: ignore[return-value]
