"""What happens to money in the background: documents are delivered, months invoiced, calls re-rated."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.core.mail import EmailMessage
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation

from apps.cdrs.models import RerateState, Rerating
from apps.invoices.due import Due, due
from apps.invoices.models import DocumentType, Invoice, Reminder
from apps.invoices.services import fees, limits, overdue, rerating, topups
from apps.invoices.services.issuing import CannotIssue, NothingToInvoice, issue, render
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
    return _mail(invoice, subject, body, pdf)


def _mail(invoice: Invoice, subject: str, body: str, pdf: bytes) -> EmailMessage:
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
def reckon_rerating(run_id: int) -> str:
    """Reckon the differences of a re-rating; the state it is in then."""
    return str(rerating.proceed(run_id=run_id, processes=rerating.PROCESSES).state)


@shared_task
def apply_rerating(run_id: int) -> str:
    """Go on putting a re-rating in force; the state it is in then. Why it could not be applied stands in the run."""
    with suppress(rerating.CannotRerate):
        rerating.carry_on(run_id=run_id)
    return str(Rerating.objects.get(pk=run_id).state)


@shared_task
def reckon_waiting_reratings() -> int:
    """Go on with re-ratings that nobody was asked to do, or whose worker died; one at work is left alone."""
    before = timezone.now() - timedelta(minutes=5)
    waiting = Q(state__in=(RerateState.WAITING, RerateState.RECKONING), created_at__lt=before)
    found = Rerating.objects.filter(waiting | Q(state=RerateState.APPLYING)).order_by("pk")
    for pk, state in (asked := list(found.values_list("pk", "state"))):
        (apply_rerating if state == RerateState.APPLYING else reckon_rerating).delay(pk)
    return len(asked)


@shared_task
def issue_monthly_invoices() -> int:
    """Invoice the last whole month for everybody who owes for it; returns how many were issued.

    What one account cannot have is logged and stops no other; run again, it finds done what is done (`due`).
    """
    return sum(_issue_month(one) for one in due(timezone.now()))


def _issue_month(one: Due) -> bool:
    account = Account.objects.get(pk=one.account)
    try:
        issue(account=account, period_start=one.start, period_end=one.end)
    except NothingToInvoice:
        return False
    except CannotIssue as error:
        logger.error("no invoice for %s: %s", account.username, error)
        return False
    except Exception:
        logger.exception("no invoice for %s", account.username)
        return False
    return True


@shared_task
def remind_of_invoices() -> int:
    """Write reminders and late fees that are due; how many."""
    return overdue.remind(now=timezone.now())


@shared_task(bind=True, max_retries=8)
def deliver_reminder(self: Any, reminder_id: int) -> None:
    """Mail a reminder, once, with the invoice; a failure is tried again. Without an address there is nothing to mail."""
    reminder = Reminder.objects.select_related("invoice__issuer").get(pk=reminder_id)
    claim = Reminder.objects.filter(pk=reminder_id, mailed_at=None)
    if not reminder.invoice.customer_email or not claim.update(mailed_at=timezone.now()):
        return
    try:
        reminding(reminder, render(reminder.invoice)).send()
    except Exception as error:
        Reminder.objects.filter(pk=reminder_id).update(mailed_at=None)
        logger.warning("the reminder of %s could not be mailed: %s", reminder.invoice, error)
        raise self.retry(exc=error, countdown=60 * 2**self.request.retries) from error


@shared_task
def deliver_waiting_reminders() -> int:
    """Find reminders that nobody was asked to deliver, because the broker was away when they were written."""
    now = timezone.now()
    span = (now - timedelta(days=7), now - timedelta(minutes=10))
    waiting = Reminder.objects.filter(mailed_at=None, created_at__range=span).exclude(
        invoice__customer_email=""
    )
    found = list(waiting.values_list("pk", flat=True))
    for pk in found:
        deliver_reminder.delay(pk)
    return len(found)


def reminding(reminder: Reminder, pdf: bytes) -> EmailMessage:
    """The mail that reminds of an invoice, in the customer's language."""
    invoice = reminder.invoice
    with translation.override(invoice.language):
        context = {"invoice": invoice, "reminder": reminder}
        subject = " ".join(render_to_string("mail/reminder_subject.txt", context).split())
        body = render_to_string("mail/reminder.txt", context)
    return _mail(invoice, subject, body, pdf)


@shared_task
def let_limits_grow() -> int:
    """Raise the monthly limits of accounts that were active last month, and forget what no limit asks for any more."""
    now = timezone.now()
    limits.forget_old(now=now)
    return limits.grow(now=now)


@shared_task
def charge_fees() -> int:
    """Charge the fees that have become due, each day of each account once; how many charges there were."""
    return fees.charge_due(now=timezone.now())


@shared_task
def expire_balances() -> int:
    """Take what is left of prepaid balances that hold no longer; how many had anything left."""
    return topups.expire(now=timezone.now())
