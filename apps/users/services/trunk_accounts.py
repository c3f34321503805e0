"""Our accounts with carriers (guide 2060-2086)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.users.choices import Kind
from apps.users.models import Account, Trunk, TrunkAccount, TrunkAccountUse
from apps.users.services.secrets import ha1s

FIELDS = frozenset(
    ("priority", "username", "realm", "caller_number", "registers", "expires", "credit", "enabled")
)
#: Shorter registrations would be renewed all the time, longer ones outlive a change of address by a day.
SHORTEST, LONGEST = 60, 86_400

_NOTE_USES = (
    "INSERT INTO users_trunkaccountuse (account_id, spent, calls, last_used)"
    " SELECT a.id, u.micros * 0.000001, u.calls, to_timestamp(u.last)"
    " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::float8[]) AS u (id, micros, calls, last)"
    " JOIN users_trunkaccount a ON a.id = u.id ORDER BY a.id"
    " ON CONFLICT (account_id) DO UPDATE SET spent = users_trunkaccountuse.spent + EXCLUDED.spent,"
    " calls = users_trunkaccountuse.calls + EXCLUDED.calls,"
    " last_used = GREATEST(users_trunkaccountuse.last_used, EXCLUDED.last_used)"
)
_FIND_EMPTY = (
    "UPDATE users_trunkaccount a SET is_empty = TRUE FROM users_trunkaccountuse u"
    " WHERE u.account_id = a.id AND a.id = ANY (%s::bigint[]) AND NOT a.is_empty AND u.spent >= a.credit"
)


@dataclass(slots=True)
class Use:
    """What a batch of calls used of an account. `last`: epoch seconds."""

    micros: int = 0
    calls: int = 0
    last: float = 0.0


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


def note_uses(*, uses: Mapping[int, Use]) -> None:
    """Calls were settled that used these accounts: one statement for all; who has nothing left is used no more.

    An account that is gone meanwhile is passed over. Part of the settlement's transaction.
    """
    ids = sorted(uses)
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE_USES,
            [ids, *([getattr(uses[one], name) for one in ids] for name in ("micros", "calls", "last"))],
        )
        cursor.execute(_FIND_EMPTY, [ids])


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
    spent = TrunkAccountUse.objects.filter(account=account.pk).values_list("spent", flat=True).first() or 0
    account.is_empty = account.credit is not None and spent >= account.credit
    account.full_clean()
    account.save()
    return account
