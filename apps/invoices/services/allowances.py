"""Giving accounts free seconds and credit for packets, and changing what was given (guide 4387-4414)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.invoices.models import Allowance, AllowanceState
from apps.users.choices import STAFF, Kind
from apps.users.models import Account

FIELDS = frozenset(("name", "kind", "included", "directions", "renew_days", "begins_at", "ends_at"))


@transaction.atomic
def give(*, account: Account, **fields: Any) -> Allowance:
    """Give an account something that its calls use before its money. Raises ValidationError."""
    if account.kind in (*STAFF, Kind.EXTENSION, Kind.CARRIER, Kind.RESELLER, Kind.OWNER):
        raise ValidationError(
            {"account": _("Allowances are for accounts that pay the retail price of calls.")}
        )
    made = _keep(Allowance(account=account), fields)
    AllowanceState.objects.create(allowance=made, left=made.included, renews_at=_renewal(made))
    return made


@transaction.atomic
def change(*, allowance: Allowance, **fields: Any) -> Allowance:
    """Change it. What is left changes by as much as what is included, and is new as often as it says from now on."""
    stored = Allowance.objects.get(pk=allowance.pk)
    before = stored.included
    state = AllowanceState.objects.select_for_update().get(allowance=stored)
    stored = _keep(stored, fields)
    state.left = max(state.left + stored.included - before, type(state.left)(0))
    if fields.keys() & {"renew_days", "begins_at"}:
        state.renews_at = _renewal(stored)
    state.save()
    return stored


def _keep(allowance: Allowance, fields: dict[str, Any]) -> Allowance:
    if unknown := fields.keys() - FIELDS:
        raise TypeError(f"An allowance has no {', '.join(sorted(unknown))}.")
    for name, value in fields.items():
        setattr(allowance, name, value)
    if any(not (one.isascii() and one.isdigit()) for one in allowance.prefixes):
        raise ValidationError(
            {"directions": _("Beginnings of numbers are digits, with commas between them.")}
        )
    if allowance.ends_at is not None and allowance.ends_at <= allowance.begins_at:
        raise ValidationError({"ends_at": _("It would be over before it begins.")})
    allowance.full_clean()
    allowance.save()
    return allowance


def _renewal(allowance: Allowance) -> datetime | None:
    """When it is new for the first time; the database goes on from there (`invoices_take_allowances`)."""
    days = allowance.renew_days
    return allowance.begins_at + timedelta(days=days) if days else None
