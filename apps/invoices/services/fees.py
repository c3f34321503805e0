"""Fees: entering and ending them, charging what is due, and taking back what calls have used of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.invoices import calls
from apps.invoices.engine import vat_of
from apps.invoices.models import EntryKind, Fee, FeeCharge, Invoice
from apps.invoices.models.fees import MONTHLY, ONCE
from apps.invoices.services import ledger
from apps.pricing.queries import document_digits
from apps.users.choices import STAFF, Billing, Kind
from apps.users.models import Account

logger = logging.getLogger(__name__)
FIELDS = frozenset(("name", "net", "interval", "usable", "begins_on", "ends_on", "description"))


@transaction.atomic
def open_fee(*, account: Account, **fields: Any) -> Fee:
    """Let the account owe a fee. Raises ValidationError."""
    if account.kind in (*STAFF, Kind.EXTENSION, Kind.CARRIER):
        raise ValidationError(
            {"account": _("This account has no money of its own that a fee could be taken of.")}
        )
    return _keep(Fee(account=account), fields)


@transaction.atomic
def change_fee(*, fee: Fee, **fields: Any) -> Fee:
    """Change it from its next time on; what was charged stays. Raises ValidationError."""
    return _keep(Fee.objects.select_for_update().get(pk=fee.pk), fields)


def _keep(fee: Fee, fields: dict[str, Any]) -> Fee:
    if unknown := fields.keys() - FIELDS:
        raise TypeError(f"A fee has no {', '.join(sorted(unknown))}.")
    for name, value in fields.items():
        setattr(fee, name, value)
    fee.full_clean()
    if fee.usable and fee.interval == ONCE:
        raise ValidationError({"usable": _("A fee that is owed once has no period of calls.")})
    first = fee.charges.filter(is_return=False).order_by("due_on").first() if fee.pk else None
    if first is not None and first.due_on != fee.begins_on:
        raise ValidationError({"begins_on": _("It has begun already; end it and enter another one.")})
    fee.save()
    return fee


def charge_due(*, now: datetime) -> int:
    """Charge every fee for every time that it has become due; how many charges there were. Run again: none.

    1. Days are those of the account's zone. Each due day of a fee is charged once, whoever runs this.
    2. A prepaid account pays when it has the money: a fee that its balance does not cover waits, and those after it.
    3. Of a fee that calls count towards, their net price comes back when its period is over, up to the fee itself.
    """
    return sum(
        _charge_fee(pk, now) for pk in Fee.objects.order_by("account_id", "id").values_list("pk", flat=True)
    )


@transaction.atomic
def charge(*, fee: Fee, now: datetime) -> int:
    """Charge one fee for every time that it has become due, as `charge_due` does; how many charges there were."""
    stored = Fee.objects.select_for_update(of=("self",)).select_related("account").get(pk=fee.pk)
    return _charge_periods(stored, now.astimezone(ZoneInfo(stored.account.time_zone)).date())


def _charge_fee(pk: int, now: datetime) -> int:
    try:
        with transaction.atomic():
            fee = Fee.objects.select_for_update(of=("self",)).select_related("account").get(pk=pk)
            today = now.astimezone(ZoneInfo(fee.account.time_zone)).date()
            returned = sum(_take_back(charge, today) for charge in _over(fee, today))
            return returned + _charge_periods(fee, today)
    except Exception:
        logger.exception("fee %s could not be charged", pk)  # the others go on
        return 0


def _charge_periods(fee: Fee, today: date) -> int:
    number = 0
    done = set(fee.charges.filter(is_return=False).values_list("due_on", flat=True))
    for due, until in periods(fee, today):
        if due in done:
            continue
        if not _charge(fee, due, until, fee.net, is_return=False):
            break
        number += 1
    return number


def periods(fee: Fee, today: date) -> Iterator[tuple[date, date | None]]:
    """The days on which the fee is due up to today, each with the first day after its period; None: it has none."""
    due = fee.begins_on
    while due <= today and (fee.ends_on is None or due < fee.ends_on):
        if fee.interval == ONCE:
            yield due, None
            return
        following = (
            (due.replace(day=1) + timedelta(days=32)).replace(day=1)
            if fee.interval == MONTHLY
            else due + timedelta(days=fee.interval)
        )
        yield due, min(following, fee.ends_on) if fee.ends_on else following
        due = following


def _charge(fee: Fee, due: date, until: date | None, net: Decimal, *, is_return: bool) -> bool:
    """Write one charge and its ledger entry; False: a prepaid balance does not cover it."""
    account = fee.account
    vat = vat_of(net, account.vat_rate, document_digits(account.currency))
    gross = net + vat
    balance = ledger.lock_balance(account_id=account.pk)
    if account.billing == Billing.PREPAID and gross > 0 and balance.amount - balance.held < gross:
        return False
    entry = None
    if gross:
        entry = ledger.post(
            account=account, amount=-gross, kind=EntryKind.FEE, text=f"{fee.name} {due}"[:200]
        )
    FeeCharge.objects.create(
        fee=fee, is_return=is_return, due_on=due, until=until, net=net, vat=vat, vat_rate=account.vat_rate, entry=entry
    )  # fmt: skip
    return True


def _over(fee: Fee, today: date) -> list[FeeCharge]:
    """Charges whose period has ended a day ago, so that its last calls are settled, and which have not been counted yet."""
    if not fee.usable:
        return []
    counted = fee.charges.filter(is_return=True).values("due_on")
    return list(
        fee.charges.filter(is_return=False, until__lt=today).exclude(due_on__in=counted).order_by("due_on")
    )


def _take_back(charge: FeeCharge, today: date) -> bool:
    """Give back what calls of the period have cost, up to the fee; of nothing there is a charge of nothing."""
    assert charge.until is not None
    account = charge.fee.account
    zone = ZoneInfo(account.time_zone)
    start, end = (
        datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        for day in (charge.due_on, charge.until)
    )
    used = min(calls.net_of(account, start, end), charge.net)
    return _charge(charge.fee, charge.due_on, charge.until, -used, is_return=True)


def waiting(account: Account, before: datetime) -> list[FeeCharge]:
    """Charges that stand on no invoice yet, the oldest first."""
    return list(
        FeeCharge.objects.select_related("fee")
        .filter(fee__account=account, invoice=None, charged_at__lt=before)
        .exclude(net=0)
        .order_by("due_on", "id")
    )


def put_on(*, invoice: Invoice, charges: list[FeeCharge]) -> None:
    """The invoice has lines for these."""
    FeeCharge.objects.filter(pk__in=[one.pk for one in charges]).update(invoice=invoice)


def take_off(*, invoice: Invoice) -> None:
    """The invoice is taken back: they can be invoiced again."""
    FeeCharge.objects.filter(invoice=invoice).update(invoice=None)
