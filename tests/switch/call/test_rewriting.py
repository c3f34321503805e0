"""Rewrite rules in calls: at each stage, what the carrier is told, what is written down, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.call import causes
from switch.call.explain import Asked, explain
from switch.call.model import Rejection
from tests.engine.test_rewrite_rules import rule
from tests.switch.call.scenes import declined, records, settle
from tests.switch.call.test_pipeline import House, decided, refused
from tests.switch.call.town import Citizen, Town, founded
from tests.switch.worlds import NOW, Usage

NUMBER = "49301234567"


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
        yield made
        made.nothing_left()


def rules(
    town: Town, folder: Path, *rows: list[Any], prefixes: tuple[list[Any], ...] = ()
) -> tuple[Citizen, Citizen]:
    town.office.rows["rewrite_rules"] = list(rows)
    town.office.rows["prefix_rules"] = list(prefixes)
    settle(town, folder)
    return town.peer("rich"), town.peer("one")


def prefix(old: str, new: str, stage: int = 1, data: str = "called", **fields: Any) -> list[Any]:
    """A prefix rule as `apps.numbers.snapshot.prefix_row` makes it."""
    return rule(
        "prefix",
        stage,
        data=data,
        check="begins" if old else "any",
        against=old,
        action="beginning",
        find=old,
        put=new,
        **fields,
    )


def asked(rich: Citizen, one: Citizen, number: str = NUMBER, **fields: Any) -> Any:
    invite = rich.invite(number, **fields)
    rich.send(invite)
    out = one.asked("INVITE")
    declined(rich, one, invite, out)
    return out


# prefix rules: the printed examples


@pytest.mark.req("dialplan-012", "dialplan-034", "dialplan-011", "dialplan-025")
def test_a_beginning_is_replaced_for_calls_from_one_address(town: Town, tmp_path: Path) -> None:
    rich, one = rules(town, tmp_path, prefixes=(prefix("1234", "56", source="127.0.0.1"),))
    assert asked(rich, one, "123499999").target.user == "5699999"
    rich, one = rules(town, tmp_path, prefixes=(prefix("1234", "56", source="111.111.111.111"),))
    assert asked(rich, one, "123499999").target.user == "123499999"


@pytest.mark.req("dialplan-013")
def test_011_goes_from_all_numbers(town: Town, tmp_path: Path) -> None:
    rich, one = rules(town, tmp_path, prefixes=(prefix("011", ""),))
    assert asked(rich, one, f"011{NUMBER}").target.user == NUMBER
    assert asked(rich, one).target.user == NUMBER


@pytest.mark.req("dialplan-013")
def test_06_becomes_446_for_one_sender(town: Town, tmp_path: Path) -> None:
    rich, one = rules(town, tmp_path, prefixes=(prefix("06", "446", source="127.0.0.0/8"),))
    assert asked(rich, one, "0620123").target.user == "44620123"


@pytest.mark.req("dialplan-012", "dialplan-035")
def test_without_a_beginning_the_new_one_comes_before_the_number(town: Town, tmp_path: Path) -> None:
    rich, one = rules(town, tmp_path, prefixes=(prefix("", "49"),))
    assert asked(rich, one, "301234567").target.user == NUMBER


@pytest.mark.req("dialplan-011", "dialplan-021", "dialplan-026")
def test_prefix_rules_can_be_switched_off(town: Town, tmp_path: Path) -> None:
    rich, one = rules(town, tmp_path, prefixes=(prefix("49", "44"),))
    settle(town, tmp_path, checkprefixroules=False)
    assert asked(rich, one).target.user == NUMBER


@pytest.mark.req("dialplan-032")
def test_a_senders_old_tech_prefix_is_rewritten_before_it_is_known_by_it(
    house: House, tmp_path: Path
) -> None:
    from switch.call.pipeline import identify
    from switch.call.rewriting import before_authentication
    from tests.switch.worlds import request

    house.rows["prefix_rules"] = [prefix("12345#", "99#", source="198.51.100.7")]
    world = house.world(tmp_path)
    call = request("12345#36201", from_user="x")
    assert before_authentication(call, world) is None
    caller = identify(call, world)
    assert (caller.username, call.called, call.original) == ("wholesale", "99#36201", "12345#36201")  # type: ignore[union-attr]


@pytest.mark.req("users-028")
@pytest.mark.parametrize(("country", "called"), [("HU", "3620123"), ("DE", "0620123"), ("", "0620123")])
def test_a_rule_may_ask_for_the_country_of_the_account_that_calls(
    house: House, tmp_path: Path, country: str, called: str
) -> None:
    from apps.numbers.models import PrefixRule
    from apps.numbers.snapshot import prefix_row

    row = next(row for row in house.rows["accounts"] if row[0] == house.subscriber)
    row += [0, -1, country]
    house.settings["normalizenumbers"] = "no"
    house.rows["prefix_rules"] = [
        list(prefix_row(PrefixRule(pk=1, country="HU", rewrite_from="06", rewrite_to="36")))
    ]
    found = house.decide(tmp_path, "0620123")
    assert found.called == called
    assert any("prefix 06 → 36 (HU)" in step for step in found.trace) is (country == "HU")


@pytest.mark.req("dialplan-033")
def test_the_caller_number_is_rewritten_too_before_and_after_routing(town: Town, tmp_path: Path) -> None:
    rich, one = rules(
        town, tmp_path, prefixes=(prefix("06", "36", data="caller"), prefix("", "00", 4, "caller"))
    )
    out = asked(rich, one, headers=())
    before = out.from_.uri.user
    assert before.startswith("00")


# stages


@pytest.mark.req("dialplan-015", "dialplan-001", "dialplan-008", "dialplan-025")
@pytest.mark.parametrize(("stage", "price_by"), [(1, "36201"), (2, "36201"), (3, "36201"), (4, "44201")])
def test_up_to_routing_a_rule_changes_what_is_priced_and_after_it_what_is_sent_alone(
    house: House, tmp_path: Path, stage: int, price_by: str
) -> None:
    from switch.call.rewriting import before_authentication
    from tests.switch.worlds import request

    house.rows["rewrite_rules"] = [
        rule("r", stage, check="begins", against="44", action="beginning", find="44", put="36")
    ]
    world = house.world(tmp_path)
    call = request("44201")
    before_authentication(call, world)
    from switch.call.pipeline import decide
    from tests.switch.worlds import NOW, Usage

    caller = world.account(house.subscriber)
    assert caller is not None
    decision = decided(decide(call, caller, world, NOW, Usage()))
    assert decision.called == price_by
    assert {one.account.username: one.number for one in decision.targets}["dear"] == "0036201"
    assert any("44201 → 36201" in step for step in decision.trace)


@pytest.mark.req("dialplan-015")
@pytest.mark.parametrize("stage", [1, 2, 3, 4])
def test_each_stage_can_be_switched_off(house: House, tmp_path: Path, stage: int) -> None:
    house.rows["rewrite_rules"] = [rule("r", stage, action="append", put="9")]
    assert house.world(tmp_path / "on").rules.of(stage)  # type: ignore[arg-type]  # an IntEnum's number
    house.settings[f"checkdialplan{stage}"] = False
    assert not house.world(tmp_path / "off").rules.of(stage)  # type: ignore[arg-type]


@pytest.mark.req("dialplan-009", "dialplan-041")
def test_a_number_is_reformatted_for_one_carrier_alone(house: House, tmp_path: Path) -> None:
    house.rows["rewrite_rules"] = [
        rule(
            "r",
            4,
            called=house.cheap,
            data="sent",
            check="begins",
            against="77",
            action="replace",
            put="0{mid(called, 3)}",
        )
    ]
    decision = decided(house.decide(tmp_path, "36201234567"))
    assert {one.account.username: one.number for one in decision.targets} == {
        "cheap": "0201234567",
        "dear": "0036201234567",
    }


@pytest.mark.req("dialplan-016", "dialplan-024")
def test_a_rule_sees_the_call(house: House, tmp_path: Path) -> None:
    house.rows["rewrite_rules"] = [
        rule(
            "r", 4, target="caller_name", action="replace",
            put="{caller_account}/{called_account}/[called_norm]/[origcallednumber]/{source}:{source_port}/{transport}",
        )
    ]  # fmt: skip
    first = decided(house.decide(tmp_path, "0036201")).targets[0]
    assert first.display == f"1001/{first.account.username}/36201/0036201/198.51.100.7:5060/udp"


# what is told


def test_the_carrier_gets_the_caller_number_name_and_identity_that_rules_set(
    town: Town, tmp_path: Path
) -> None:
    rich, one = rules(
        town, tmp_path,
        rule("number", 2, data="caller", action="replace", put="3612000001"),
        rule("name", 2, data="caller_name", action="replace", put="Acme"),
        rule("identity", 4, data="identity", action="replace", put="3612000002"),
    )  # fmt: skip
    settle(town, tmp_path, sendidentity="always")
    out = asked(rich, one)
    assert (out.from_.uri.user, out.from_.display) == ("3612000001", "Acme")
    assert "<sip:3612000002@" in (out.get("P-Asserted-Identity") or "")
    assert records(town)[-1]["caller_number"] == "3612000001"


@pytest.mark.req("callerid-013")
def test_what_a_rule_shows_goes_before_what_settings_choose(town: Town, tmp_path: Path) -> None:
    rich, one = rules(town, tmp_path, rule("number", 4, data="caller", action="replace", put="3612000001"))
    settle(town, tmp_path, replacecalleroncalls="username")
    assert asked(rich, one).from_.uri.user == "3612000001"


def test_a_rule_hides_the_caller(town: Town, tmp_path: Path) -> None:
    rich, one = rules(town, tmp_path, rule("hide", 2, data="caller", action="replace", put="anonymous"))
    out = asked(rich, one)
    assert out.from_.uri.user == "anonymous" and out.from_.uri.host == "anonymous.invalid"
    assert records(town)[-1]["caller_number"] != "anonymous", "the house knows who called"


@pytest.mark.req("callerid-033", "callerid-034")
def test_the_caller_number_is_drawn_from_a_pool_that_the_account_may_use(town: Town, tmp_path: Path) -> None:
    town.office.rows["lists"] = [[1, "house", "caller", None]]
    town.office.rows["listed_numbers"] = [[1, f"361200000{one}"] for one in range(5)] + [[1, "4930999"]]
    rich, one = rules(
        town,
        tmp_path,
        rule("pool", 2, data="caller", action="replace", put="{pick('house', left(called, 2))}"),
    )
    assert asked(rich, one).from_.uri.user == "4930999"
    shown = {asked(rich, one, f"3620{call}").from_.uri.user for call in range(1000, 1012)}
    assert len(shown) > 1 and all(one.startswith("361200000") for one in shown)


# refusing


@pytest.mark.req("dialplan-042", "callerid-013")
def test_a_rule_disconnects_a_caller_and_the_record_says_which(town: Town, tmp_path: Path) -> None:
    rich, one = rules(town, tmp_path, rule("no 49", 2, check="begins", against="49", target="reject"))
    invite = rich.invite(NUMBER)
    rich.send(invite)
    refusal = rich.told(403)
    rich.ack(invite, refusal)
    one.silent()
    (record,) = records(town)
    assert record["cause"] == "ruled_out" and record["comment"].startswith("rule no 49 refuses it")


def test_before_anybody_is_known_a_refused_call_leaves_no_record(town: Town, tmp_path: Path) -> None:
    rich, _ = rules(town, tmp_path, rule("no 49", 1, check="begins", against="49", target="reject"))
    invite = rich.invite(NUMBER)
    rich.send(invite)
    rich.ack(invite, rich.told(403))
    assert records(town) == []


def test_a_way_that_a_rule_refuses_is_left_out_and_without_any_the_call_is_refused(
    house: House, tmp_path: Path
) -> None:
    house.rows["rewrite_rules"] = [rule("not cheap", 4, called=house.cheap, target="reject", put="sorry")]
    assert [one.account.username for one in decided(house.decide(tmp_path / "a", "36201")).targets] == [
        "dear"
    ]
    house.rows["rewrite_rules"].append(rule("not dear", 4, called=house.dear, target="reject"))
    result = house.decide(tmp_path / "b", "36201")
    assert refused(result) is causes.RULED_OUT
    assert isinstance(result, Rejection) and result.play == "sorry"


@pytest.mark.req("dialplan-020")
def test_a_rule_that_fails_leaves_the_call_as_it_is(house: House, tmp_path: Path) -> None:
    house.rows["rewrite_rules"] = [rule("bad", 2, action="replace", put="{pick('nowhere')}")]
    decision = decided(house.decide(tmp_path, "36201"))
    assert decision.called == "36201"
    assert any("Rule bad has no effect" in step for step in decision.trace)


def test_a_row_that_no_rule_can_be_made_of_is_passed_over(house: House, tmp_path: Path) -> None:
    house.rows["rewrite_rules"] = [rule("bad", 2, when="1 +"), rule("good", 2, action="append", put="9")]
    assert decided(house.decide(tmp_path, "36201")).called == "362019"


# who is called


def test_a_rule_sends_the_call_to_a_subscriber_or_by_one_carrier(house: House, tmp_path: Path) -> None:
    house.rows["rewrite_rules"] = [
        rule("desk", 3, check="is", against="3699", target="called_account", action="replace", put="1002"),
        rule(
            "dear", 3, check="begins", against="36201", target="called_account", action="replace", put="dear"
        ),
    ]
    desk = decided(house.decide(tmp_path / "a", "3699"))
    assert [(one.kind, one.account.username) for one in desk.targets] == [("local", "1002")]
    assert [one.account.username for one in decided(house.decide(tmp_path / "b", "36201")).targets] == [
        "dear"
    ]
    assert len(decided(house.decide(tmp_path / "c", "36301")).targets) == 2


# who calls


def whose(put: str = "1002", name: str = "whose", **fields: Any) -> list[Any]:
    """A rule that lets calls be somebody's."""
    return rule(name, 5, target="caller_account", action="replace", put=put, **fields)


