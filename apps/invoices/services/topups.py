"""What follows when money comes in: a bonus, a later expiry, and what an early billed reseller pays for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.invoices.models import Balance, EntryKind, Expiry, Payment
from apps.invoices.services import ledger
from apps.pricing.queries import document_digits, in_currency
from apps.users.choices import Billing, Kind
from apps.users.models import Account
from apps.users.queries import ancestors, setting_of
from apps.users.services import change_account


def payer_of_topups(account: Account) -> Account | None:
    """The reseller who pays at once for what it lets the account have; None: the nearest one is billed per call, or there is none."""
    reseller = next((one for one in ancestors(account) if one.kind == Kind.RESELLER), None)
    return reseller if reseller is not None and billed_early(reseller) else None


def billed_early(reseller: Account) -> bool:
    """Whether it pays when it gives credit, and not when its customers call (guide 7199-7223)."""
    return is_early(early=bool(setting_of(reseller, "earlypay")))


def is_early(*, early: bool) -> bool:
    """The same from the value of its setting `earlypay`: `defearlypay` says whether that counts."""
    mode = int(config.get("defearlypay"))
    return mode == 2 or (mode == 0 and early)


def charge_giver(payment: Payment, giver: Account) -> None:
    """Take a payment off the balance of who gives it (an early billed reseller, say). Raises ValidationError if that is too little.

    Balances are locked in the order of their ids, like everywhere: the giver's may be the second one.
    """
    for account_id in sorted((giver.pk, payment.account_id)):
        ledger.lock_balance(account_id=account_id)
    amount = in_currency(payment.amount, payment.currency, giver.currency, timezone.now().date())
    if amount > spendable(giver):
        raise ValidationError(
            {"amount": _("%(giver)s has not enough money to give this credit.") % {"giver": giver.username}}
        )
    ledger.post(
        account=giver,
        amount=-amount,
        kind=EntryKind.TRANSFER,
        text=_("credit for %(account)s") % {"account": payment.account.username},
    )


def spendable(account: Account) -> Decimal:
    """What an account could give away now: its balance with its credit limit, without what calls hold."""
    balance = Balance.objects.filter(account=account).first()
    limit = account.credit_limit if account.billing == Billing.POSTPAID else Decimal(0)
    return (balance.amount - balance.held if balance else Decimal(0)) + limit


def give_bonus(payment: Payment) -> None:
    """A share of the payment on top of it, rounded down; a payment that is taken back takes its bonus along."""
    account = payment.account
    percent, least = (
        Decimal(str(setting_of(account, key)) or "0") for key in ("topupbonus", "topupbonusfrom")
    )
    if not percent or abs(payment.amount) < least:
        return
    unit = Decimal(1).scaleb(-document_digits(payment.currency))
    bonus = (payment.amount * percent / 100).quantize(unit, ROUND_DOWN)
    if bonus:
        ledger.post(
            account=account,
            amount=bonus,
            kind=EntryKind.BONUS,
            text=_("bonus of %(percent)s %%") % {"percent": percent},
        )


def put_off_expiry(payment: Payment, *, elapses: bool | None) -> None:
    """A payment makes a prepaid balance hold longer: a day for each `creditelapseunit`, at most `maxcreditelapseday` days.

    `elapses`: whether the balance expires at all; None: as the setting accountcancelapse says.
    """
    account = payment.account
    wanted = bool(setting_of(account, "accountcancelapse")) if elapses is None else elapses
    if not wanted or payment.amount <= 0 or account.billing != Billing.PREPAID:
        return
    unit = Decimal(str(setting_of(account, "creditelapseunit")) or "0")
    most = int(str(setting_of(account, "maxcreditelapseday")))
    days = min(int(payment.amount / unit), most) if unit else most
    until = timezone.now() + timedelta(days=days)
    known = Expiry.objects.select_for_update().filter(account=account).first()
    if known is not None:
        until = max(until, known.balance_until)
    after = int(str(setting_of(account, "accelapseday")))
    Expiry.objects.update_or_create(
        account=account,
        defaults={"balance_until": until, "account_until": until + timedelta(days=after) if after else None},
    )


def expire(*, now: datetime) -> int:
    """Take what is left of balances that hold no longer, and disable accounts that do not; how many had anything left.

    What running calls hold is theirs; what is left of that when they have ended goes the next time.
    """
    taken = sum(_expire_balance(pk, now) for pk in _due(now, "balance_until"))
    for pk in _due(now, "account_until"):
        account = Account.objects.get(pk=pk)
        if account.is_active:
            change_account(account=account, is_active=False)
    return taken


def _due(now: datetime, name: str) -> list[int]:
    return list(Expiry.objects.filter(**{f"{name}__lte": now}).values_list("account_id", flat=True))


@transaction.atomic
def _expire_balance(pk: int, now: datetime) -> bool:
    balance = ledger.lock_balance(account_id=pk)
    left = balance.amount - balance.held
    if left <= 0 or not Expiry.objects.filter(account_id=pk, balance_until__lte=now).exists():
        return False
    account = Account.objects.get(pk=pk)
    ledger.post(account=account, amount=-left, kind=EntryKind.EXPIRY, text=_("the balance has expired"))
    return True
