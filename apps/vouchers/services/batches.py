"""Batches of vouchers: opened, printed once, cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.approvals import services as approvals
from apps.approvals.models import Approval
from apps.config import queries as config
from apps.invoices.models import EntryKind
from apps.invoices.services import ledger, payments, topups
from apps.users.choices import Kind
from apps.users.models import Account
from apps.vouchers.apps import VOUCHERS
from apps.vouchers.codes import digest, new_code
from apps.vouchers.models import Batch, State, Voucher
from apps.vouchers.queries import may_issue


@dataclass(frozen=True, slots=True)
class Printed:
    """A code as it is handed out, once: nobody can look it up again."""

    serial: int
    code: str


@transaction.atomic
def open_batch(
    *, by: Account, name: str, value: Decimal, count: int, valid_until: datetime | None = None, issuer: Account | None = None
) -> Batch:  # fmt: skip
    """Begin a batch. It has no codes until it is printed. Raises PermissionDenied, ValidationError by field.

    Staff opens them for the house or for a reseller, a reseller for itself. What is worth more in all than the limit of
    four eyes waits for a second person; a reseller asks the office for that.
    """
    if not by.is_staff:
        if not may_issue(by) or issuer not in (None, by):
            raise PermissionDenied
        issuer = by
    if issuer is not None and issuer.kind != Kind.RESELLER:
        raise ValidationError({"issuer": _("Only resellers have vouchers of their own.")})
    if valid_until is not None and valid_until <= timezone.now():
        raise ValidationError({"valid_until": _("This day is over.")})
    currency = issuer.currency if issuer else str(config.get("currency"))
    batch = Batch(name=name, issuer=issuer, value=value, currency=currency, count=count, valid_until=valid_until, created_by=by)  # fmt: skip
    batch.full_clean()
    waits = payments.needs_second_person(account=issuer or Account(currency=currency), amount=value * count)
    if waits and not by.is_staff:
        raise ValidationError({"count": _("Vouchers of so much in all need the consent of the office.")})
    batch.released = not waits
    batch.save()
    if waits:
        _ask(batch, by)
    return batch


def _ask(batch: Batch, by: Account) -> None:
    approvals.ask(
        kind=VOUCHERS,
        title=_("%(count)d vouchers of %(value)s %(currency)s: %(name)s")
        % {"count": batch.count, "value": batch.value, "currency": batch.currency, "name": batch.name},
        amount=batch.value * batch.count,
        currency=batch.currency,
        payload={"batch": batch.pk},
        by=by,
    )


def release_approved(approval: Approval) -> None:
    """A second person has agreed: the batch can be printed. Raises ValidationError when it was cancelled."""
    batch = Batch.objects.select_for_update().get(pk=approval.payload["batch"])
    if batch.cancelled_at:
        raise ValidationError(_("This batch was cancelled."))
    batch.released = True
    batch.save(update_fields=["released"])


def reject_batch(approval: Approval) -> None:
    """A second person has refused: the batch will never be printed."""
    Batch.objects.filter(pk=approval.payload["batch"]).update(cancelled_at=timezone.now())


@transaction.atomic
def print_codes(*, batch: Batch, by: Account) -> list[Printed]:
    """Make the codes and hand them out; only now, and only once. Raises PermissionDenied, ValidationError.

    A reseller that is billed early pays for all of them here, or gets none (guide 7259-7261).
    """
    stored = _locked(batch, by)
    if not stored.released:
        raise ValidationError(_("A second person has to agree first."))
    if stored.cancelled_at or stored.printed_at:
        raise ValidationError(
            _("The codes of this batch were handed out already, or it was cancelled; make another one.")
        )
    if stored.issuer is not None and topups.billed_early(stored.issuer):
        _charge(stored, stored.issuer)
        stored.paid = True
    codes: set[str] = set()
    while len(codes) < stored.count:
        codes.add(new_code())
    printed = [Printed(serial, code) for serial, code in enumerate(codes, 1)]
    Voucher.objects.bulk_create(
        (
            Voucher(batch=stored, serial=one.serial, digest=digest(one.code, settings.SECRET_KEY))
            for one in printed
        ),
        batch_size=5000,
    )
    stored.printed_at = timezone.now()
    stored.save(update_fields=["printed_at", "paid"])
    batch.refresh_from_db()
    return printed


def _charge(batch: Batch, reseller: Account) -> None:
    total = batch.value * batch.count
    ledger.lock_balance(account_id=reseller.pk)
    if total > topups.spendable(reseller):
        raise ValidationError(
            _("%(giver)s has not enough money for these vouchers.") % {"giver": reseller.username}
        )
    ledger.post(
        account=reseller,
        amount=-total,
        kind=EntryKind.TRANSFER,
        text=_("vouchers: %(name)s") % {"name": batch.name},
    )


@transaction.atomic
def cancel(*, batch: Batch, by: Account) -> int:
    """Make what is left of a batch worthless; how many vouchers. A reseller gets back what it paid for them."""
    stored = _locked(batch, by)
    if not stored.cancelled_at:
        stored.cancelled_at = timezone.now()
        stored.save(update_fields=["cancelled_at"])
    gone = Voucher.objects.filter(batch=stored, state=State.OPEN).update(
        state=State.CANCELLED, changed_at=timezone.now()
    )
    if gone and stored.paid and stored.issuer is not None:
        ledger.post(
            account=stored.issuer,
            amount=stored.value * gone,
            kind=EntryKind.TRANSFER,
            text=_("cancelled vouchers: %(name)s") % {"name": stored.name},
        )
    batch.refresh_from_db()
    return gone


def _locked(batch: Batch, by: Account) -> Batch:
    stored = Batch.objects.select_for_update(of=("self",)).select_related("issuer").get(pk=batch.pk)
    if not by.is_staff and (stored.issuer_id != by.pk or not may_issue(by)):
        raise PermissionDenied
    return stored
