"""Settings that an account has for itself and everybody below it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.config.registry import SETTINGS, BadValue, Definition
from apps.users.models import Account, AccountSetting


@transaction.atomic
def set_own(*, account: Account, key: str, value: Any) -> AccountSetting:
    """Give the account a value of its own, as text or typed. Raises ValidationError."""
    definition = _definition(key)
    try:
        parsed = definition.parse(definition.write(value))
    except BadValue as error:
        raise ValidationError({"value": str(error)}) from error
    own = AccountSetting.objects.filter(account=account, key=key).first()
    own = own or AccountSetting(account=account, key=key)
    own.value = definition.write(parsed)
    own.full_clean()
    own.save()
    return own


@transaction.atomic
def clear_own(*, account: Account, key: str) -> None:
    """Back to what holds above the account. Raises ValidationError for a setting that there is not."""
    _definition(key)
    AccountSetting.objects.filter(account=account, key=key).delete()


def _definition(key: str) -> Definition:
    definition = SETTINGS.get(key)
    if definition is None or not definition.account:
        raise ValidationError({"key": _("There is no setting %(key)s for accounts.") % {"key": key}})
    return definition
