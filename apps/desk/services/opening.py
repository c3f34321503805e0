"""Opening an account as another one is, or as one of the usual ones: all at once, or nothing."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.desk.starts import Start
from apps.groups.models import AccountGroup
from apps.groups.services import set_groups
from apps.pricing.models import CONDITIONS, TariffAssignment
from apps.pricing.services import assign_tariff
from apps.users import services as users
from apps.users.choices import STAFF, Billing
from apps.users.models import Account, Trunk

#: What makes an account the one that it is, and so is never copied. Money, calls, phones and secrets are not either.
OWN = frozenset(
    ["display_name", "contact_name", "phone", "email", "address", "billing_address", "vat_number", "caller_number",
     "tech_prefix", "contract_number", "contract_state", "contract_comment", "description", "comment", "is_staff", "payer"]
)  # fmt: skip
COPIED = users.FIELDS - OWN
_TRUNK = ("host", "port", "transport", "strip_digits", "prefix", "max_calls", "answer_seconds", "response_seconds",
          "registers")  # fmt: skip


@transaction.atomic
def open_like(*, source: Account, username: str, by: Account, **own: Any) -> Account:
    """Open an account of the same kind in the same place, with the same settings, groups and tariffs (guide 1392, 10306).

    1. Fields are copied, but for what is the other's own: names, addresses, numbers, contract, notes. `own` is stronger.
    2. So are its own values of settings, its groups, the tariffs that hold now or later, and where a carrier's trunk is.
    3. Not copied are money, secrets, source addresses, phones, forwards: they belong to one account only.

    Who is not an administrator gives no credit and opens no staff. Raises ValidationError, by field.
    """
    check_kind(source.kind, by)
    fields: dict[str, Any] = {name: getattr(source, name) for name in COPIED}
    fields |= {"parent": source.parent, "is_active": True} | own
    made = users.open_account(username=username, kind=source.kind, added_by=by, **without_credit(fields, by))
    for key, value in source.settings.values_list("key", "value"):
        users.set_own(account=made, key=key, value=value)
    set_groups(account=made, groups=AccountGroup.objects.filter(members__account=source))
    _copy_tariffs(source, made)
    trunk = Trunk.objects.filter(account=source).first()
    if trunk is not None:
        users.set_trunk(account=made, **{name: getattr(trunk, name) for name in _TRUNK})
    return made


@transaction.atomic
def open_start(*, start: Start, username: str, by: Account, **own: Any) -> Account:
    """Open one of the usual accounts. `own` is stronger than what it begins with. Raises ValidationError, by field."""
    check_kind(start.kind, by)
    fields = without_credit(dict(start.fields) | own, by)
    made = users.open_account(username=username, kind=start.kind, added_by=by, **fields)
    for key, value in start.settings.items():
        users.set_own(account=made, key=key, value=value)
    return made


def check_kind(kind: str, by: Account) -> None:
    """Staff is opened by administrators. Raises ValidationError."""
    if kind in STAFF and not by.is_superuser:
        raise ValidationError({"kind": _("Only an administrator opens accounts for staff.")})


def without_credit(fields: dict[str, Any], by: Account) -> dict[str, Any]:
    """Who is not an administrator gives nobody credit."""
    if by.is_superuser:
        return fields
    return fields | {"billing": Billing.PREPAID, "credit_limit": 0}


def _copy_tariffs(source: Account, made: Account) -> None:
    """Those that have not ended, with their days and conditions."""
    for one in TariffAssignment.objects.filter(account=source).select_related(
        "tariff", "caller", "caller_group"
    ):
        if one.valid_until is None or one.valid_until > timezone.now():
            assign_tariff(
                account=made,
                tariff=one.tariff,
                valid_from=one.valid_from,
                valid_until=one.valid_until,
                **{name: getattr(one, name) for name in CONDITIONS},
            )
