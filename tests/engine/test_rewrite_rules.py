"""Rewrite rules: conditions, data, check, action, set, in order; and what no rule may do."""

from __future__ import annotations

from typing import Any

import pytest

from apps.numbers.engine.functions import Scope
from apps.numbers.engine.lists import Lists
from apps.numbers.engine.prefixes import begins_like
from apps.numbers.engine.rules import Outcome, RuleBook, Stage, Where, clock, compiled, rewrite, stage_for

COMPANY, RESELLER, ADA, CARRIER = 1, 2, 3, 456


def rule(name: str = "r", stage: int = 2, **fields: Any) -> list[Any]:
    values = {
        "caller": None, "called": None, "source": "", "transport": "", "called_prefixes": [], "caller_prefixes": [], "when": "",
        "data": "called", "check": "any", "against": "", "action": "keep", "find": "", "put": "", "target": "same", "last": False,
    } | fields  # fmt: skip
    assert len(values) == 15, fields
    return [1, name, stage, *values.values()]


def asked(*rows: list[Any], **fields: Any) -> tuple[Outcome, dict[str, Any]]:
    lists = Lists()
    lists.take(
        "lists",
        [(1, "house", "caller", None), (2, "of_reseller", "caller", RESELLER), (3, "odd", "lookup", None)],
    )
    lists.take("listed_numbers", [(1, "3612000001"), (2, "4420"), (3, "9999"), (3, "36201234567")])
    where = Where(
        fields.pop("path", (COMPANY, RESELLER, ADA)),
        fields.pop("reached", ()),
        fields.get("source", "192.0.2.7"),
        fields.get("transport", "udp"),
    )
    call: dict[str, Any] = {
        "called": "36201234567",
        "caller": "1001",
        "own_number": "3611112222",
        "source": "192.0.2.7",
    } | fields
    rules = [compiled(row) for row in rows]
    return rewrite(rules, where, Scope(call, lists, where.caller, 7), call), call


def called(*rows: list[Any], **fields: Any) -> str:
    return str(asked(*rows, **fields)[1]["called"])


# conditions


@pytest.mark.req("dialplan-009", "dialplan-008", "dialplan-013")
@pytest.mark.parametrize(
    ("condition", "fits", "not_fits"),
    [
        ({"caller": RESELLER}, {}, {"path": (COMPANY, 9)}),
        ({"called": CARRIER}, {"reached": (CARRIER,)}, {"reached": (457,)}),
        ({"source": "192.0.2.0/24"}, {}, {"source": "198.51.100.1"}),
        ({"source": "192.0.2.7"}, {"source": "::ffff:192.0.2.7"}, {"source": "bad"}),
        ({"transport": "tls"}, {"transport": "tls"}, {}),
        ({"called_prefixes": ["44", "36"]}, {}, {"called": "4930"}),
        ({"caller_prefixes": ["10"]}, {}, {"caller": "2001"}),
        ({"when": "hour >= 8 and hour < 17"}, {"hour": 9}, {"hour": 17}),
    ],
)
def test_a_rule_takes_the_calls_that_its_conditions_fit(
    condition: dict[str, Any], fits: dict[str, Any], not_fits: dict[str, Any]
) -> None:
    row = rule(action="insert", put="9", **condition)
    before = fits.get("called", "36201234567")
    assert called(row, **fits) == f"9{before}"
    assert not called(row, **not_fits).startswith("9")


@pytest.mark.req("dialplan-009")
@pytest.mark.parametrize(
    ("check", "against", "good", "bad"),
    [
        ("is", "36", "36", "361"),
        ("is_not", "36", "361", "36"),
        ("begins", "44, 36", "361", "49"),
        ("begins_not", "44,36", "49", "361"),
        ("ends", "7", "37", "73"),
        ("contains", "20", "1201", "21"),
        ("like", "1_23%", "1923456", "123"),
        ("matches", "^36(20|30)", "36301", "3670"),
        ("at_least", "3", "123", "12"),
        ("at_most", "3", "123", "1234"),
        ("between", "100-200", "200", "201"),
        ("number", "", "36", "3a"),
        ("not_number", "", "3a", "36"),
        ("listed", "odd", "9999", "999"),
        ("not_listed", "odd", "999", "9999"),
    ],
)
def test_a_rule_checks_its_data(check: str, against: str, good: str, bad: str) -> None:
    row = rule(check=check, against=against, action="replace", put="1")
    assert called(row, called=good) == "1"
    assert called(row, called=bad) == bad


