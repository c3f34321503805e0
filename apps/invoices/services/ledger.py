"""The ledger: the only way by which the office changes a balance. Calls are charged by `settlement`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from apps.invoices.models import Balance, EntryKind, LedgerEntry, Payment

if TYPE_CHECKING:
    from apps.users.models import Account


class LedgerError(ValueError):
    """An entry that must not be written."""


@transaction.atomic
def post(
    *,
    account: Account,
    amount: Decimal,
    kind: str | EntryKind,
    currency: str = "",
    payment: Payment | None = None,
    text: str = "",
) -> LedgerEntry:
    """Write one entry and add it to the balance. `amount`: positive means that the account has more.

    Whoever posts to several accounts in one transaction does it in the order of their ids, like everybody who
    locks balances. Raises LedgerError for nothing, for a foreign currency, for a call.
    """
    if not amount:
        raise LedgerError("An entry of zero changes nothing; leave it out.")
    if currency and currency != account.currency:
        raise LedgerError(f"{account.username} is kept in {account.currency}, not in {currency}.")
    if kind == EntryKind.CALL:
        raise LedgerError("Calls are charged by the settlement of their records only.")
    lock_balance(account_id=account.pk)
    entry = LedgerEntry(
        account=account, kind=kind, amount=amount, currency=account.currency, payment=payment, text=text
    )
    entry.full_clean()
    entry.save(force_insert=True)
    Balance.objects.filter(account=account).update(amount=F("amount") + amount)
    return entry


def lock_balance(*, account_id: int) -> Balance:
    """The account's balance, made if it is not there, locked until the transaction ends."""
    Balance.objects.bulk_create([Balance(account_id=account_id)], ignore_conflicts=True)
    return Balance.objects.select_for_update().get(account_id=account_id)
