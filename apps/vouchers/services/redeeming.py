"""Redeeming: a code becomes a payment, once, and whoever guesses is locked out."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.invoices.models import Payment
from apps.invoices.services import payments
from apps.users.models import Account
from apps.vouchers.codes import digests, read
from apps.vouchers.models import Attempts, State, Voucher
from apps.vouchers.queries import issuer_for, may_redeem


class Locked(ValidationError):
    """The account has tried too many codes; it may try again later."""


def redeem(*, account: Account, code: str) -> Payment:
    """Add a voucher's value to the account's balance. Raises PermissionDenied, Locked, ValidationError.

    1. Tries of one account come one after the other, so that many at once are counted as many.
    2. A code that is none, is another issuer's, cancelled or redeemed by somebody else gets the same answer, and counts as
       a try; after `vouchertries` within `voucherlockminutes` the account waits that long.
    3. The voucher is locked, the payment entered and tied to it: in one transaction, so once. Who redeemed a voucher
       and sends its code again gets the same payment.
    """
    if not may_redeem(account):
        raise PermissionDenied
    with transaction.atomic():
        tries = _tries(account)
        voucher = _found(account, read(code))
        if voucher is not None:
            return _pay(account, voucher)  # the count stays: an old voucher sent again must not wipe it out
        _count(tries)
    raise ValidationError({"code": _("This is no code that you can redeem.")})


def _tries(account: Account) -> Attempts:
    now = timezone.now()
    Attempts.objects.bulk_create([Attempts(account=account)], ignore_conflicts=True)
    tries = Attempts.objects.select_for_update().get(pk=account.pk)
    if tries.locked_until and tries.locked_until > now:
        raise Locked({"code": _("Too many codes were wrong. Try again later.")})
    if tries.locked_until or tries.since < now - _lock_time():
        tries.failed, tries.since, tries.locked_until = 0, now, None
    return tries


def _count(tries: Attempts) -> None:
    tries.failed += 1
    if tries.failed >= int(config.get("vouchertries")):
        tries.locked_until = timezone.now() + _lock_time()
    tries.save()


def _lock_time() -> timedelta:
    return timedelta(minutes=int(config.get("voucherlockminutes")))


def _found(account: Account, code: str) -> Voucher | None:
    """The voucher of a code, locked, if it is for this account and open, or redeemed by this account itself."""
    if not code:
        return None
    known = digests(code, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
    rows = Voucher.objects.select_for_update(of=("self",)).select_related("batch", "payment")
    voucher = rows.filter(digest__in=known).first()
    if voucher is None or voucher.batch.issuer_id != issuer_for(account):
        return None
    if voucher.state == State.CANCELLED:
        return None
    if voucher.payment is not None and voucher.payment.account_id != account.pk:
        return None
    return voucher


def _pay(account: Account, voucher: Voucher) -> Payment:
    if voucher.payment is not None:
        return voucher.payment
    batch = voucher.batch
    if batch.valid_until and batch.valid_until <= timezone.now():
        raise ValidationError(
            {"code": _("This voucher was valid until %(day)s.") % {"day": batch.valid_until.date()}}
        )
    if batch.currency != account.currency:
        raise ValidationError({"code": _("This voucher is in another currency than your account.")})
    payment = payments.enter(
        account=account,
        amount=batch.value,
        method="voucher",
        reference=_("voucher %(number)s") % {"number": voucher},
        idempotency_key=f"voucher-{voucher.pk}",
        settled=batch.paid,
    )
    voucher.state, voucher.payment, voucher.changed_at = State.REDEEMED, payment, timezone.now()
    voucher.save(update_fields=["state", "payment", "changed_at"])
    return payment
