"""Making and changing route rules and their targets: the only writers of `apps.routing.models`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.routing.models import RouteRule, RouteTarget
from apps.users.choices import Kind
from apps.users.models import Account

Targets = Sequence[Mapping[str, Any]]


@transaction.atomic
def create_rule(*, targets: Targets = (), **fields: Any) -> RouteRule:
    """Make a rule. Each of `targets` is the arguments of `add_target`; without any, the calls it takes are refused.

    Raises ValidationError, by field.
    """
    rule = _save_rule(RouteRule(), fields)
    _set_targets(rule, targets)
    return rule


@transaction.atomic
def change_rule(*, rule: RouteRule, targets: Targets | None = None, **fields: Any) -> RouteRule:
    """Change a rule; `targets`, if given, replace those it has. Raises ValidationError, by field."""
    stored = _save_rule(RouteRule.objects.select_for_update().get(pk=rule.pk), fields)
    if targets is not None:
        stored.targets.all().delete()
        _set_targets(stored, targets)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def remove_rule(*, rule: RouteRule) -> None:
    """Remove a rule with its targets."""
    RouteRule.objects.filter(pk=rule.pk).delete()


@transaction.atomic
def add_target(*, rule: RouteRule, carrier: Account, **fields: Any) -> RouteTarget:
    """Offer a carrier in a rule. Raises ValidationError, by field."""
    return _save_target(RouteTarget(rule=rule, carrier=carrier), fields)


@transaction.atomic
def change_target(*, target: RouteTarget, **fields: Any) -> RouteTarget:
    """Raises ValidationError, by field."""
    _save_target(RouteTarget.objects.select_for_update().get(pk=target.pk), fields)
    target.refresh_from_db()
    return target


@transaction.atomic
def remove_target(*, target: RouteTarget) -> None:
    """Take a carrier out of a rule."""
    RouteTarget.objects.filter(pk=target.pk).delete()


def _set_targets(rule: RouteRule, targets: Targets) -> None:
    for target in targets:
        add_target(rule=rule, **target)


def _save_rule(rule: RouteRule, fields: dict[str, Any]) -> RouteRule:
    for name, value in fields.items():
        setattr(rule, name, _prefixes(value) if name.endswith("_prefixes") else value)
    rule.full_clean()
    rule.save()
    return rule


def _prefixes(text: str) -> str:
    """The list in one spelling: no blanks, no empty entries, no leading +."""
    return ",".join(part.strip().removeprefix("+") for part in text.split(",") if part.strip())


def _save_target(target: RouteTarget, fields: dict[str, Any]) -> RouteTarget:
    for name, value in fields.items():
        setattr(target, name, value)
    if target.carrier.kind != Kind.CARRIER:
        raise ValidationError({"carrier": _("Only a carrier can take calls.")})
    target.full_clean()
    target.save()
    return target
