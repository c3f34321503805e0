"""Payments entered by hand."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.invoices.models import EntryKind, Payment
from apps.invoices.services import ledger
from apps.users.choices import STAFF, Kind
from apps.users.models import Account


@transaction.atomic
def enter(
    *,
    account: Account,
    amount: Decimal,
    method: str,
    reference: str = "",
    by: Account | None = None,
    idempotency_key: str | None = None,
) -> Payment:
    """Record money that came in (negative: a payment taken back) and add it to the balance.

    The same `idempotency_key` again returns the first payment and changes nothing; with other content it raises
    ValidationError, as does anything else that may not be.
    """
    if isinstance(amount, float):
        raise TypeError("Money is never a float.")
    if account.kind in (*STAFF, Kind.EXTENSION):
        raise ValidationError(
            {"account": _("This account has no money of its own; a subscriber above it pays.")}
        )
    payment = Payment(
        account=account,
        amount=Decimal(amount),
        currency=account.currency,
        method=method,
        reference=reference,
        idempotency_key=idempotency_key or None,
        entered_by=by,
    )
    if earlier := _earlier(payment):
        return earlier
    payment.full_clean(validate_unique=False)
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError:
        if earlier := _earlier(payment):  # somebody entered it between our look and our insert
            return earlier
        raise
    ledger.post(
        account=account,
        amount=payment.amount,
        kind=EntryKind.PAYMENT,
        currency=payment.currency,
        payment=payment,
        text=reference[:200],
    )
    return payment


def _earlier(payment: Payment) -> Payment | None:
    if not payment.idempotency_key:
        return None
    earlier = Payment.objects.filter(idempotency_key=payment.idempotency_key).first()
    if earlier and any(
        getattr(earlier, name) != getattr(payment, name)
        for name in ("account_id", "amount", "method", "reference")
    ):
        raise ValidationError({"idempotency_key": _("This key was used for another payment.")})
    return earlier
