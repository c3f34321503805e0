"""Numbers on their way through a call: as dialled, as prices and routes see them, and as carriers and phones are asked for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.config.registry import defaults, definition
from apps.numbers.engine.plans import plan_of
from switch.call import causes
from switch.call.model import Decision, Rejection
from switch.world.settings import Settings
from tests.switch.call.scenes import declined, records, settle
from tests.switch.call.test_pipeline import House, decided, refused
from tests.switch.call.town import Town, founded
from tests.switch.sim import furnished, opened
from tests.switch.stage import Stage


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
        yield made
        made.nothing_left()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    yield from (Stage(sim) for sim in opened(tmp_path, furnished()))


def own(house: House, account: int, **settings: Any) -> None:
    house.rows["overrides"] += [[account, key, value] for key, value in settings.items()]


EXAMPLE: dict[str, Any] = {
    "normalizedef": "normal", "normalizenumbers": "more", "incomingprefixremove": ["00", "+"], "incomingprefixadd": "4",
    "incomingprefixadd_ifbegin": "07", "outgoingprefixadd": "00", "outgoingprefixadd_ifnotbegin": "00",
}  # fmt: skip


@pytest.mark.req("numbers-021", "numbers-029", "numbers-033")
@pytest.mark.parametrize("dialled", ["+40721234567", "0040721234567", "40721234567", "0721234567"])
def test_the_guides_example_reaches_the_carrier_with_00_whatever_was_dialled(
    town: Town, tmp_path: Path, dialled: str
) -> None:
    settle(town, tmp_path, **EXAMPLE)
    rich, one = town.peer("rich"), town.peer("one")
    invite = rich.invite(dialled)
    rich.send(invite)
    out = one.asked("INVITE")
    assert out.target.user == "0040721234567"
    declined(rich, one, invite, out)
    (record,) = records(town)
    assert (record["original"], record["called_number"], record["dialled"]) == (
        dialled,
        "40721234567",
        "0040721234567",
    )


@pytest.mark.req("numbers-007")
def test_what_is_done_when_a_call_arrives_decides_about_price_and_route(house: House, tmp_path: Path) -> None:
    house.settings |= {
        "incomingprefixremove": ["9"], "incomingprefixremove_maxlength": 4, "incomingprefixremove_minlength": 9,
        "incomingprefixremove2": "0", "incomingprefixadd": "36", "incomingprefixadd_minlength": 3,
        "incomingprefixadd_maxlength": 9, "incomingprefixadd_ifbegin": "0", "incomingprefixadd_ifnotbegin": "099",
    }  # fmt: skip
    found = [decided(house.decide(tmp_path / one, one)).called for one in ("9020123", "9362012", "362012345")]
    assert found == ["3620123", "362012", "362012345"]
    assert refused(house.decide(tmp_path / "x", "099123")) is causes.NO_ROUTE, "nothing was put before it"


@pytest.mark.req("numbers-008", "numbers-009", "numbers-010", "numbers-011", "numbers-012", "numbers-013")
def test_what_is_done_for_carriers_changes_the_number_that_is_sent_alone(
    house: House, tmp_path: Path
) -> None:
    house.settings |= {"outgoingprefixremove": ["+", "36"], "outgoingprefixadd": "06"}
    own(house, house.cheap, outgoingprefixadd="", outgoingprefixremove=[])
    decision = decided(house.decide(tmp_path, "36201234567"))
    assert decision.called == "36201234567"
    assert {one.account.username: one.number for one in decision.targets} == {
        "dear": "0006201234567",  # its own prefix stands before what the settings made of the number
        "cheap": "77201234567",
    }


@pytest.mark.req("numbers-027", "numbers-031")
def test_a_pattern_is_rewritten_before_the_call_is_routed(house: House, tmp_path: Path) -> None:
    house.settings |= {"prefixrewritestr": "08X...", "prefixrewritefrom": 9, "prefixrewriteto": "36"}
    decision = decided(house.decide(tmp_path, "08301030201234567"))
    assert decision.called == "36201234567"
    assert (
        decision.trace[1]
        == "08301030201234567 was dialled, that is 36201234567 (prefixrewritestr: 36201234567)."
    )


@pytest.mark.req("numbers-005", "numbers-030", "numbers-019")
def test_an_account_dials_as_in_its_own_country(house: House, tmp_path: Path) -> None:
    own(house, house.reseller, country="HU", prefix1="1", normalizenumbers="extra")
    own(house, house.other, countryprefix="44")
    assert decided(house.decide(tmp_path / "a", "06201234567")).called == "36201234567"
    assert decided(house.decide(tmp_path / "b", "3456789")).called == "3613456789"
    assert decided(house.decide(tmp_path / "c", "02079460000", by=house.other)).called == "442079460000"


@pytest.mark.req("numbers-005")
def test_what_is_left_alone_by_the_settings_is_routed_as_it_was_dialled(house: House, tmp_path: Path) -> None:
    house.settings["normalizedef"] = "minimal"
    house.tariff("retail", {"0036": 1}, to=house.subscriber)
    house.tariff("reseller", {"0036": 1}, to=house.reseller)
    house.tariff("carrier", {"0036": 1}, to=house.dear)
    assert decided(house.decide(tmp_path / "a", "0036201234567")).called == "0036201234567"
    assert refused(house.decide(tmp_path / "b", "+36201234567")) is causes.BAD_NUMBER, (
        "no price begins with +"
    )


@pytest.mark.req("numbers-022")
@pytest.mark.parametrize(("check", "refuses"), [(True, True), (False, False)])
def test_too_long_and_too_short_numbers_are_refused_if_they_are_checked(
    house: House, tmp_path: Path, check: bool, refuses: bool
) -> None:
    house.settings |= {"checknumlen": check, "checkminnumlen": 5, "checkmaxnumlen": 11}
    for dialled in ("3620", "362012345678"):
        result = house.decide(tmp_path / dialled, dialled)
        assert isinstance(result, Rejection if refuses else Decision), dialled
    assert decided(house.decide(tmp_path / "fits", "36201234567"))


@pytest.mark.req("numbers-018")
@pytest.mark.parametrize(
    ("setting", "level", "phone", "trunk"),
    [
        ("auto", "normal", True, False), ("auto", "basic", True, True), ("any", "normal", True, True),
        ("trunks", "basic", True, False), ("all", "normal", False, False),
    ],
)  # fmt: skip
def test_who_may_call_what_is_no_telephone_number(
    house: House, tmp_path: Path, setting: str, level: str, phone: bool, trunk: bool
) -> None:
    house.settings |= {"checknumnumbers": setting, "normalizenumbers": level}
    for who, may in ((house.subscriber, phone), (house.trunk, trunk)):
        result = house.decide(tmp_path / str(who), "36*20", by=who)
        assert (isinstance(result, Rejection) and result.cause is causes.BAD_NUMBER) is not may


@pytest.mark.req("numbers-034")
def test_a_gateway_passes_numbers_on_as_they_came() -> None:
    settings = Settings.of(defaults()).but(
        {"normalizenumbers": "no", "normalizedef": "untouched", "validateinput": "basic"}
    )
    plan = plan_of(settings, "customer_trunk")
    assert (plan.clean, plan.level, plan.national, plan.digits_only) == (2, 0, 0, False)


@pytest.mark.req("numbers-020")
@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("normalize_localpx", "normalizecallednumbersnec"),
        ("normalize_checksp", "normalizecallednumbersnec"),
        ("normalize_clean", "validateinput"),
        ("setcalledtosipusername", "rewriteinternalcalled"),
    ],
)
def test_who_looks_for_a_setting_of_old_is_told_its_name_of_today(former: str, now: str) -> None:
    with pytest.raises(KeyError, match=now):
        definition(former)
    assert definition(now).account


# tech prefixes


@pytest.mark.req("numbers-004", "dialplan-028", "dialplan-038", "dialplan-040")
def test_a_senders_tech_prefix_goes_from_the_number_and_a_carriers_is_sent(
    house: House, tmp_path: Path
) -> None:
    decision = decided(house.decide(tmp_path, "99#36201", by=house.trunk))
    assert decision.called == "36201"
    assert [one.number for one in decision.targets] == ["77201", "0036201"]


@pytest.mark.req("dialplan-004", "dialplan-030")
@pytest.mark.parametrize(("handling", "sent"), [("strip", "49301234567"), ("forward", "9949301234567")])
def test_the_record_has_the_tech_prefix_and_the_carrier_gets_it_if_its_setting_says_so(
    town: Town, tmp_path: Path, handling: str, sent: str
) -> None:
    next(row for row in town.office.rows["accounts"] if row[0] == town.ids["rich"])[10] = "99"
    settle(town, tmp_path, "one", techprefixhandling=handling)
    rich, one = town.peer("rich"), town.peer("one")
    invite = rich.invite("9949301234567")
    rich.send(invite)
    out = one.asked("INVITE")
    declined(rich, one, invite, out)
    (record,) = records(town)
    assert out.target.user == record["dialled"] == sent
    assert (record["original"], record["called_number"]) == ("9949301234567", "49301234567")


def test_the_tech_prefix_that_a_call_came_with_can_go_along(house: House, tmp_path: Path) -> None:
    own(house, house.dear, techprefixhandling="forward")
    decision = decided(house.decide(tmp_path, "99#36201", by=house.trunk))
    assert {one.account.username: one.number for one in decision.targets} == {
        "cheap": "77201",
        "dear": "0099#36201",
    }
    assert decision.called == "36201", "prices and routes never see it"


@pytest.mark.req("dialplan-006", "dialplan-037")
def test_a_call_without_a_tech_prefix_can_be_given_one(house: House, tmp_path: Path) -> None:
    own(house, house.dear, techprefixhandling="forward")
    own(house, house.trunk, addtechprefix="555")
    with_it = decided(house.decide(tmp_path / "a", "99#36201", by=house.trunk))
    without = decided(house.decide(tmp_path / "b", "36201", by=house.trunk))
    sent = [{one.account.username: one.number for one in each.targets}["dear"] for each in (with_it, without)]
    assert sent == ["0099#36201", "0055536201"]


# phones of ours


@pytest.mark.req("numbers-016")
@pytest.mark.parametrize(
    ("choice", "dialled", "to", "uri"),
    [
        ("keep", "+36100001002", "", ""),
        ("received", "+36100001002", "+36100001002", ""),
        ("username", "+36100001002", "1002", ""),
        ("number", "1002", "36100001002", ""),
        ("best", "+36100001002", "36100001002", ""),
        ("best", "1002", "1002", ""),
        ("all_received", "+36100001002", "+36100001002", "+36100001002"),
        ("all_username", "+36100001002", "1002", "1002"),
        ("all_number", "1002", "36100001002", "36100001002"),
        ("all_best", "+36100001002", "36100001002", "36100001002"),
    ],
)
def test_a_phone_is_called_by_its_own_address_or_by_what_the_setting_says(
    stage: Stage, choice: str, dialled: str, to: str, uri: str
) -> None:
    stage.sim.office.settings["rewriteinternalcalled"] = choice
    stage.sim.change()
    stage.register(stage.b)
    stage.a.call(dialled)
    asked = stage.b.asked("INVITE")
    contact = "1002"
    assert (asked.target.user, asked.to.uri.user) == (uri or contact, to or contact)
    stage.b.answer(asked, 486)
