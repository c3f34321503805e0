"""Our accounts with carriers (guide 2060-2086)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.users.choices import Kind
from apps.users.models import Account, Trunk, TrunkAccount
from apps.users.services.secrets import ha1s

FIELDS = frozenset(("priority", "username", "realm", "caller_number", "registers", "expires", "enabled"))
#: Shorter registrations would be renewed all the time, longer ones outlive a change of address by a day.
SHORTEST, LONGEST = 60, 86_400


@transaction.atomic
def open_trunk_account(
    *, carrier: Account, username: str, realm: str, password: str, **fields: Any
) -> TrunkAccount:
    """Note an account that a carrier has given us; of the password only digests are kept. Raises ValidationError."""
    if carrier.kind != Kind.CARRIER:
        raise ValidationError({"carrier": _("Only a carrier gives accounts.")})
    if Trunk.objects.filter(account=carrier, registers=True).exists():
        raise ValidationError(
            {"carrier": _("This carrier registers with us, so we do not register with it.")}
        )
    made = TrunkAccount(carrier=carrier)
    _take(made, fields | {"username": username, "realm": realm})
    return _keep(made, password)


@transaction.atomic
def change_trunk_account(
    *, account: TrunkAccount, password: str | None = None, **fields: Any
) -> TrunkAccount:
    """Change it; another user name or realm needs the password again. Raises ValidationError."""
    stored = TrunkAccount.objects.select_for_update().get(pk=account.pk)
    before = (stored.username, stored.realm)
    _take(stored, fields)
    if password is None and (stored.username, stored.realm) != before:
        raise ValidationError({"password": _("A new user name or realm needs the password again.")})
    return _keep(stored, password)


@transaction.atomic
def remove_trunk_account(*, account: TrunkAccount) -> None:
    """Forget it; a registration with it is taken back."""
    account.delete()


def _take(account: TrunkAccount, fields: dict[str, Any]) -> None:
    if unknown := set(fields) - FIELDS:
        raise TypeError(f"A trunk account has no field {', '.join(sorted(unknown))} that may be set here.")
    for name, value in fields.items():
        setattr(account, name, value)


def _keep(account: TrunkAccount, password: str | None) -> TrunkAccount:
    if password is not None:
        if not password:
            raise ValidationError({"password": _("A password is needed.")})
        account.ha1_md5, account.ha1_sha256 = ha1s(account.username, account.realm, password)
    if account.expires and not SHORTEST <= account.expires <= LONGEST:
        raise ValidationError({"expires": _("Between 60 seconds and a day, or 0.")})
    if '"' in account.realm or "\\" in account.realm:
        raise ValidationError({"realm": _("A realm has neither quotes nor backslashes.")})
    account.full_clean()
    account.save()
    return account
