"""The last step of the demonstration: the calls become an invoice that lies as a PDF on the disk and in a letter."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from babel.numbers import format_currency
from django.conf import settings

from apps.invoices.models import Invoice
from apps.invoices.services.issuing import CannotIssue, issue
from apps.invoices.services.pdf import pdf_path
from apps.users.models import Account
from mizu_site.demo import office
from mizu_site.demo.office import require, until
from mizu_site.demo.page import checked, fact, heading, money, table
from mizu_site.run.place import Fault

DELIVERY_SECONDS = 30


def invoice(account: Account) -> Path:
    """Issue it for everything since the last one, wait for Celery, check the file; the path of the PDF."""
    heading("Celery renders and mails the invoice")
    begin, end = office.open_period(account)
    try:
        made = issue(account=account, period_start=begin, period_end=end)
    except CannotIssue as error:
        raise Fault(f"The invoice could not be issued: {error}") from error
    fact("number", f"{made.number}, from {made.issuer_name} to {made.customer_name}")
    fact("period (UTC)", f"{begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S}")
    table(("line", "calls", "seconds", "net", "VAT %"),
          [(line.text, line.calls, line.seconds, line.net, line.vat_rate) for line in made.lines.all()])  # fmt: skip
    fact(
        "total",
        f"{money(made.net, made.currency)} + VAT {money(made.vat, made.currency)} = {money(made.gross, made.currency)}",
    )
    until(
        lambda: office.delivered(made), DELIVERY_SECONDS,
        f"Celery did not deliver invoice {made.number} within {DELIVERY_SECONDS} seconds; see ./mizu logs celery.",
    )  # fmt: skip
    path = pdf_path(made)
    _check_pdf(path, made)
    _check_letter(made)
    fact("PDF", path)
    return path


def _check_pdf(path: Path, made: Invoice) -> None:
    """The file must be a PDF, and say number and total where it can be read."""
    require(path.is_file() and path.read_bytes()[:5] == b"%PDF-", f"{path} is no PDF.")
    if not shutil.which("pdftotext"):
        checked(f"the PDF is there, {path.stat().st_size} bytes")
        return
    text = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
    ).stdout
    total = format_currency(made.gross, made.currency, locale=made.language)
    for what in (made.number, total):
        require(what in text, f"The PDF {path} does not show {what}.")
    checked(f"the PDF shows the number {made.number} and the total {total}")


def _check_letter(made: Invoice) -> None:
    """Where mail is kept as files, one of them must carry the invoice."""
    if not getattr(settings, "EMAIL_FILE_PATH", None):
        fact("mailed to", made.customer_email)
        return
    letter = office.letter_about(made)
    require(letter, f"No mail in {settings.EMAIL_FILE_PATH} carries invoice {made.number}.")
    fact("mail", f"{letter}, to {made.customer_email}")
