"""Lists of numbers and rules as rows for the switch, in the order in which `switch.world` reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.numbers.engine.rules import Stage as Moment
from apps.numbers.engine.rules import stage_for
from apps.numbers.models import ListedNumber, NumberList, PrefixRule, RewriteRule, Stage, WhichNumber

_MOMENTS = {
    Stage.BEFORE_AUTHENTICATION: Moment.BEFORE_AUTHENTICATION,
    Stage.AFTER_AUTHENTICATION: Moment.AFTER_AUTHENTICATION,
    Stage.BEFORE_ROUTING: Moment.BEFORE_ROUTING,
    Stage.AFTER_ROUTING: Moment.AFTER_ROUTING,
}


def lists() -> Iterator[tuple[Any, ...]]:
    """(id, name, purpose, account or None)."""
    return NumberList.objects.order_by("id").values_list("id", "name", "purpose", "account_id").iterator()


def listed_numbers() -> Iterator[tuple[Any, ...]]:
    """(list, number), in order."""
    return ListedNumber.objects.order_by("list", "number").values_list("list_id", "number").iterator()


def rewrite_rules() -> Iterator[tuple[Any, ...]]:
    """(id, name, stage, caller, called, source, transport, called prefixes, caller prefixes, condition, data, check, value,
    action, found, put, target, last), by priority: what `apps.numbers.engine.rules.compiled` reads."""
    for one in RewriteRule.objects.filter(enabled=True).order_by("priority", "id").iterator():
        yield row_of(one)


def row_of(rule: RewriteRule) -> tuple[Any, ...]:
    """The row of one rule."""
    return (
        rule.pk,
        rule.name,
        int(moment_of(rule)),
        rule.caller_id,
        rule.called_id,
        rule.source,
        rule.transport,
        _listed(rule.called_prefixes),
        _listed(rule.caller_prefixes),
        rule.when,
        rule.data,
        rule.check_kind,
        rule.against,
        rule.action,
        rule.find,
        rule.put,
        rule.target,
        rule.last,
    )


def moment_of(rule: RewriteRule) -> Moment:
    """When the rule is asked: as it says, else as fits what it does."""
    fitting = stage_for(called=rule.called_id is not None, data=rule.data, target=rule.target)
    if fitting is Moment.WHO_CALLS:
        return fitting
    return _MOMENTS.get(Stage(rule.stage)) or fitting


def prefix_rules() -> Iterator[tuple[Any, ...]]:
    """Prefix rules as rows of rewrite rules, by priority."""
    for one in PrefixRule.objects.filter(enabled=True).order_by("priority", "id").iterator():
        yield prefix_row(one)


def prefix_row(rule: PrefixRule) -> tuple[Any, ...]:
    """The row of one prefix rule: a check of the beginning, and its replacement.

    An incoming number is rewritten before it is known who calls, so that what senders are known by may be in it; for one
    account, or for those of a country, as soon as it is known. An outgoing called number is the one that is sent, and nothing else changes.
    """
    coming = rule.number in {WhichNumber.CALLED_IN, WhichNumber.CALLER_IN}
    moment = Moment.AFTER_ROUTING
    if coming:
        anyone = rule.account_id is None and not rule.country
        moment = Moment.BEFORE_AUTHENTICATION if anyone else Moment.AFTER_AUTHENTICATION
    data = {WhichNumber.CALLED_IN: "called", WhichNumber.CALLED_OUT: "sent"}.get(
        WhichNumber(rule.number), "caller"
    )
    when = f"caller_country = '{rule.country}'" if rule.country else ""
    caller, called = (rule.account_id, None) if coming else (None, rule.account_id)
    return (
        -rule.pk, f"prefix {rule}", int(moment), caller, called, rule.source, rule.transport, [], [], when, data,
        "begins" if rule.rewrite_from else "any", rule.rewrite_from, "beginning", rule.rewrite_from, rule.rewrite_to, "same",
        False,
    )  # fmt: skip


def _listed(text: str) -> list[str]:
    return [one for part in text.split(",") if (one := part.strip())]
