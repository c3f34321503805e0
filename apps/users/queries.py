"""Reads of the tree of accounts that more than one place needs."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from apps.users.choices import STAFF, Kind
from apps.users.models import Account

#: Kinds that see what stands below them.
SEE_BELOW = (Kind.RESELLER, Kind.OWNER, Kind.SUBSCRIBER)


def visible_to(user: Account) -> QuerySet[Account]:
    """The accounts that a logged-in user may see: staff all, resellers and owners the tree below, others themselves."""
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return Account.objects.none()
    if user.is_superuser or user.kind in STAFF:
        return Account.objects.all()
    itself = Q(pk=user.pk)
    if user.kind not in SEE_BELOW or not user.path:  # an empty path would be the beginning of every other
        return Account.objects.filter(itself)
    below_it = Q(path__startswith=user.path)
    if user.kind == Kind.SUBSCRIBER:
        below_it &= Q(kind=Kind.EXTENSION)
    return Account.objects.filter(itself | below_it)


def below(account: Account) -> QuerySet[Account]:
    """Everything below an account, at any depth, without itself."""
    if not account.path:
        return Account.objects.none()  # not stored yet; an empty path would be the beginning of every other
    return Account.objects.filter(path__startswith=account.path).exclude(pk=account.pk)


def ancestors(account: Account) -> list[Account]:
    """The accounts above, nearest first."""
    ids = path_ids(account)[:-1]
    found = Account.objects.in_bulk(ids)
    return [found[pk] for pk in reversed(ids) if pk in found]


def path_ids(account: Account) -> list[int]:
    """Ids from the top of the tree down to the account itself."""
    return [int(part) for part in account.path.split("/") if part]


def billing_account(account: Account) -> Account:
    """Who pays for the calls of an account: the subscriber above an extension, else the account itself."""
    if account.kind == Kind.EXTENSION and account.parent is not None:
        return billing_account(account.parent)
    return account
