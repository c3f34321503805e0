"""Making and changing rewrite rules and prefix rules. What the switch could not carry out is refused here."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.values.countries import is_code
from apps.numbers.engine.actions import pattern_of
from apps.numbers.engine.expression import Expression, Template
from apps.numbers.engine.functions import number_of
from apps.numbers.engine.rules import SETTABLE
from apps.numbers.engine.values import WrongExpression
from apps.numbers.models import PrefixRule, RewriteRule, Stage, Target

MOST_RULES = 500
"""Of each kind: every call asks them in turn."""
_COUNTS = frozenset(("cut_first", "cut_last", "keep_first", "keep_last"))
_EARLY = frozenset((Stage.BEFORE_AUTHENTICATION, Stage.AFTER_AUTHENTICATION, Stage.BEFORE_ROUTING))


@transaction.atomic
def create_rule(**fields: Any) -> RewriteRule:
    """Make a rewrite rule. Raises ValidationError, by field."""
    _room(RewriteRule)
    return _saved(RewriteRule(), fields)


@transaction.atomic
def change_rule(*, rule: RewriteRule, **fields: Any) -> RewriteRule:
    """Raises ValidationError, by field."""
    _saved(RewriteRule.objects.select_for_update().get(pk=rule.pk), fields)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def remove_rule(*, rule: RewriteRule) -> None:
    """Calls are left as they are again."""
    RewriteRule.objects.filter(pk=rule.pk).delete()


@transaction.atomic
def create_prefix_rule(**fields: Any) -> PrefixRule:
    """Make a prefix rule. Raises ValidationError, by field."""
    _room(PrefixRule)
    return _saved(PrefixRule(), fields)


@transaction.atomic
def change_prefix_rule(*, rule: PrefixRule, **fields: Any) -> PrefixRule:
    """Raises ValidationError, by field."""
    _saved(PrefixRule.objects.select_for_update().get(pk=rule.pk), fields)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def remove_prefix_rule(*, rule: PrefixRule) -> None:
    """Numbers are left as they are again."""
    PrefixRule.objects.filter(pk=rule.pk).delete()


def _room(model: type[RewriteRule] | type[PrefixRule]) -> None:
    if model._default_manager.count() >= MOST_RULES:
        raise ValidationError(_("There are %(n)s rules already; that is the most.") % {"n": MOST_RULES})


def _saved(row: Any, fields: dict[str, Any]) -> Any:
    for name, value in fields.items():
        setattr(row, name, value)
    if isinstance(row, PrefixRule):
        row.country = row.country.upper()
    row.full_clean()
    wrong = _wrong_rule(row) if isinstance(row, RewriteRule) else _wrong_prefix_rule(row)
    if wrong:
        raise ValidationError(wrong)
    row.save()
    return row


def _wrong_prefix_rule(rule: PrefixRule) -> dict[str, str]:
    wrong = _wrong_source(rule.source)
    if rule.country and not is_code(rule.country):
        wrong["country"] = _("%(code)s is not the two letters of a country.") % {"code": rule.country}
    if not rule.rewrite_from and not rule.rewrite_to:
        wrong["rewrite_to"] = _("Nothing would be changed.")
    return wrong


def _wrong_rule(rule: RewriteRule) -> dict[str, str]:
    """What could not be carried out, by field."""
    wrong = _wrong_source(rule.source)
    for name, reader in (("when", Expression), ("put", Template)):
        text = getattr(rule, name)
        if text:
            _try(wrong, name, reader, text)
    wrong |= _wrong_check(rule) | _wrong_action(rule)
    if rule.target == Target.SAME and rule.data not in SETTABLE:
        wrong["target"] = _("This data cannot be set: say where the result goes.")
    if rule.called_id is not None and rule.stage in _EARLY:
        wrong["called"] = _("Who is called is known only for each way of the call.")
    moved = {rule.data, rule.target} >= {"caller_account", "same"} or rule.target == Target.CALLER_ACCOUNT
    if moved and rule.stage not in (Stage.AUTO, Stage.AFTER_AUTHENTICATION):
        wrong["stage"] = _("Whose call it is, is decided as soon as it is known who calls.")
    if moved and rule.called_id is not None:
        wrong["called"] = _("Who is called is known only for each way of the call.")
    if rule.caller_id is not None and rule.stage == Stage.BEFORE_AUTHENTICATION:
        wrong["caller"] = _("Who calls is not known so early.")
    late = {rule.data, rule.target} & {"sent", "identity"}
    if late and (rule.stage in _EARLY or moved):
        wrong["stage"] = _("What is sent is known only for each way of the call.")
    return wrong


def _wrong_source(source: str) -> dict[str, str]:
    try:
        if source:
            ip_network(source, strict=False)
    except ValueError:
        return {"source": _("An IP address or a network, such as 192.0.2.0/24.")}
    return {}


def _wrong_check(rule: RewriteRule) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if rule.check_kind in {"at_least", "at_most"}:
        _try(wrong, "against", number_of, rule.against)
    elif rule.check_kind == "between":
        for bound in rule.against.partition("-")[::2]:
            _try(wrong, "against", number_of, bound)
    elif rule.check_kind == "matches":
        _try(wrong, "against", pattern_of, rule.against)
    return wrong


def _wrong_action(rule: RewriteRule) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if rule.action in _COUNTS:
        _try(wrong, "find", number_of, rule.find)
    elif rule.action == "substitute":
        _try(wrong, "find", pattern_of, rule.find)
    elif rule.action == "beginning" and not (rule.find or rule.put):
        wrong["find"] = _("Which beginning?")
    return wrong


def _try(wrong: dict[str, str], name: str, reader: Any, text: str) -> None:
    try:
        reader(text)
    except WrongExpression as error:
        wrong[name] = str(error)
