"""Header rules and hangup causes: what can be stored, and what the switch gets of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.signalling import services, snapshot
from apps.signalling.causes import BUILT_IN, CAUSES
from apps.signalling.models import HangupCause, HeaderRule
from apps.signalling.queries import texts
from switch.call import causes as switch_causes
from switch.call.headers import header_rule
from switch.world.parts import parts_of
from tests import make
from tests.switch.worlds import Office

pytestmark = pytest.mark.django_db

ADD = {"action": "add", "header": "X-A", "value": "1"}


def test_a_rule_is_made_changed_and_removed() -> None:
    rule = services.create_header_rule(**ADD)
    services.change_header_rule(rule=rule, value="2", enabled=False)
    assert (rule.value, rule.enabled) == ("2", False)
    services.remove_header_rule(rule=rule)
    assert not HeaderRule.objects.exists()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"action": "add", "header": "X-A"}, "value"),
        ({"action": "drop"}, "header"),
        ({"action": "drop", "header": "Via"}, "header"),
        ({"action": "set", "header": "call-id", "value": "x"}, "header"),
        ({"action": "drop", "header": "*"}, "header"),
        ({"action": "drop", "header": "From"}, "header"),
        ({"action": "set", "header": "X-*", "value": "x"}, "header"),
        ({"action": "add", "header": "X A", "value": "x"}, "header"),
        ({"action": "add", "header": "X-A", "value": "a\r\nB: c"}, "value"),
        ({"action": "rewrite", "header": "X-A", "pattern": "(", "value": "x"}, "pattern"),
        ({"action": "rewrite", "header": "X-A", "pattern": "", "value": "x"}, "pattern"),
        ({"action": "rewrite", "header": "X-A", "pattern": "a{1000}{1000}", "value": "x"}, "pattern"),
        ({"action": "rewrite", "header": "X-A", "pattern": "(?=a)", "value": "x"}, "pattern"),
        ({"action": "rewrite", "header": "X-A", "pattern": "a", "value": "\\1"}, "value"),
        ({"action": "raw"}, "pattern"),
        ({"action": "burn", "header": "X-A"}, "action"),
        ({**ADD, "method": "invite"}, "method"),
    ],
)
def test_a_rule_that_could_not_be_applied_is_refused(fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        services.create_header_rule(**fields)
    assert wrong in refused.value.message_dict
    assert not HeaderRule.objects.exists()


def test_text_is_replaced_for_everybody_only() -> None:
    with pytest.raises(ValidationError) as refused:
        services.create_header_rule(action="raw", pattern="a", account=make.carrier())
    assert "account" in refused.value.message_dict


@pytest.mark.parametrize(
    "fields", [ADD, {"action": "rewrite", "header": "From", "pattern": r"sip:0(\d+)@", "value": r"sip:36\1@"}]
)
def test_what_the_office_stores_the_switch_can_use(fields: dict[str, Any], tmp_path: Path) -> None:
    carrier = make.carrier()
    services.create_header_rule(**fields, account=carrier)
    services.create_header_rule(**fields, enabled=False)
    cause = make.cause("no_route")
    services.change_cause(cause=cause, sip_status=503, q850=34)
    office = Office()
    office._last = carrier.pk - 1
    office.carrier("it", None)
    office.rows["header_rules"] = [list(row) for row in snapshot.header_rules()]
    office.rows["causes"] = [list(row) for row in snapshot.causes()]
    world = office.world(tmp_path)
    account = world.account(carrier.pk)
    assert account is not None and world.header_rules(account) is not None
    assert world.wire is None
    assert world.cause(switch_causes.NO_ROUTE)[:3] == ("no_route", 503, 34)


def test_a_change_of_either_table_is_told_to_the_switch() -> None:
    assert parts_of(["signalling"]) == {"signalling"}
    rows = list(HeaderRule.objects.values_list())
    assert rows == [] and header_rule((None, "out", "any", "", "add", "X-A", "", "1", "")) is not None


@pytest.mark.req("cdr-012", "cdr-062")
def test_every_cause_has_its_status_q850_cause_and_text() -> None:
    known = {one.name: one for one in vars(switch_causes).values() if isinstance(one, switch_causes.Cause)}
    stored = {one.name: one for one in HangupCause.objects.all()}
    assert stored.keys() == BUILT_IN
    for name, status, q850, text in CAUSES:
        assert (stored[name].sip_status, stored[name].q850, stored[name].text) == (status, q850, text)
        assert known[name] == (name, status, q850, text)
    assert texts()["no_money"] == "The balance does not pay for the call"


def test_a_cause_keeps_its_name_and_the_switchs_own_cannot_go() -> None:
    cause = make.cause("no_route")
    with pytest.raises(ValidationError):
        services.change_cause(cause=cause, name="nowhere")
    with pytest.raises(ValidationError):
        services.remove_cause(cause=cause)
    made = services.create_cause(name="sip_486", sip_status=480, q850=17, text="Busy")
    services.remove_cause(cause=made)
    assert not HangupCause.objects.filter(name="sip_486").exists()


@pytest.mark.parametrize(
    "fields",
    [{"sip_status": 300}, {"sip_status": 700}, {"q850": 0}, {"q850": 128}, {"text": 'a"b'}, {"text": "a\nb"}],
)
def test_a_cause_that_no_message_could_tell_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        services.change_cause(cause=make.cause("no_route"), **fields)
