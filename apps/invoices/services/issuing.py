"""Issuing invoices and credit notes: numbered without gaps, complete, and never changed afterwards."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.core.values.money import currency_digits
from apps.invoices import calls, corrections
from apps.invoices.engine import rounded, totals
from apps.invoices.models import DocumentType, FeeCharge, Invoice, InvoiceLine, NumberSeries
from apps.invoices.services import fees
from apps.invoices.services.pdf import render
from apps.pricing.engine.price_lists import INBOUND, SMS
from apps.pricing.queries import document_digits, to_pay
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import ancestors, setting_of

__all__ = ["CannotIssue", "credit", "issue", "issuer_of", "render"]

logger = logging.getLogger(__name__)
UNIT = Decimal("0.000001")  # what an AmountField holds
_ABBREVIATIONS = {DocumentType.INVOICE: "INV", DocumentType.CREDIT_NOTE: "CN"}
_NOT_BILLED = (Kind.EXTENSION, Kind.CARRIER, Kind.ADMIN, Kind.SUPPORT, Kind.SALES)


class CannotIssue(Exception):
    """The document cannot be issued; the message says why and what to do."""


class NothingToInvoice(CannotIssue):
    """The account made no billed calls in the period, and owes no fee."""


@transaction.atomic
def issue(
    *, account: Account, period_start: datetime, period_end: datetime, by: Account | None = None
) -> Invoice:
    """Invoice the calls that an account, with the extensions billed to it, began in a half-open period, and its fees.

    1. The account is locked, so that two people cannot invoice the same period at once, nor a re-rating begin to change it.
    2. Calls are summed exactly by destination and VAT rate, with those of periods invoiced before that were
       recorded too late for it; each line is rounded once to the currency's digits. What re-rating changed of calls
       that were invoiced before follows as corrections; where they make the document negative, they are a credit note.
       Fees that were charged before its end and stand on no invoice follow, a line each; what calls took back of them
       is treated as a correction.
    3. VAT is the base of each rate times the rate, rounded half up; totals are the sums of what is shown.
    4. The number is the next of issuer, type and year; its row stays locked until all of this is committed.
    5. After the commit a job renders the PDF and mails it.

    Raises CannotIssue: empty, overlapping or unfinished period, no calls and no fees, no issuer, prices half changed.
    """
    account = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    now = timezone.now()
    _check(account, period_start, period_end, now)
    if run := corrections.half_changed(period_start, period_end):
        raise CannotIssue(
            _("Prices of this time are being changed by re-rating %(run)s; try again when it is applied.")
            % {"run": run.pk}
        )
    by_group = setting_of(account, "invoicegrouping") == "price_group"
    sums = calls.sums(account, period_start, period_end, now, by_group=by_group)
    charges = fees.waiting(account, period_end)
    fixes = corrections.open_corrections(account)
    if not sums and not fixes and not charges:
        raise NothingToInvoice(
            _("%(account)s has no billed calls and no fees in this period.") % {"account": account.username}
        )
    if foreign := {*(each.currency for each in sums), *(each.currency for each in fixes)} - {
        account.currency
    }:
        raise CannotIssue(
            _("Calls were priced in %(foreign)s, but the account is kept in %(currency)s.")
            % {"foreign": ", ".join(sorted(foreign)), "currency": account.currency}
        )
    owed, back = [one for one in charges if one.net > 0], [one for one in charges if one.net < 0]
    lines = [*_lines(sums, account, by_group), *_fee_lines(owed, account)]
    fixed = [*_correction_lines(fixes, account), *_fee_lines(back, account)]
    digits = document_digits(account.currency)
    apart = totals([(line.net, line.vat_rate) for line in [*lines, *fixed]], digits).gross < 0
    issuer, issued = issuer_of(account), []
    for kind, content in (
        (DocumentType.INVOICE, lines if apart else [*lines, *fixed]),
        (DocumentType.CREDIT_NOTE, fixed if apart else []),
    ):
        if content:
            document = _document(account, issuer, period_start, period_end, kind)
            document.issued_at = now
            issued.append(_store(document, content, by))
    if fixes:
        corrections.settle(account, issued[-1])
    fees.put_on(invoice=issued[0], charges=owed)
    fees.put_on(invoice=issued[-1], charges=back)
    return issued[0]


@transaction.atomic
def credit(*, invoice: Invoice, by: Account | None = None) -> Invoice:
    """Take an invoice back by a credit note of the opposite amounts that refers to it (2006/112/EC art. 219).

    Its calls can then be invoiced again; what credit notes have corrected of them is taken back too. Raises CannotIssue
    for a credit note, when it has been done, or while a later invoice corrects calls of this one.
    """
    Account.objects.select_for_update(no_key=True).get(pk=invoice.account_id)
    if invoice.document_type != DocumentType.INVOICE:
        raise CannotIssue(_("A credit note is not taken back; issue the invoice again."))
    if invoice.corrections.exists():
        raise CannotIssue(_("%(number)s has been taken back already.") % {"number": invoice.number})
    later = corrections.correcting_invoice(invoice)
    if later is not None:
        raise CannotIssue(
            _("%(later)s corrects calls of %(number)s: take that one back first.")
            % {"later": later.number, "number": invoice.number}
        )
    copied = {
        field.attname: getattr(invoice, field.attname)
        for field in Invoice._meta.concrete_fields
        if field.name not in ("id", "number", "year", "sequence", "pdf", "mailed_at", "issued_at", "due_on")
    }
    note = Invoice(**copied | {"document_type": DocumentType.CREDIT_NOTE, "refers_to_id": invoice.pk})
    lines = [
        InvoiceLine(
            text=line.text,
            calls=line.calls,
            seconds=line.seconds,
            unit_price=-line.unit_price,
            net=-line.net,
            vat_rate=line.vat_rate,
        )
        for line in invoice.lines.all()
    ]
    fees.take_off(invoice=invoice)
    undone = _correction_lines(corrections.corrected_by_notes(invoice), invoice.account, sign=-1)
    return _store(note, [*lines, *undone], by, opposite=not undone)


def issuer_of(account: Account) -> Account:
    """Who invoices an account: the nearest reseller or owner above it, else the company. Raises CannotIssue."""
    for above in ancestors(account):
        if above.kind in (Kind.RESELLER, Kind.OWNER):
            return above
    name = str(config.get("company_account"))
    company = Account.objects.filter(username=name, kind=Kind.OWNER).first()
    if company is None:
        raise CannotIssue(
            _("There is no owner account %(name)r; set company_account to one.") % {"name": name}
        )
    if company.pk == account.pk:
        raise CannotIssue(_("The company does not invoice itself."))
    return company


def _check(account: Account, start: datetime, end: datetime, now: datetime) -> None:
    if account.kind in _NOT_BILLED:
        raise CannotIssue(_("An account of this kind is not invoiced."))
    if timezone.is_naive(start) or timezone.is_naive(end) or start >= end:
        raise CannotIssue(_("The period must end after it begins, in a known time zone."))
    if end > now:
        raise CannotIssue(_("The period is not over yet: calls could still come."))
    earlier = account.invoices.filter(document_type=DocumentType.INVOICE, corrections=None)
    overlap = earlier.filter(period_start__lt=end, period_end__gt=start).first()
    if overlap is not None:
        raise CannotIssue(
            _("Part of this period is on invoice %(number)s already.") % {"number": overlap.number}
        )


def _document(
    account: Account, issuer: Account, start: datetime, end: datetime, kind: DocumentType
) -> Invoice:
    """The head of a document, with all it says copied."""
    return Invoice(
        issuer=issuer,
        account=account,
        document_type=kind,
        period_start=start,
        period_end=end,
        issuer_name=issuer.display_name or issuer.username,
        issuer_address=issuer.address,
        issuer_vat_number=issuer.vat_number,
        customer_name=account.display_name or account.username,
        customer_address=account.billing_address or account.address,
        customer_vat_number=account.vat_number,
        customer_email=account.email,
        language=account.language,
        time_zone=account.time_zone,
        currency=account.currency,
    )


def _lines(sums: Sequence[calls.Sum], account: Account, by_group: bool) -> list[InvoiceLine]:
    digits = document_digits(account.currency)
    with translation.override(account.language):
        return [
            InvoiceLine(
                text=_what(each, by_group),
                calls=each.calls,
                seconds=each.seconds,
                unit_price=(each.net * 60 / each.seconds).quantize(UNIT) if each.seconds else Decimal(0),
                net=rounded(each.net, digits),
                vat_rate=each.vat_rate,
            )
            for each in sums
        ]


def _what(each: calls.Sum, by_group: bool) -> str:
    """The text of a line: which calls or messages, and the account's surcharge that is in their price."""
    if by_group:
        texts = {SMS: _("%(group)s: messages"), INBOUND: _("%(group)s: calls received")}
        text = texts.get(each.service) or _("%(group)s: calls")
        found = text % {"group": each.label or _("Other prices")}
    else:
        texts = {SMS: _("Messages to %(destination)s"), INBOUND: _("Calls received, %(destination)s")}
        text = texts.get(each.service) or _("Calls to %(destination)s")
        found = text % {"destination": each.label or _("other destinations")}
    if not each.surcharge_ppm:
        return found
    percent = f"{Decimal(each.surcharge_ppm) / 10_000:f}"
    return found + ", " + _("with your surcharge of %(percent)s %%") % {"percent": percent}


