"""Opening and changing accounts, and moving them in the tree."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Substr
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.users.choices import STAFF, Kind
from apps.users.models import Account
from apps.users.opened import FOLLOWS
from apps.users.queries import path_ids
from apps.users.rights import SUPPORT
from apps.users.rules import ADDRESSED, PARENTS, REGISTERING
from apps.users.services.locks import ADDRESSES, TREE, lock
from apps.users.services.payers import check_move, check_payer
from apps.users.services.reach import refuse_taken_addresses
from apps.users.services.secrets import new_password, set_sip_password, set_web_password

#: What `open_account` and `change_account` take; secrets, paths and flags have ways of their own.
FIELDS = frozenset(
    [
        "is_staff",
        "display_name",
        "email",
        "address",
        "billing_address",
        "contact_name",
        "phone",
        "is_company",
        "contract_number",
        "contract_state",
        "contract_comment",
        "description",
        "vat_number",
        "country",
        "language",
        "time_zone",
        "is_active",
        "payer",
        "billing",
        "credit_limit",
        "currency",
        "vat_rate",
        "caller_number",
        "max_calls",
        "max_calls_offpeak",
        "calls_per_second",
        "max_call_seconds",
        "tech_prefix",
        "comment",
    ]
)
_LONGEST_PATH = 255


@transaction.atomic
def open_account(
    *,
    username: str,
    kind: str,
    password: str | None = None,
    sip_password: str | None = None,
    parent: Account | None = None,
    is_superuser: bool | None = None,
    alone: bool = False,
    added_by: Account | None = None,
    **fields: Any,
) -> Account:
    """Open an account with its balance of zero. Without `password` nobody logs in to it.

    A kind whose phones register gets a SIP credential; without `sip_password` its secret is a random one that
    nobody knows, until `set_sip_password`. `is_superuser` is true for an admin unless said otherwise; `added_by` is who
    opens it, if it is a person. `alone`: what else happens with a new account (`opened`) does not.
    Raises ValidationError, by field, for anything that may not be.
    """
    _refuse_unknown(fields)
    lock(TREE)
    account = Account(username=username, kind=kind, parent=parent, added_by=added_by, **fields)
    account.set_unusable_password()
    _set_flags(account, is_superuser)
    account.full_clean()
    _check_name(account)
    _check_place(account)
    check_payer(account, above=account.parent)
    account.save()
    account.path = _path(account)
    account.save(update_fields=["path"])
    if kind == Kind.SUPPORT:
        _join_group(account)
    # By name, because invoices stand above users in the house; the row itself belongs to every account.
    apps.get_model("invoices", "Balance").objects.create(account=account)
    if password is not None:
        set_web_password(account=account, password=password)
    if kind in REGISTERING or sip_password is not None:
        set_sip_password(
            account=account, password=sip_password if sip_password is not None else new_password()
        )
    for follows in () if alone else FOLLOWS:
        import_string(follows)(account)
    return account


@transaction.atomic
def change_account(*, account: Account, **fields: Any) -> Account:
    """Change fields, kind, user name or parent; moving takes everything below along.

    A phone's user name stays what it is until its password is set anew, because the stored digest contains it.
    The currency stays once money has moved. Raises ValidationError, by field.
    """
    _refuse_unknown(fields.keys() - {"username", "kind", "parent", "is_superuser"})
    lock(TREE)
    stored = Account.objects.select_for_update().get(pk=account.pk)
    before = (stored.parent_id, stored.kind, stored.currency, stored.tech_prefix, stored.username)
    flag = fields.pop("is_superuser", None)
    stored.is_staff = False
    for name, value in fields.items():
        setattr(stored, name, value)
    _set_flags(stored, stored.is_superuser if flag is None and stored.kind == before[1] else flag)
    stored.full_clean()
    if before[4] != stored.username:
        _check_name(stored)
    if before[:2] != (stored.parent_id, stored.kind):
        _check_place(stored)
        check_move(stored, moved=before[0] != stored.parent_id)
    check_payer(stored, above=stored.parent)
    if before[2] != stored.currency:
        _refuse_after_money_moved(stored)
    if before[3] != stored.tech_prefix:
        lock(ADDRESSES)
        refuse_taken_addresses(stored, stored.addresses.values_list("network", "port"))
    stored.save()
    if before[1] != stored.kind:
        _join_group(stored)
    if before[0] != stored.parent_id:
        _move(stored)
    account.refresh_from_db()
    return account


def _refuse_unknown(names: Any) -> None:
    if unknown := set(names) - FIELDS:
        raise TypeError(f"An account has no field {', '.join(sorted(unknown))} that may be set here.")


def _set_flags(account: Account, is_superuser: bool | None) -> None:
    """Staff flags follow the kind: the admin pages are open to staff and to nobody else."""
    if account.is_staff and account.kind not in STAFF:
        raise ValidationError({"is_staff": _("The admin is open to the kinds admin and support only.")})
    account.is_staff = account.kind in STAFF
    admin = account.kind == Kind.ADMIN
    if is_superuser and not admin:
        raise ValidationError({"kind": _("Only an admin has all rights.")})
    account.is_superuser = admin if is_superuser is None else is_superuser


def _join_group(account: Account) -> None:
    """Support staff begin with the rights of their group; who is no longer support has none of them."""
    if account.kind == Kind.SUPPORT:
        account.groups.add(Group.objects.get_or_create(name=SUPPORT)[0])
    else:
        account.groups.remove(*account.groups.filter(name=SUPPORT))


def _check_name(account: Account) -> None:
    """What stands in SIP addresses has no @ in it; people who only log in may be called by their mail address (guide 14091).

    Names that are too short are the first that are guessed (setting `minusernamelen`).
    """
    least = config.get("minusernamelen")
    if len(account.username) < least:
        raise ValidationError(
            {"username": _("A user name has at least %(least)s characters.") % {"least": least}}
        )
    if account.kind in ADDRESSED and "@" in account.username:
        raise ValidationError({"username": _("The name of an account that calls has no @ in it.")})


def _check_place(account: Account) -> None:
    """Parents and children of the right kinds, no circles, not too deep."""
    parent = account.parent
    if (parent.kind if parent else "") not in PARENTS[account.kind]:
        raise ValidationError({"parent": _wrong_parent(account, parent)})
    if account.kind == Kind.RESELLER or account.pk is not None:
        _check_levels(account)
    if account.pk is None:
        return
    if parent and f"/{account.pk}/" in parent.path:
        raise ValidationError({"parent": _("An account cannot stand below itself.")})
    for kind in account.children.values_list("kind", flat=True).order_by().distinct():
        if account.kind not in PARENTS[kind]:
            raise ValidationError(
                {"kind": _("There are accounts below this one that cannot stand below this kind.")}
            )


def _check_levels(account: Account) -> None:
    """No more resellers one below the other than the setting maxresellers lets stand (guide 2106-2110)."""
    most = int(config.get("maxresellers"))
    if not most:
        return
    above = len([one for one in path_ids(account.parent) if _is_reseller(one)]) if account.parent else 0
    here = int(account.kind == Kind.RESELLER)
    if above + here + _levels_below(account) > most:
        raise ValidationError(
            {
                "parent": _("At most %(most)d resellers may stand one below the other (maxresellers).")
                % {"most": most}
            }
        )


def _is_reseller(pk: int) -> bool:
    return Account.objects.filter(pk=pk, kind=Kind.RESELLER).exists()


def _levels_below(account: Account) -> int:
    """How many resellers stand one below the other under an account that is moved."""
    if account.pk is None:
        return 0
    stored = Account.objects.get(pk=account.pk).path
    resellers = Account.objects.filter(path__startswith=stored, kind=Kind.RESELLER).exclude(pk=account.pk)
    known = {f"/{pk}/": path for pk, path in resellers.values_list("pk", "path")}
    return max((sum(mark in path for mark in known) for path in known.values()), default=0)


def _wrong_parent(account: Account, parent: Account | None) -> str:
    above = ", ".join(str(Kind(kind).label) for kind in PARENTS[account.kind] if kind) or _("nobody")
    if parent is None:
        return _("%(kind)s needs a parent: %(above)s.") % {"kind": account.get_kind_display(), "above": above}
    return _("%(kind)s cannot stand below %(parent)s. Above it may stand: %(above)s.") % {
        "kind": account.get_kind_display(),
        "parent": parent.get_kind_display(),
        "above": above,
    }


def _refuse_after_money_moved(account: Account) -> None:
    if apps.get_model("invoices", "LedgerEntry").objects.filter(account=account).exists():
        raise ValidationError(
            {"currency": _("Money has moved in the old currency; open another account for the new one.")}
        )


def _path(account: Account) -> str:
    above = account.parent.path if account.parent else "/"
    path = f"{above}{account.pk}/"
    if len(path) > _LONGEST_PATH:
        raise ValidationError({"parent": _("The tree would be too deep.")})
    return path


def _move(account: Account) -> None:
    """Rewrite the beginning of every path below. Paths consist of digits and slashes, so LIKE has no wildcards."""
    old, new = account.path, _path(account)
    below = Account.objects.filter(path__startswith=old)
    longest = max(map(len, below.values_list("path", flat=True)))
    if longest + len(new) - len(old) > _LONGEST_PATH:
        raise ValidationError({"parent": _("The tree would be too deep.")})
    below.update(path=Concat(Value(new), Substr(F("path"), len(old) + 1)))
