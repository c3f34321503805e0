"""Rules in the office: what can be stored, and what the switch gets of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.numbers import snapshot
from apps.numbers.engine.rules import Stage, compiled
from apps.numbers.models import PrefixRule, RewriteRule
from apps.numbers.services import rules as services
from apps.numbers.trial import try_number
from switch.world.parts import parts_of
from tests import make

pytestmark = pytest.mark.django_db


def test_a_rule_is_made_changed_and_removed() -> None:
    rule = services.create_rule(name="a", action="insert", put="9")
    services.change_rule(rule=rule, put="8", enabled=False)
    assert (rule.put, rule.enabled) == ("8", False)
    services.remove_rule(rule=rule)
    assert not RewriteRule.objects.exists()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"when": "SELECT 1"}, "when"),
        ({"when": "nobody = 1"}, "when"),
        ({"put": "{1 +}"}, "put"),
        ({"put": "a\nb"}, "put"),
        ({"source": "somewhere"}, "source"),
        ({"called_prefixes": "36;44"}, "called_prefixes"),
        ({"check_kind": "matches", "against": "("}, "against"),
        ({"check_kind": "matches", "against": "a{1000}{1000}"}, "against"),
        ({"check_kind": "at_least", "against": "x"}, "against"),
        ({"check_kind": "between", "against": "1"}, "against"),
        ({"action": "cut_first", "find": ""}, "find"),
        ({"action": "substitute", "find": "("}, "find"),
        ({"action": "beginning"}, "find"),
        ({"data": "source", "action": "replace", "put": "1"}, "target"),
        ({"stage": "before_routing", "target": "sent"}, "stage"),
        ({"stage": "nowhere"}, "stage"),
        ({"target": "caller_account", "stage": "before_routing"}, "stage"),
        ({"data": "caller_account", "stage": "after_routing"}, "stage"),
        ({"data": "sent", "target": "caller_account"}, "stage"),
        ({"target": "nowhere"}, "target"),
    ],
)
def test_a_rule_that_could_not_be_carried_out_is_refused(fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        services.create_rule(**{"name": "a"} | fields)
    assert wrong in refused.value.message_dict
    assert not RewriteRule.objects.exists()


def test_a_rule_cannot_ask_for_what_is_not_known_yet() -> None:
    account = make.company()
    whose = {"target": "caller_account", "action": "replace", "put": "ada"}
    for stage, field, more in (
        ("before_auth", "caller", {}),
        ("after_auth", "called", {}),
        ("auto", "called", whose),
    ):
        with pytest.raises(ValidationError) as refused:
            services.create_rule(name="a", stage=stage, **{field: account}, **more)
        assert field in refused.value.message_dict


@pytest.mark.req("dialplan-012", "dialplan-013", "dialplan-035")
@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, "rewrite_to"),
        ({"rewrite_from": "0a"}, "rewrite_from"),
        ({"rewrite_from": "0", "source": "x"}, "source"),
    ],
)
def test_a_prefix_rule_has_to_change_something(fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        services.create_prefix_rule(**fields)
    assert wrong in refused.value.message_dict or "__all__" in refused.value.message_dict
    assert not PrefixRule.objects.exists()


@pytest.mark.req("dialplan-009", "dialplan-015")
def test_the_switch_gets_rules_in_their_order_with_their_stage() -> None:
    carrier = make.carrier(parent=make.company())
    services.create_rule(name="second", priority=2, called=carrier, action="insert", put="0")
    services.create_rule(name="first", priority=1, stage="before_routing", called_prefixes="36, 44")
    services.create_rule(name="off", priority=0, enabled=False)
    found = [compiled(row) for row in snapshot.rewrite_rules()]
    assert [(one.name, one.stage) for one in found] == [
        ("first", Stage.BEFORE_ROUTING),
        ("second", Stage.AFTER_ROUTING),
    ]
    assert found[0].called_prefixes == ("36", "44") and found[1].called == carrier.pk
    assert parts_of(["numbers"]) == {"numbers"}


@pytest.mark.req("dialplan-012", "dialplan-033")
@pytest.mark.parametrize(
    ("number", "owned", "stage", "data"),
    [
        ("called_in", False, Stage.BEFORE_AUTHENTICATION, "called"),
        ("caller_in", False, Stage.BEFORE_AUTHENTICATION, "caller"),
        ("called_in", True, Stage.AFTER_AUTHENTICATION, "called"),
        ("called_out", True, Stage.AFTER_ROUTING, "sent"),
        ("caller_out", False, Stage.AFTER_ROUTING, "caller"),
    ],
)
def test_a_prefix_rule_changes_either_number_before_or_after_routing(
    number: str, owned: bool, stage: Stage, data: str
) -> None:
    account = make.company() if owned else None
    services.create_prefix_rule(number=number, account=account, rewrite_from="011", rewrite_to="")
    (found,) = [compiled(row) for row in snapshot.prefix_rules()]
    assert (found.stage, found.data) == (stage, data)
    assert (found.caller or found.called) == (account.pk if account else None)


@pytest.mark.req("users-028")
def test_a_prefix_rule_asks_for_the_country_of_who_calls_once_that_is_known() -> None:
    services.create_prefix_rule(country="hu", rewrite_from="06", rewrite_to="36")
    carrier = make.carrier()
    services.create_prefix_rule(number="called_out", account=carrier, country="DE", rewrite_to="9")
    incoming, outgoing = (compiled(row) for row in snapshot.prefix_rules())
    assert (incoming.name, incoming.stage) == ("prefix 06 → 36 (HU)", Stage.AFTER_AUTHENTICATION)
    assert (outgoing.stage, outgoing.called) == (Stage.AFTER_ROUTING, carrier.pk)
    with pytest.raises(ValidationError, match="not the two letters"):
        services.create_prefix_rule(country="QQ", rewrite_to="9")


@pytest.mark.req("users-028")
def test_the_page_that_tries_numbers_knows_the_country_of_who_calls() -> None:
    services.create_prefix_rule(country="HU", rewrite_from="06", rewrite_to="36")
    for country, changed in (("hu", True), ("DE", False), ("", False)):
        found = try_number(caller=make.subscriber(country=country), dialled="0620123")
        notes = [note for step in found.steps for note in step.notes]
        assert ("Rule prefix 06 → 36 (HU): called 0620123 → 3620123." in notes) is changed, country
