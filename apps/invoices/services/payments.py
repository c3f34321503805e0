"""Payments entered by hand."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.approvals import services as approvals
from apps.approvals.models import Approval
from apps.config import queries as config
from apps.invoices.apps import PAYMENT
from apps.invoices.models import EntryKind, Payment, PaymentMethod
from apps.invoices.services import ledger, topups
from apps.pricing.errors import NotConvertible
from apps.pricing.queries import in_own_currency
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
    elapses: bool | None = None,
    agreed: bool = False,
    giver: Account | None = None,
    settled: bool = False,
) -> Payment:
    """Record money that came in (negative: a payment taken back) and add it to the balance.

    The same `idempotency_key` again returns the first payment and changes nothing; with other content it raises
    ValidationError, as does anything else that may not be. `elapses`: whether the balance expires; None: by the settings.
    A bonus may come on top, and an early billed reseller above pays for it (`topups`). With a `giver` it is credit out of
    that account's balance: the giver pays. Credit has no bonus. `settled`: whoever pays for it has paid already.

    What a person enters above the limit of four eyes is refused, unless another one has `agreed`: see `ask_for`.
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
    if by is not None and not agreed and needs_second_person(account=account, amount=payment.amount):
        raise ValidationError(
            {"amount": _("A payment of this amount waits for a second person: ask for it in the office.")}
        )
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError:
        if earlier := _earlier(payment):  # somebody entered it between our look and our insert
            return earlier
        raise
    payer = giver or (None if settled else topups.payer_of_topups(account))
    if payer is not None:
        topups.charge_giver(payment, payer)
    ledger.post(
        account=account,
        amount=payment.amount,
        kind=EntryKind.PAYMENT,
        currency=payment.currency,
        payment=payment,
        text=reference[:200],
    )
    if method != PaymentMethod.CREDIT:
        topups.give_bonus(payment)
    topups.put_off_expiry(payment, elapses=elapses)
    return payment


def needs_second_person(*, account: Account, amount: Decimal) -> bool:
    """Whether a payment entered by hand is above the limit; one that cannot be converted is, if there is a limit."""
    limit = str(config.get("approval_payment_limit"))
    if not limit:
        return False
    try:
        return in_own_currency(abs(amount), account.currency, timezone.now().date()) > Decimal(limit)
    except NotConvertible:
        return True


@transaction.atomic
def ask_for(
    *,
    account: Account,
    amount: Decimal,
    method: str,
    reference: str = "",
    by: Account,
    elapses: bool | None = None,
) -> Approval:
    """Ask another person to agree to a payment. Raises ValidationError for one that could not be entered."""
    wanted = {"amount": amount, "method": method, "reference": reference, "elapses": elapses}
    with transaction.atomic():  # a rehearsal
        enter(account=account, **wanted, by=by, agreed=True)
        transaction.set_rollback(True)
    return approvals.ask(
        kind=PAYMENT,
        title=_("Payment of %(amount)s %(currency)s by %(method)s for %(account)s %(reference)s")
        % {
            "amount": amount,
            "currency": account.currency,
            "method": method,
            "account": account,
            "reference": reference,
        },
        amount=amount,
        currency=account.currency,
        payload=wanted | {"account": account.pk, "amount": str(amount)},
        by=by,
    )


def enter_approved(approval: Approval) -> None:
    """Enter the payment that was agreed to, in the name of who asked for it; once, whatever is tried again."""
    wanted = approval.payload
    enter(
        account=Account.objects.get(pk=wanted["account"]),
        amount=Decimal(wanted["amount"]),
        method=wanted["method"],
        reference=wanted["reference"],
        elapses=wanted["elapses"],
        by=approval.asked_by,
        idempotency_key=f"approval-{approval.pk}",
        agreed=True,
    )


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