@pytest.mark.req("dialplan-018")
def test_a_call_is_that_of_the_account_that_a_rule_names_in_limits_prices_holds_and_record(
    town: Town, tmp_path: Path
) -> None:
    rich, one = rules(town, tmp_path, whose("1002", caller=town.ids["rich"]))
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    usage = town.board.usage
    assert (usage.calls(town.ids["1002"]), usage.calls(town.ids["rich"])) == (1, 0)
    (call,) = town.board.calls.values()
    assert call.decision is not None
    assert [payer.account_id for payer in call.decision.payers] == [town.ids["1002"]]
    declined(rich, one, invite, out)
    (record,) = records(town)
    assert record["caller"] == town.ids["1002"]
    assert "Rule whose: caller_account rich → 1002." in record["comment"]


def test_who_may_not_call_does_not_do_so_in_the_name_of_a_trunk(town: Town, tmp_path: Path) -> None:
    settle(town, tmp_path, "1002", candial=False)
    rich, one = rules(town, tmp_path, whose())
    invite = rich.invite(NUMBER)
    rich.send(invite)
    rich.ack(invite, rich.told(403))
    one.silent()


@pytest.mark.parametrize(
    ("row", "expected", "why"),
    [
        (whose("2001"), "2001", ""),
        (whose("partner"), "partner", ""),
        (whose("dear"), "wholesale", "dear is of a kind that makes no calls"),
        (whose("company"), "wholesale", "company is of a kind that makes no calls"),
        (whose("nobody"), "wholesale", "nobody is no account"),
        (whose("[caller]"), "wholesale", "1001 is made of what the call brought"),
        (whose("{left(caller, 4)}"), "wholesale", "1001 is made of what the call brought"),
        (
            rule("cut", 5, data="caller", target="caller_account"),
            "wholesale",
            "1001 is made of what the call brought",
        ),
        (whose("[caller]", caller_prefixes=["7"]), "7007", ""),
        (whose("{1 +"), "wholesale", ""),
    ],
)
def test_a_forged_number_calls_at_nobodys_cost_but_the_callers_own(
    house: House, tmp_path: Path, row: list[Any], expected: str, why: str
) -> None:
    """The trunk may name those below it by what its calls bring, and nobody else; an operator's rule may name anybody."""
    house.phone("7007", above=house.trunk)
    house.rows["rewrite_rules"] = [row]
    number = "7007" if row[8] else "1001"
    order = {"called": "99#36201", "account": house.trunk, "from": number, "at": NOW}
    found = explain(Asked.read(order, NOW), house.world(tmp_path), Usage())
    assert found["caller"]["username"] == expected
    assert any(why in step for step in found["trace"])
    assert found["called"] == "36201", "the tech prefix is that of who brought the call"


