"""Changing settings: parsed, checked, and told to the switch by the table's own trigger."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.config import queries
from apps.config.models import Setting
from apps.config.registry import SETTINGS, BadValue, Definition
from apps.config.registry.access import ACCOUNTS_ONLY
from apps.core.sealed import MARK, CannotUnseal, of_setting, seal, unseal


@transaction.atomic
def set_value(*, key: str, value: Any, node: str = "") -> Setting:
    """Give a setting a value, as text or typed, for every node or for one. Raises ValidationError."""
    definition = _definition(key)
    try:
        parsed = definition.parse(definition.write(value))
    except BadValue as error:
        raise ValidationError({"value": str(error)}) from error
    setting = Setting.objects.filter(key=key, node=node).first() or Setting(key=key, node=node)
    setting.value = _sealed(definition, definition.write(parsed))
    setting.full_clean()
    setting.save()
    _check_together(queries.effective(node))
    return setting


@transaction.atomic
def clear_value(*, key: str, node: str = "") -> None:
    """Back to the default, or on a node to everybody's value. Raises ValidationError."""
    _definition(key)
    Setting.objects.filter(key=key, node=node).delete()
    _check_together(queries.effective(node))


def _sealed(definition: Definition, text: str) -> str:
    """As it is stored: a secret is sealed, unless it comes sealed from this installation, as from another node's value."""
    if not definition.sealed or not text:
        return text
    if text.startswith(MARK):
        try:
            unseal(settings.SECRET_KEY, of_setting(definition.key), text)
        except CannotUnseal as error:
            raise ValidationError({"value": str(error)}) from error
        return text
    return seal(settings.SECRET_KEY, of_setting(definition.key), text)


def _definition(key: str) -> Definition:
    try:
        return SETTINGS[key]
    except KeyError:
        raise ValidationError({"key": _("There is no setting %(key)s.") % {"key": key}}) from None


def _check_together(values: dict[str, Any]) -> None:
    """Rules between settings; the transaction undoes the change that broke one."""
    if not values["upperexpiremin"] <= values["upperexpire"] <= values["upperexpiremax"]:
        raise ValidationError({"value": _("upperexpire must lie between upperexpiremin and upperexpiremax.")})
    timers = [values[f"def_{name}_sessiontimer"] for name in ("min", "mid", "max")]
    if timers != sorted(timers):
        raise ValidationError(
            {
                "value": _(
                    "def_mid_sessiontimer must lie between def_min_sessiontimer and def_max_sessiontimer."
                )
            }
        )
    if values["hold_extend_before"] >= values["hold_seconds"]:
        raise ValidationError({"value": _("hold_extend_before must be shorter than hold_seconds.")})
    if values["needauth"] in ACCOUNTS_ONLY:
        raise ValidationError(
            {
                "value": _("needauth %(mode)s can be given to single accounts only.")
                % {"mode": values["needauth"]}
            }
        )
