"""Accounts that a reseller opens and changes. Numbers, addresses and trunks are the office's to give."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.invoices.services import payments
from apps.resellers.queries import OPENED, features_of, looked_after, rights_of
from apps.resellers.rights import Rights
from apps.users import services as users
from apps.users.choices import Billing, Kind
from apps.users.models import Account
from apps.users.queries import setting_of

#: What a reseller may say of an account; the rest is the office's.
FIELDS = frozenset(("display_name", "email", "address", "vat_number", "country", "language", "time_zone", "is_active",
                    "vat_rate", "max_calls", "max_call_seconds", "billing", "credit_limit"))  # fmt: skip


@transaction.atomic
def open_below(
    *, by: Account, kind: str, username: str, password: str = "", sip_password: str = "", credit: Decimal | None = None,
    **fields: Any,
) -> Account:  # fmt: skip
    """Open an account directly below a reseller, in its currency. Raises PermissionDenied, ValidationError by field.

    `credit`: what it begins with; None: the setting `defaultcredit`. Without `password` nobody logs in to it.
    """
    rights = rights_of(by)
    if kind not in OPENED or not rights.accounts or (kind == Kind.RESELLER and not rights.resellers):
        raise PermissionDenied
    _check_fields(fields, rights, by)
    account = users.open_account(
        username=username,
        kind=kind,
        parent=by,
        password=password or None,
        sip_password=sip_password or None,
        currency=by.currency,
        **{"language": by.language, "time_zone": by.time_zone, "country": by.country} | fields,
    )
    first = _first_credit(by, credit)
    if first:
        payments.enter(
            account=account, amount=first, method="credit", reference=_("credit to begin with"), by=by,
            idempotency_key=f"first-credit-{account.pk}",
        )  # fmt: skip
    return account


def _first_credit(by: Account, wanted: Decimal | None) -> Decimal:
    if not wanted and wanted is not None:
        return Decimal(0)
    if wanted is None:
        return Decimal(str(setting_of(by, "defaultcredit")) or "0")
    if not features_of(by)["feature_creditfornewusers"]:
        raise ValidationError({"credit": _("You cannot give new accounts credit of your own choice.")})
    if wanted < 0:
        raise ValidationError({"credit": _("Nobody begins with a debt.")})
    return wanted


@transaction.atomic
def change_below(
    *, by: Account, account: Account, password: str = "", sip_password: str = "", **fields: Any
) -> Account:
    """Change an account that the reseller looks after. Raises PermissionDenied, ValidationError by field."""
    rights = rights_of(by)
    if not looked_after(by, rights).filter(pk=account.pk).exists():
        raise PermissionDenied
    if account.kind == Kind.RESELLER and not rights.resellers:
        raise PermissionDenied
    _check_fields(
        {name: value for name, value in fields.items() if getattr(account, name) != value}, rights, by
    )
    changed = users.change_account(account=account, **fields)
    if password:
        users.set_web_password(account=changed, password=password)
    if sip_password:
        users.set_sip_password(account=changed, password=sip_password)
    return changed


def _check_fields(fields: dict[str, Any], rights: Rights, by: Account) -> None:
    if fields.keys() - FIELDS:
        raise PermissionDenied
    spends = fields.get("billing", Billing.PREPAID) != Billing.PREPAID or fields.get("credit_limit")
    if spends and not rights.postpaid:
        raise ValidationError({"billing": _("You have no right to let accounts spend below zero.")})
