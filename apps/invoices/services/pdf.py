"""The PDF of a document: rendered once, kept in the row and as a file."""

from __future__ import annotations

import os
from copy import copy
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from apps.core.pdf import to_pdf
from apps.core.values.money import currency_digits
from apps.invoices import calls
from apps.invoices.engine import totals
from apps.invoices.models import DocumentType, Invoice
from apps.pricing.engine.price_lists import SMS
from apps.users.choices import Billing

#: Day before month and 24 hours, where a language does not say which country's habits are meant.
_LOCALES = {"en": "en_GB"}
MOST_CALLS = 500  # WeasyPrint needs 3 ms and 90 kB a row; more calls are read in the portal
_UNIT = Decimal("0.0001")


def render(invoice: Invoice) -> bytes:
    """The document as PDF. The first rendering is stored and is what everybody gets from then on."""
    if not invoice.pdf:
        stored = Invoice.objects.filter(pk=invoice.pk, pdf=None)
        stored.update(pdf=to_pdf(html(invoice)))
        invoice.refresh_from_db(fields=["pdf"])
    data = bytes(invoice.pdf or b"")
    path = pdf_path(invoice)
    if not path.exists() or path.read_bytes() != data:
        _write(path, data)
    return data


def pdf_path(invoice: Invoice) -> Path:
    """Where the file of a document lies: media/invoices/ISSUER-ID/NUMBER.pdf."""
    return Path(settings.MEDIA_ROOT) / "invoices" / str(invoice.issuer_id) / f"{invoice.number}.pdf"


def html(invoice: Invoice) -> str:
    """The page that becomes the PDF, in the customer's language."""
    with translation.override(invoice.language):
        return render_to_string("invoices/invoice.html", _context(invoice))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    half = path.with_suffix(f".{os.getpid()}.part")
    with open(half, "wb", opener=lambda name, flags: os.open(name, flags, 0o640)) as stream:
        stream.write(data)
    half.replace(path)


def digits_of(invoice: Invoice) -> int:
    """The decimals of its amounts, which were fixed when it was issued."""
    return currency_digits(invoice.currency) if invoice.digits is None else invoice.digits


class _Writer:
    """How people of the invoice's language write amounts, days and times."""

    def __init__(self, invoice: Invoice) -> None:
        try:
            self.locale = Locale.parse(_LOCALES.get(invoice.language, invoice.language.replace("-", "_")))
        except (UnknownLocaleError, ValueError):
            self.locale = Locale("en")
        self.currency, self.zone = invoice.currency, ZoneInfo(invoice.time_zone)
        self.digits = digits_of(invoice)
        self.pattern = copy(self.locale.currency_formats["standard"])
        self.pattern.frac_prec = (self.digits, self.digits)

    def money(self, amount: Any) -> str:
        return str(self.pattern.apply(amount, self.locale, currency=self.currency, currency_digits=False))

    def exact(self, amount: Any) -> str:
        digits = "0" * max(4, self.digits)
        return str(format_decimal(amount, f"#,##0.{digits}{'#' * (6 - len(digits))}", locale=self.locale))

    def day(self, moment: Any) -> str:
        return str(format_date(moment, "long", locale=self.locale))

    def local_day(self, moment: Any) -> str:
        return self.day(moment.astimezone(self.zone).date())

    def moment(self, moment: Any) -> str:
        return str(format_datetime(moment.astimezone(self.zone), "short", locale=self.locale))

    def percent(self, rate: Any) -> str:
        return str(format_decimal(rate.normalize(), "0.##", locale=self.locale)) + " %"

    @staticmethod
    def duration(seconds: int) -> str:
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _context(invoice: Invoice) -> dict[str, Any]:
    write = _Writer(invoice)
    lines = list(invoice.lines.all())
    foot = totals([(line.net, line.vat_rate) for line in lines], write.digits)
    shown = [] if invoice.document_type == DocumentType.CREDIT_NOTE else _calls(invoice)
    last_day = invoice.period_end - timedelta(microseconds=1)
    return {
        "invoice": invoice,
        "is_credit_note": invoice.document_type == DocumentType.CREDIT_NOTE,
        "paid_by_balance": invoice.account.billing == Billing.PREPAID,
        "issued_on": write.day(invoice.issued_at.astimezone(ZoneInfo(invoice.issuer.time_zone)).date()),
        "due_on": write.day(invoice.due_on),
        "first_day": write.local_day(invoice.period_start),
        "last_day": write.local_day(last_day),
        "lines": [
            {
                "text": line.text,
                "calls": line.calls or "",
                "duration": write.duration(line.seconds) if line.calls else "",
                "unit": write.exact(line.unit_price.quantize(_UNIT)) if line.seconds else "",
                "vat_rate": write.percent(line.vat_rate),
                "net": write.money(line.net),
            }
            for line in lines
        ],
        "by_rate": [
            {"rate": write.percent(each.rate), "base": write.money(each.base), "vat": write.money(each.vat)}
            for each in foot.by_rate
        ],
        "net": write.money(invoice.net),
        "vat": write.money(invoice.vat),
        "gross": write.money(invoice.gross),
        "rounding": write.money(invoice.rounding) if invoice.rounding else "",
        "to_pay": write.money(invoice.to_pay),
        "calls": [
            {
                "started": write.moment(call.started_at),
                "caller": call.caller_number or "",
                "called": call.called_number or "",
                "destination": f"{_('message')} {call.destination}"
                if call.service == SMS
                else call.destination or "",
                "duration": write.duration(call.seconds),
                "net": write.exact(call.net),
            }
            for call in shown[:MOST_CALLS]
        ],
        "more_calls": len(shown) > MOST_CALLS,
        "most_calls": MOST_CALLS,
    }


def _calls(invoice: Invoice) -> list[calls.Item]:
    return calls.items(
        invoice.account, invoice.period_start, invoice.period_end, invoice.issued_at, MOST_CALLS + 1
    )