def test_a_field_can_be_checked_for_being_empty() -> None:
    row = rule(data="tech_prefix", check="empty", action="replace", put="555")
    assert asked(row)[0].set == {"tech_prefix": "555"}
    assert asked(row, tech_prefix="99")[0].set == {}


# actions


@pytest.mark.req("dialplan-009", "dialplan-001")
@pytest.mark.parametrize(
    ("action", "find", "put", "before", "after"),
    [
        ("keep", "", "", "123", "123"),
        ("replace", "", "[caller]", "123", "1001"),
        ("beginning", "06", "36", "0620", "3620"),
        ("beginning", "06", "36", "3620", "3620"),
        ("beginning", "", "00", "36", "0036"),
        ("end", "99", "1", "3699", "361"),
        ("insert", "", "+", "36", "+36"),
        ("append", "", "#", "36", "36#"),
        ("cut_first", "4", "", "522236", "36"),
        ("cut_first", "2", "36", "0620", "3620"),
        ("cut_last", "2", "", "3699", "36"),
        ("keep_first", "2", "", "3699", "36"),
        ("keep_last", "3", "", "123456", "456"),
        ("substitute", "^0([1-9])", r"36\1", "0620", "36620"),
        ("remove", "+-", "", "+36-20", "3620"),
        ("digits", "", "", "+36-20", "3620"),
    ],
)
def test_a_rule_makes_something_of_its_data(
    action: str, find: str, put: str, before: str, after: str
) -> None:
    assert called(rule(action=action, find=find, put=put), called=before) == after


@pytest.mark.req("dialplan-009", "dialplan-016")
def test_what_is_made_of_one_field_can_be_set_in_another() -> None:
    found, call = asked(rule(data="called", action="keep_first", find="2", target="caller_name"))
    assert found.set == {"caller_name": "36"} and call["called"] == "36201234567"


@pytest.mark.req("dialplan-009")
def test_the_next_rule_sees_what_the_one_before_has_set() -> None:
    first = rule("first", check="begins", against="06", action="beginning", find="06", put="36")
    second = rule("second", called_prefixes=["36"], action="insert", put="00")
    found, call = asked(first, second, called="0620")
    assert call["called"] == "003620"
    assert found.steps == ["Rule first: called 0620 → 3620.", "Rule second: called 3620 → 003620."]


def test_the_last_word_and_stop_end_a_stage() -> None:
    more = rule("more", action="append", put="9")
    assert called(rule(action="append", put="1", last=True), more, called="3") == "31"
    assert called(rule(check="is", against="3", target="stop"), more, called="3") == "3"
    assert called(rule(check="is", against="4", target="stop"), more, called="3") == "39"


# refusing


@pytest.mark.req("dialplan-042")
def test_a_rule_can_refuse_the_call_and_name_a_recording() -> None:
    found, _ = asked(
        rule("spam", data="caller", check="is", against="666", target="reject", put="sorry"), caller="666"
    )
    assert found.verdict == ("spam", "sorry")
    assert found.steps == ["Rule spam refuses the call and plays sorry."]
    assert asked(rule("spam", data="caller", check="is", against="666", target="reject"))[0].verdict is None


# the printed examples


@pytest.mark.req("dialplan-019")
@pytest.mark.parametrize(
    ("reached", "number", "wanted"),
    [
        (456, "1923456", None),
        (456, "2923456", "2923456"),
        (457, "123", "1234567"),
        (457, "bob77", "1234567"),
        (457, "36201", "36201"),
        (9, "0613456789", "3613456789"),
        (9, "061345", "061345"),
        (9, "522236", "36"),
        (9, "52", "52"),
    ],
)
def test_the_guides_dial_plan_in_rules(reached: int, number: str, wanted: str | None) -> None:
    book = [
        rule("bar", 4, called=456, check="like", against="1_23%", target="reject"),
        rule(
            "desk",
            4,
            called=457,
            when="len(called) < 5 or isnumeric(called) = 0",
            action="replace",
            put="1234567",
        ),
        rule(
            "home",
            4,
            check="begins",
            against="061",
            when="len(called) > 6",
            action="replace",
            put="36{substring(called, 3, 35)}",
        ),
        rule("5222", 4, check="like", against="5222%", action="replace", put="{substring(called, 5, 35)}"),
    ]
    found, call = asked(*book, reached=(reached,), called=number)
    assert (None if found.verdict else call["called"]) == wanted


