"""Reads of the tree of accounts that more than one place needs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.config import queries as config
from apps.config.registry import SETTINGS, BadValue, Definition, Value
from apps.users.choices import STAFF, Kind, PhoneState
from apps.users.models import Account, AccountSetting

logger = logging.getLogger(__name__)

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
    """Who pays for an account: of an extension the subscriber above it; where that one has a payer, the payer."""
    if account.kind == Kind.EXTENSION and account.parent is not None:
        return billing_account(account.parent)
    return account.payer or account


def registered_now() -> QuerySet[Account]:
    """The enabled accounts that had a phone when that was last stored, and whose registration has not ended since."""
    return Account.objects.filter(
        is_active=True,
        phone_status__state__in=(PhoneState.REGISTERED, PhoneState.IN_CALL),
        phone_status__expires_at__gt=timezone.now(),
    )


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting as it holds for an account. `source`: the account that gave the value; None: it is everybody's."""

    definition: Definition
    value: Value
    source: Account | None

    @property
    def shown(self) -> str:
        return self.definition.write(self.value)


def settings_of(account: Account, node: str = "") -> list[Effective]:
    """Every setting that accounts may have, with the value in force and where it comes from, by key.

    The nearest wins: the account itself, those above it, the node, everybody, the default.
    """
    own = _own(account)
    above = Account.objects.in_bulk({source for _, source in own.values()})
    everybody = config.effective(node)
    return [
        Effective(one, own[key][0], above[own[key][1]])
        if key in own
        else Effective(one, everybody[key], None)
        for key, one in _of_accounts()
    ]


def setting_of(account: Account, key: str) -> Value:
    """One setting that accounts may have, as it holds for the account."""
    own = _own(account, key=key)
    return own[key][0] if own else config.get(key)


@cache
def _of_accounts() -> list[tuple[str, Definition]]:
    return sorted((key, one) for key, one in SETTINGS.items() if one.account)


def _own(account: Account, **which: str) -> dict[str, tuple[Value, int]]:
    """What the account has of its own, or the nearest above it, and who that is."""
    path = path_ids(account)
    rows = AccountSetting.objects.filter(account_id__in=path, **which).values_list(
        "account_id", "key", "value"
    )
    own: dict[str, tuple[Value, int]] = {}
    for account_id, key, text in sorted(rows, key=lambda row: path.index(row[0])):
        for value in typed_own(key, text):
            own[key] = (value, account_id)
    return own


def typed_own(key: str, text: str) -> Iterator[Value]:
    """The typed value of a row; nothing for one that was written past the services, or whose limits have changed since."""
    definition = SETTINGS.get(key)
    if definition is None or not definition.account:
        return
    try:
        yield definition.parse(text)
    except BadValue as error:
        logger.warning("an account's setting is ignored: %s", error)
