"""Making and changing route rules, their targets and the figures of the best route: the only writers of `apps.routing.models`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.routing.models import PHONES, RouteRule, RouteTarget
from apps.routing.services.best_route import Tally, keep_day, remove_best_route, review, save_best_route
from apps.routing.services.minutes import Used, count_minutes
from apps.users.choices import Kind

__all__ = [
    "Tally",
    "Used",
    "add_target",
    "change_rule",
    "change_target",
    "count_minutes",
    "create_rule",
    "keep_day",
    "remove_best_route",
    "remove_rule",
    "remove_target",
    "review",
    "save_best_route",
]

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
def add_target(*, rule: RouteRule, **fields: Any) -> RouteTarget:
    """Let a rule lead to a `carrier`, a `subscriber` or a `group`. Raises ValidationError, by field."""
    return _save_target(RouteTarget(rule=rule), fields)


@transaction.atomic
def change_target(*, target: RouteTarget, **fields: Any) -> RouteTarget:
    """Raises ValidationError, by field."""
    _save_target(RouteTarget.objects.select_for_update().get(pk=target.pk), fields)
    target.refresh_from_db()
    return target


@transaction.atomic
def remove_target(*, target: RouteTarget) -> None:
    """Let a rule no longer lead there."""
    RouteTarget.objects.filter(pk=target.pk).delete()


def _set_targets(rule: RouteRule, targets: Targets) -> None:
    for target in targets:
        add_target(rule=rule, **target)


#: What a rule has many of: kept once the rule itself is.
_MANY = ("calendars", "groups")


def _save_rule(rule: RouteRule, fields: dict[str, Any]) -> RouteRule:
    for name, value in fields.items():
        if name not in _MANY:
            setattr(rule, name, _prefixes(value) if name.endswith("_prefixes") else value)
    rule.full_clean()
    rule.save()
    for name in _MANY:
        if name in fields:
            getattr(rule, name).set(fields[name])
    return rule


def _prefixes(text: str) -> str:
    """The list in one spelling: no blanks, no empty entries, no leading +."""
    return ",".join(part.strip().removeprefix("+") for part in text.split(",") if part.strip())


def _save_target(target: RouteTarget, fields: dict[str, Any]) -> RouteTarget:
    for name, value in fields.items():
        setattr(target, name, value)
    _check_target(target)
    target.full_clean()
    target.save()
    return target


#: What a rule may say of a carrier only: nothing else has lines or is chosen by price.
_OF_CARRIERS = (
    "weight", "share", "max_calls", "calls_per_second", "minutes_per_day", "minutes_per_month", "last_resort",
)  # fmt: skip


def _check_target(target: RouteTarget) -> None:
    if target.carrier is not None and target.carrier.kind != Kind.CARRIER:
        raise ValidationError({"carrier": _("Only a carrier can take calls.")})
    if target.subscriber is not None and target.subscriber.kind not in PHONES:
        raise ValidationError({"subscriber": _("Only who has phones can be called.")})
    outside = target.carrier is not None
    others = target.rule.targets.exclude(pk=target.pk)
    if others.exclude(carrier__isnull=not outside).exists():
        raise ValidationError(_("A rule leads to carriers, or to subscribers of ours."))
    if outside:
        return
    for name in _OF_CARRIERS:
        if getattr(target, name) != RouteTarget._meta.get_field(name).default:
            raise ValidationError({name: _("It holds for carriers only.")})