def _fee_lines(charges: Sequence[FeeCharge], account: Account) -> list[InvoiceLine]:
    digits = document_digits(account.currency)
    with translation.override(account.language):
        return [
            InvoiceLine(
                text=(_("%(fee)s, used by calls, %(day)s") if one.is_return else "%(fee)s, %(day)s")
                % {"fee": one.fee.name, "day": one.due_on.isoformat()},
                net=rounded(one.net, digits),
                vat_rate=one.vat_rate,
            )
            for one in charges
        ]


def _correction_lines(
    fixes: Sequence[corrections.Correction], account: Account, sign: int = 1
) -> list[InvoiceLine]:
    digits = document_digits(account.currency)
    with translation.override(account.language):
        found = [
            InvoiceLine(
                text=_("Correction of %(number)s: calls to %(destination)s")
                % {"number": each.number, "destination": each.destination or _("other destinations")},
                calls=each.calls,
                net=sign * rounded(each.net, digits),
                vat_rate=each.vat_rate,
            )
            for each in fixes
        ]
    return [line for line in found if line.net]


def _store(
    invoice: Invoice, lines: list[InvoiceLine], by: Account | None, *, opposite: bool = False
) -> Invoice:
    """Number, total and write a document with its lines. `opposite`: of the amounts of the one that it refers to."""
    if invoice.digits is None and not invoice.refers_to_id:  # a note is written as its invoice is
        invoice.digits = document_digits(invoice.currency)
    digits = currency_digits(invoice.currency) if invoice.digits is None else invoice.digits
    foot = totals([(line.net, line.vat_rate) for line in lines], digits)
    invoice.net, invoice.vat, invoice.gross = foot.net, foot.vat, foot.gross
    # A note pays back what was paid, whatever the smallest coin is by now.
    invoice.rounding = -invoice.rounding if opposite else to_pay(foot.gross, invoice.currency) - foot.gross
    today = invoice.issued_at.astimezone(ZoneInfo(invoice.issuer.time_zone)).date()
    invoice.due_on = today + timedelta(days=int(setting_of(invoice.account, "invoice_due_days")))
    invoice.year = today.year
    invoice.sequence = _next_number(invoice)
    invoice.number = str(config.get("invoice_number_format")).format(
        type=_ABBREVIATIONS[DocumentType(invoice.document_type)], year=invoice.year, sequence=invoice.sequence
    )
    invoice.full_clean(exclude=["pdf"])
    invoice.save(force_insert=True)
    for position, line in enumerate(lines, 1):
        line.invoice, line.position = invoice, position
    InvoiceLine.objects.bulk_create(lines)
    logger.info(
        "%s %s issued by %s", invoice.document_type, invoice.number, by.username if by else "the system"
    )
    transaction.on_commit(partial(_deliver, invoice.pk), robust=True)
    return invoice


def _next_number(invoice: Invoice) -> int:
    """The next number of the series. A rollback gives it back, so there are no gaps."""
    key = {"issuer_id": invoice.issuer_id, "document_type": invoice.document_type, "year": invoice.year}
    NumberSeries.objects.bulk_create([NumberSeries(**key)], ignore_conflicts=True)
    series = NumberSeries.objects.select_for_update().get(**key)
    series.last += 1
    series.save(update_fields=["last"])
    return series.last


def _deliver(invoice_id: int) -> None:
    """Ask a worker; if none can be asked, the job that looks for undelivered documents finds it."""
    from apps.invoices.tasks import deliver_invoice

    deliver_invoice.delay(invoice_id)