@pytest.mark.req("dialplan-014")
def test_the_pattern_of_the_roaming_example_is_what_a_number_begins_with() -> None:
    assert (
        begins_like("08301030201234567", "08X...")
        and not begins_like("0830", "08X...")
        and not begins_like("09301030", "08X...")
    )


# what no rule may do


@pytest.mark.req("dialplan-020")
@pytest.mark.parametrize(
    "fields",
    [
        {"action": "replace", "put": "{1 / 0}"},
        {"action": "replace", "put": "{pick('nowhere')}"},
        {"when": "number(caller) > 1 / 0", "action": "replace", "put": "1"},
        {"action": "replace", "put": ""},
        {"action": "replace", "put": "a b"},
        {"action": "replace", "put": "1@evil"},
        {"action": "append", "put": "1234567890123456789012345678901234567890"},
        {"action": "substitute", "find": "2", "put": r"\7"},
    ],
)
def test_a_rule_that_fails_has_no_effect_and_the_next_one_is_asked(fields: dict[str, Any]) -> None:
    found, call = asked(rule("bad", **fields), rule("good", action="insert", put="7"))
    assert call["called"] == "736201234567"
    assert found.steps[0].startswith("Rule bad has no effect: ")


@pytest.mark.req("callerid-032", "callerid-034")
@pytest.mark.parametrize(
    ("put", "allowed"),
    [
        ("234{random(10000000, 99999999)}", False),
        ("361200000{random(1, 1)}", True),
        ("{pick('house')}", True),
        ("{pick('of_reseller')}", True),
        ("{pick('odd')}", False),
        ("361111222{random(2, 2)}", True),
        ("3699", True),
        ("anonymous", True),
    ],
)
def test_a_caller_number_by_chance_has_to_be_one_that_the_caller_may_show(put: str, allowed: bool) -> None:
    found, call = asked(rule(data="caller", action="replace", put=put))
    assert (call["caller"] != "1001") is allowed, found.steps


@pytest.mark.req("callerid-034")
def test_nobody_draws_from_a_pool_of_others() -> None:
    row = rule(data="caller", action="replace", put="{pick('of_reseller')}")
    assert asked(row, path=(COMPANY, 9))[1]["caller"] == "1001"


def test_chance_cannot_be_laundered_by_another_field() -> None:
    found, call = asked(
        rule("first", data="caller_name", action="replace", put="23480{random(100000, 999999)}"),
        rule("second", data="caller_name", action="keep", target="caller"),
        rule("third", data="caller", action="replace", put="[caller_name]"),
    )
    assert call["caller"] == "1001" and len(found.steps) == 3


# stages


@pytest.mark.req("dialplan-015", "dialplan-009")
def test_rules_are_kept_by_stage_in_their_order() -> None:
    book = RuleBook([compiled(rule(str(stage), stage)) for stage in (4, 2, 4, 1)])
    assert [len(book.of(stage)) for stage in Stage] == [1, 1, 0, 2, 0]


@pytest.mark.req("dialplan-009")
@pytest.mark.parametrize(
    ("given", "stage"),
    [
        ({}, Stage.AFTER_AUTHENTICATION),
        ({"called": True}, Stage.AFTER_ROUTING),
        ({"data": "sent"}, Stage.AFTER_ROUTING),
        ({"target": "identity"}, Stage.AFTER_ROUTING),
        ({"target": "called_account"}, Stage.BEFORE_ROUTING),
    ],
)
def test_the_stage_of_a_rule_is_guessed_from_what_it_does(given: dict[str, Any], stage: Stage) -> None:
    assert stage_for(**{"called": False, "data": "called", "target": "same"} | given) is stage


def test_rules_read_the_clock_of_the_caller() -> None:
    assert clock(1_700_000_000, "Europe/Budapest") == {
        "year": 2023, "month": 11, "day": 14, "hour": 23, "minute": 13, "weekday": 2,
    }  # fmt: skip
