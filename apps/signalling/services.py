"""Making and changing header rules and hangup causes: the only writers of `apps.signalling.models`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.signalling.causes import BUILT_IN
from apps.signalling.models import HangupCause, HeaderRule

MOST_RULES = 1000
"""More would slow every message down; the guide knows a hundred of each kind."""


@transaction.atomic
def create_header_rule(**fields: Any) -> HeaderRule:
    """Make a rule. Raises ValidationError, by field."""
    if HeaderRule.objects.count() >= MOST_RULES:
        raise ValidationError(_("There are %(n)s rules already; that is the most.") % {"n": MOST_RULES})
    return _save(HeaderRule(), fields)


@transaction.atomic
def change_header_rule(*, rule: HeaderRule, **fields: Any) -> HeaderRule:
    """Raises ValidationError, by field."""
    _save(HeaderRule.objects.select_for_update().get(pk=rule.pk), fields)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def remove_header_rule(*, rule: HeaderRule) -> None:
    """Messages are left as they are again."""
    HeaderRule.objects.filter(pk=rule.pk).delete()


@transaction.atomic
def change_cause(*, cause: HangupCause, **fields: Any) -> HangupCause:
    """Another status, cause or text. The name stays: records bear it. Raises ValidationError, by field."""
    stored = HangupCause.objects.select_for_update().get(pk=cause.pk)
    if fields.get("name", stored.name) != stored.name:
        raise ValidationError({"name": _("Call records bear this name.")})
    _save(stored, fields)
    cause.refresh_from_db()
    return cause


@transaction.atomic
def create_cause(**fields: Any) -> HangupCause:
    """One for a status of the far end (`sip_480`), or for any other name that call records bear. Raises ValidationError, by field."""
    return _save(HangupCause(), fields)


@transaction.atomic
def remove_cause(*, cause: HangupCause) -> None:
    """Only what was added can be taken away."""
    if cause.name in BUILT_IN:
        raise ValidationError(_("The switch ends calls by this cause."))
    HangupCause.objects.filter(pk=cause.pk).delete()


def _save(row: Any, fields: dict[str, Any]) -> Any:
    for name, value in fields.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()
    return row