def test_rules_that_lead_from_one_account_to_another_are_asked_once(house: House, tmp_path: Path) -> None:
    house.rows["rewrite_rules"] = [
        whose("1002", "there", caller=house.trunk),
        whose("wholesale", "back", caller=house.other),
        whose("2001", "third"),
    ]
    order = {"called": "99#36201", "account": house.trunk, "at": NOW}
    found = explain(Asked.read(order, NOW), house.world(tmp_path), Usage())
    assert found["caller"]["username"] == "1002"


def test_the_setting_of_its_stage_turns_such_rules_off(house: House, tmp_path: Path) -> None:
    house.rows["rewrite_rules"] = [whose()]
    house.settings["checkdialplan2"] = False
    order = {"called": "99#36201", "account": house.trunk, "at": NOW}
    found = explain(Asked.read(order, NOW), house.world(tmp_path), Usage())
    assert found["caller"]["username"] == "wholesale"


@pytest.mark.req("dialplan-017")
def test_what_a_dial_plan_returned_in_one_text_several_rules_set(house: House, tmp_path: Path) -> None:
    """callednumber, calleddialed, techprefix, callernumber, callerid and calledid; and nothing at all."""

    def put(name: str, stage: int, target: str, text: str) -> list[Any]:
        return rule(name, stage, target=target, action="replace", put=text)

    house.rows["rewrite_rules"] = [
        rule("no effect", 2, action="keep"),
        put("a", 2, "called", "36202222222"),
        put("b", 4, "sent", "77"),
        put("c", 2, "tech_prefix", "55"),
        put("d", 2, "caller", "3611119999"),
        put("e", 5, "caller_account", "1002"),
        put("f", 3, "called_account", "dear"),
    ]
    order = {"called": "99#36201", "account": house.trunk, "at": NOW}
    asked = Asked.read(order, NOW)
    found = explain(asked, house.world(tmp_path), Usage())
    told = found["called"], found["caller_number"], found["caller"]["username"]
    assert told == ("36202222222", "3611119999", "1002")
    assert [(one["account"], one["number"]) for one in found["targets"]] == [("dear", "77")]
    assert "Rule c: tech_prefix 99# → 55." in found["trace"]
