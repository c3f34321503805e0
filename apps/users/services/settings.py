"""Settings that an account has for itself and everybody below it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.config.registry import SETTINGS, BadValue, Definition
from apps.users.models import Account, AccountSetting
from apps.users.services.locks import ADDRESSES, lock
from apps.users.services.reach import refuse_taken_addresses


@transaction.atomic
def set_own(*, account: Account, key: str, value: Any) -> AccountSetting:
    """Give the account a value of its own, as text or typed. Raises ValidationError."""
    definition = _definition(key)
    try:
        parsed = definition.parse(definition.write(value))
    except BadValue as error:
        raise ValidationError({"value": str(error)}) from error
    if key == "needauth" and parsed == "open" and config.get("enforcestrongauth"):
        raise ValidationError(
            {"value": _("An open relay is refused as long as the setting enforcestrongauth is on.")}
        )
    own = AccountSetting.objects.filter(account=account, key=key).first()
    own = own or AccountSetting(account=account, key=key)
    own.value = definition.write(parsed)
    own.full_clean()
    own.save()
    _check_addresses(account, key)
    return own


@transaction.atomic
def clear_own(*, account: Account, key: str) -> None:
    """Back to what holds above the account. Raises ValidationError for a setting that there is not."""
    _definition(key)
    AccountSetting.objects.filter(account=account, key=key).delete()
    _check_addresses(account, key)


def _check_addresses(account: Account, key: str) -> None:
    """What told two trunks behind one address apart may be given up only when something else does (guide 3225)."""
    if key == "needauth":
        lock(ADDRESSES)
        try:
            refuse_taken_addresses(account, account.addresses.values_list("network", "port"))
        except ValidationError as error:
            raise ValidationError({"value": error.messages}) from error


def _definition(key: str) -> Definition:
    definition = SETTINGS.get(key)
    if definition is None or not definition.account:
        raise ValidationError({"key": _("There is no setting %(key)s for accounts.") % {"key": key}})
    return definition
