"""Telling customers by e-mail which of their prices change: a letter with the changes as XLSX and PDF."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from django.core.mail import EmailMessage
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from apps.core.pdf import to_pdf
from apps.invoices.services.issuing import CannotIssue, issuer_of
from apps.pricelists.models import Change, ChangeKind, ChangeSet, Notice
from apps.pricelists.services.exports import as_xlsx, change_rows
from apps.pricing.models import Tariff, TariffAssignment, TariffKind
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import path_ids

MOST_ROWS = 500  # of the PDF: WeasyPrint needs 3 ms and 90 kB a row; all of them are in the workbook
_TOLD = (TariffKind.RETAIL, TariffKind.RESELLER)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def customers_of(tariff: Tariff) -> Iterator[Account]:
    """Who pays by a tariff, now or by an assignment to come, and has an e-mail address: itself or by what is above it."""
    if tariff.kind not in _TOLD:
        return
    valid = Q(valid_until=None) | Q(valid_until__gt=timezone.now())
    given: dict[int, set[int]] = {}
    for one in TariffAssignment.objects.filter(valid, kind=tariff.kind):
        given.setdefault(one.account_id, set()).add(one.tariff_id)
    payers = Account.objects.filter(is_active=True).exclude(email="").exclude(kind=Kind.EXTENSION)
    if tariff.kind == TariffKind.RESELLER:
        payers = payers.filter(kind=Kind.RESELLER)
    else:
        payers = payers.filter(kind__in=(Kind.SUBSCRIBER, Kind.CUSTOMER_TRUNK, Kind.AGENT))
    for one in payers.order_by("pk").iterator(2000):
        nearest = next((given[pk] for pk in reversed(path_ids(one)) if pk in given), set())
        if tariff.pk in nearest:
            yield one


def write_notices(change_set: ChangeSet) -> list[Notice]:
    """A notice for every customer of a list's tariff that has none of it yet, if anything changes."""
    if not change_set.changes.exclude(kind=ChangeKind.UNCHANGED).exists():
        return []
    notices = [
        Notice(change_set=change_set, account=one, email=one.email) for one in customers_of(change_set.tariff)
    ]
    Notice.objects.bulk_create(notices, ignore_conflicts=True, batch_size=1000)
    return list(change_set.notices.filter(mailed_at=None))


def letter(notice: Notice) -> EmailMessage:
    """The mail, in the customer's language, from whoever invoices it."""
    account, change_set = notice.account, notice.change_set
    try:
        issuer = issuer_of(account)
    except CannotIssue:
        issuer = None
    with translation.override(account.language):
        context = _context(notice, issuer)
        subject = " ".join(render_to_string("mail/prices_subject.txt", context).split())
        mail = EmailMessage(subject, render_to_string("mail/prices.txt", context), to=[notice.email])
        name = f"prices-{timezone.localdate():%Y-%m-%d}"
        mail.attach(f"{name}.xlsx", as_xlsx(change_rows(change_set), _("Prices")), _XLSX)
        mail.attach(
            f"{name}.pdf", to_pdf(render_to_string("pricelists/notice.html", context)), "application/pdf"
        )
    if issuer and issuer.email:
        mail.from_email, mail.reply_to = issuer.email, [issuer.email]
    return mail


def _context(notice: Notice, issuer: Account | None) -> dict[str, object]:
    change_set, account = notice.change_set, notice.account
    changes = Change.objects.filter(change_set=change_set).exclude(kind=ChangeKind.UNCHANGED)
    count = changes.count()
    return {
        "customer": account.display_name or account.username,
        "issuer": (issuer.display_name or issuer.username) if issuer else "",
        "tariff": change_set.tariff,
        "language": account.language,
        "zone": ZoneInfo(change_set.tariff.time_zone),
        "count": count,
        "changes": changes.order_by("destination", "prefix", "valid_from")[:MOST_ROWS],
        "more": max(0, count - MOST_ROWS),
        "first_day": changes.order_by("valid_from").values_list("valid_from", flat=True).first(),
    }
