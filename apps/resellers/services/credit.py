"""Credit that a reseller enters for the accounts below it, and credit that an account passes on."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.invoices.models import Balance, Expiry, Payment
from apps.invoices.services import ledger, payments
from apps.resellers.queries import features_of, looked_after
from apps.users.choices import Billing, Kind
from apps.users.models import Account


@transaction.atomic
def give(*, by: Account, account: Account, amount: Decimal, reference: str = "", key: str) -> Payment:
    """Enter credit for an account below; negative: take it back, as far as the account has it.

    A reseller that is billed early pays for it at once; one that is billed late pays when the account calls. The same
    `key` again changes nothing. Raises PermissionDenied, ValidationError.
    """
    direct = looked_after(by).filter(
        pk=account.pk, parent=by
    )  # of those further below others pay, or are paid
    if not direct.exists() or not features_of(by)["feature_creditedit"]:
        raise PermissionDenied
    if amount < 0:
        _check_left(account, -amount)
    return payments.enter(
        account=account,
        amount=amount,
        method="credit",
        reference=reference,
        by=by,
        idempotency_key=_key(by, key),
    )


@transaction.atomic
def pass_on(*, by: Account, to: str, amount: Decimal, key: str) -> Payment:
    """Pass credit of one's own balance on: a subscriber to another one of its reseller, a reseller to an account below it.

    Credit that expires goes on expiring on its day. The same `key` again changes nothing. Raises PermissionDenied,
    ValidationError; for an account out of reach the same as for one that there is not.
    """
    if not features_of(by)["feature_transfercredit"] or by.kind not in (Kind.SUBSCRIBER, Kind.RESELLER):
        raise PermissionDenied
    if amount <= 0:
        raise ValidationError({"amount": _("What is passed on is more than nothing.")})
    account = _reachable(by).filter(username=to).first()
    if account is None:
        raise ValidationError({"to": _("There is no account of this name that you could pass credit to.")})
    if account.currency != by.currency:
        raise ValidationError({"to": _("This account is kept in another currency.")})
    payment = payments.enter(
        account=account,
        amount=amount,
        method="credit",
        reference=_("from %(giver)s") % {"giver": by.username},
        by=by,
        giver=by,
        elapses=False,
        idempotency_key=_key(by, key),
    )
    _carry_expiry(by, account)
    return payment


def _carry_expiry(giver: Account, receiver: Account) -> None:
    """Credit that would have expired does not become one that never does."""
    known = Expiry.objects.filter(account=giver).first()
    if known is not None and receiver.billing == Billing.PREPAID:
        Expiry.objects.get_or_create(account=receiver, defaults={"balance_until": known.balance_until})


def _reachable(by: Account) -> QuerySet[Account]:
    """A subscriber reaches the other subscribers of its reseller; a reseller the accounts directly below it."""
    active = Account.objects.filter(is_active=True).exclude(pk=by.pk)
    if by.kind == Kind.RESELLER:
        return active.filter(parent=by, kind__in=(Kind.SUBSCRIBER, Kind.RESELLER))
    return active.filter(parent_id=by.parent_id, kind=Kind.SUBSCRIBER) if by.parent_id else active.none()


def _check_left(account: Account, amount: Decimal) -> None:
    ledger.lock_balance(account_id=account.pk)
    balance = Balance.objects.get(account=account)
    if balance.amount - balance.held < amount:
        raise ValidationError({"amount": _("The account has not so much left.")})


def _key(by: Account, key: str) -> str:
    """Keys are the giver's own: nobody can guess at another one's."""
    if not key:
        raise ValidationError(_("A key is missing by which the same payment would be known."))
    return f"by-{by.pk}-{key}"[:128]
