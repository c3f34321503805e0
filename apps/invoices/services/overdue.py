"""Invoices that were not paid in time: which they are, reminders of them, the fee that they cost."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Sum
from django.utils import translation
from django.utils.translation import gettext as _

from apps.invoices.models import Balance, DocumentType, Invoice, LateFee, Payment, Reminder
from apps.invoices.models.fees import ONCE
from apps.invoices.services import fees
from apps.users.choices import Billing, Kind
from apps.users.models import Account
from apps.users.queries import setting_of

logger = logging.getLogger(__name__)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Open:
    """An invoice, and how much of it has not been paid."""

    invoice: Invoice
    amount: Decimal


def open_invoices(account: Account) -> list[Open]:
    """What a postpaid account has not paid of its invoices, the oldest first.

    1. Payments, and credit notes, pay the oldest invoice first; an invoice that was taken back is none.
    2. No more is open than the account owes in all: what else has come onto its balance (corrections, credit of another
       account) pays as well, the newest invoice first.
    """
    documents = Invoice.objects.filter(account=account).defer("pdf").order_by("issued_at", "id")
    invoices = documents.filter(document_type=DocumentType.INVOICE, corrections=None)
    paid = Payment.objects.filter(account=account).aggregate(sum=Sum("amount"))["sum"] or _ZERO
    notes = documents.filter(document_type=DocumentType.CREDIT_NOTE, refers_to=None)
    paid += sum((abs(one.to_pay) for one in notes), _ZERO)
    found = []
    for invoice in invoices:
        covered = min(max(paid, _ZERO), invoice.to_pay)
        paid -= invoice.to_pay
        if invoice.to_pay > covered:
            found.append(Open(invoice, invoice.to_pay - covered))
    balance = Balance.objects.filter(account=account).first()
    return _within(found, max(_ZERO, -balance.amount) if balance else _ZERO)


def _within(found: list[Open], owed: Decimal) -> list[Open]:
    kept = []
    for one in found:
        amount = min(one.amount, owed)
        owed -= amount
        if amount:
            kept.append(Open(one.invoice, amount))
    return kept


def remind(*, now: datetime) -> int:
    """Write the reminders and late fees that are due; how many. Run again: none.

    Days are those of the issuer's zone, as the day is on which an invoice is due. Of several reminders that have become due
    at once only the last is written.
    """
    accounts = Account.objects.filter(billing=Billing.POSTPAID, is_active=True).exclude(kind=Kind.EXTENSION)
    accounts = accounts.filter(invoices__isnull=False).distinct().order_by("pk")
    return sum(_remind_account(account, now) for account in accounts.iterator(chunk_size=500))


def _remind_account(account: Account, now: datetime) -> int:
    steps, least = (
        setting_of(account, "invoicereminders"),
        Decimal(str(setting_of(account, "latefee")) or "0"),
    )
    if not steps and not least:
        return 0
    assert isinstance(steps, tuple)
    try:
        with transaction.atomic():
            Account.objects.select_for_update(no_key=True).get(pk=account.pk)
            late = int(str(setting_of(account, "latefeedays")))
            number = 0
            for one in open_invoices(account):
                days = (_today(one.invoice, now) - one.invoice.due_on).days
                number += _write(one, [int(step) for step in steps if int(step) <= days])
                number += (
                    bool(least)
                    and days >= late
                    and _charge(one.invoice, account, least, _today(one.invoice, now))
                )
            return number
    except Exception:
        logger.exception("%s could not be reminded", account.username)  # the others are
        return 0


def _today(invoice: Invoice, now: datetime) -> date:
    return now.astimezone(ZoneInfo(invoice.issuer.time_zone)).date()


def _write(one: Open, due: list[int]) -> bool:
    if not due or one.invoice.reminders.filter(days__gte=max(due)).exists():
        return False
    reminder = Reminder.objects.create(invoice=one.invoice, days=max(due), amount=one.amount)
    transaction.on_commit(partial(_deliver, reminder.pk), robust=True)
    return True


def _charge(invoice: Invoice, account: Account, net: Decimal, today: date) -> bool:
    """Let the account owe the fee, once for each invoice; the job that charges fees does the rest."""
    if LateFee.objects.filter(invoice=invoice).exists():
        return False
    with translation.override(account.language):
        name = _("Late payment of %(number)s") % {"number": invoice.number}
    fee = fees.open_fee(account=account, name=name, net=net, interval=ONCE, begins_on=today)
    LateFee.objects.create(invoice=invoice, fee=fee)
    return True


def _deliver(reminder_id: int) -> None:
    """Ask a worker; if none can be asked, the job that looks for undelivered reminders finds it."""
    from apps.invoices.tasks import deliver_reminder

    deliver_reminder.delay(reminder_id)
