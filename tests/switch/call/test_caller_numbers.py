"""Which number a call shows: settings of who calls, of who is called and of the house, codes of phones, and what phones claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apps.config.registry import defaults
from switch.call import causes
from switch.call.identity import Shown, claim, present
from switch.world.settings import Settings
from tests.switch.call.scenes import declined, records, settle
from tests.switch.call.test_identity import FACTS
from tests.switch.call.test_pipeline import House, decided, refused
from tests.switch.call.town import Town, founded
from tests.switch.sim import furnished, opened
from tests.switch.stage import OUTSIDE, Stage

PLAIN = Settings.of(defaults())
NUMBER = "49301234567"


def shown(caller: dict[str, Any] | None = None, called: dict[str, Any] | None = None, **facts: Any) -> Shown:
    return present(replace(FACTS, **facts), PLAIN.but(caller or {}), PLAIN.but(called or {}))


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


def called(stage: Stage, number: str, **fields: Any) -> Any:
    """The INVITE that the carrier gets for a call of the phone; it declines."""
    invite = stage.a.call(number, **fields)
    out = stage.one.asked("INVITE")
    stage.one.answer(out, 486)
    stage.a.ack(invite, stage.a.told(486))
    return out


def asked(town: Town, **fields: Any) -> Any:
    rich, one = town.peer("rich"), town.peer("one")
    invite = rich.invite(NUMBER, **fields)
    rich.send(invite)
    out = one.asked("INVITE")
    declined(rich, one, invite, out)
    return out


# settings of who calls


@pytest.mark.req("callerid-019", "callerid-037")
def test_an_account_can_have_one_caller_number_for_all_its_calls(town: Town, tmp_path: Path) -> None:
    settle(town, tmp_path, "rich", rewriteanumber="+3612000001")
    assert asked(town).from_.uri.user == "3612000001"
    assert records(town)[-1]["caller_number"] == "3612000001"


@pytest.mark.req("callerid-019")
def test_anonymous_as_an_accounts_number_hides_it_and_the_house_still_knows_it(
    town: Town, tmp_path: Path
) -> None:
    number = asked(town).from_.uri.user
    settle(town, tmp_path, "rich", rewriteanumber="anonymous")
    out = asked(town)
    assert out.from_.uri.user == "anonymous"
    assert records(town)[-1]["caller_number"] == number


@pytest.mark.parametrize(("replaces", "user"), [("no", "36100001001"), ("yes", "3612000001")])
def test_a_forwarded_call_shows_the_first_caller_unless_who_forwards_stands_in_for_it(
    stage: Stage, replaces: str, user: str
) -> None:
    stage.own("1002", "rewriteanumber", "3612000001")
    stage.own("1002", "replacecalleronforward", replaces)
    stage.forward("1002", "always", OUTSIDE)
    assert called(stage, "1002").from_.uri.user == user


@pytest.mark.req("callerid-020", "callerid-038")
def test_beginnings_are_cut_off_the_caller_number(house: House, tmp_path: Path) -> None:
    house.rows["overrides"].append([house.subscriber, "cutanumber", ["99", "361"]])
    assert decided(house.decide(tmp_path / "a", "36201")).caller_number == "1112222"
    house.rows["overrides"][-1][2] = ["3611112222"]
    assert decided(house.decide(tmp_path / "b", "36201")).caller_number == "3611112222", (
        "something has to be left"
    )


@pytest.mark.req("callerid-024")
def test_a_real_number_goes_before_what_would_be_shown() -> None:
    wanted = {"userealphonenumbercallerid": True, "replacecalleroncalls": "username"}
    assert shown(wanted, number="1001", own_number="36201234567").user == "36201234567"
    assert (
        shown(
            wanted, number="1001", own_number="", asserted="", remote_party="", from_user="+493012345678"
        ).user
        == "493012345678"
    )
    assert (
        shown(wanted, number="1001", own_number="", asserted="", remote_party="", from_user="x").user
        == "acme"
    )


@pytest.mark.req("callerid-025")
def test_subscribers_of_ours_can_be_shown_the_usual_number() -> None:
    wanted = {"useorigcallerforeu": True, "replacecalleroncalls": "username"}
    assert shown(wanted, carrier=False).user == FACTS.number
    assert shown(wanted, carrier=True).user == "acme"
    assert shown({"replacecalleroncalls": "username"}, carrier=False).user == "acme"


@pytest.mark.req("callerid-026")
def test_accounts_own_choices_of_a_number_can_be_passed_over() -> None:
    own = {"replacecalleroncalls": "username"}
    assert shown(own, everybodys="from").user == "acme"
    assert shown(own | {"replacecalleroncallsusercheck": False}, everybodys="from").user == FACTS.from_user
    assert (
        shown(
            {"replacecalleroncallsusercheck": False},
            {"replacecalleroncalls": "called_username"},
            everybodys="auto",
        ).user
        == FACTS.number
    )


@pytest.mark.req("callerid-006", "callerid-012")
@pytest.mark.parametrize(
    ("choice", "number"),
    [
        ("no", FACTS.number),
        ("default", FACTS.number),
        ("username", "acme"),
        ("number", FACTS.own_number),
        ("best", FACTS.number),
        ("first_good", FACTS.number),
        ("long_enough", FACTS.number),
        ("with_number", FACTS.own_number),
        ("anonymous", "anonymous"),
        ("from", FACTS.from_user),
        ("contact", FACTS.contact_user),
        ("remote_party", FACTS.remote_party),
        ("best_of_client", FACTS.asserted),
        ("best_of_all", FACTS.asserted),
        ("called_username", "bob"),
        ("called_number", FACTS.called_number),
    ],
)
def test_each_source_of_a_number_can_be_chosen(choice: str, number: str) -> None:
    assert shown({"replacecalleroncalls": choice}).user == number


@pytest.mark.req("callerid-006", "callerid-010")
def test_a_number_that_is_too_short_gives_way_to_the_accounts_own() -> None:
    assert shown({"replacecalleroncalls": "long_enough"}, number="1001").user == FACTS.own_number
    assert shown({"replacecalleroncalls": "best"}, number="1001").user == FACTS.own_number
    assert shown({"replacecalleroncalls": "first_good"}, number="1001").user == "1001"


@pytest.mark.req("callerid-043")
def test_the_identity_is_the_number_of_from_unless_something_else_is_said() -> None:
    found = shown({}, {"sendidentity": "always"}, asserted="")
    assert found.identity == found.user == FACTS.number


def test_the_display_name_of_phones_is_shown_or_not(house: House, tmp_path: Path) -> None:
    assert decided(house.decide(tmp_path / "a", "36201", from_display="Ann")).caller_display == "Ann"
    house.settings["parsesipdisplayname"] = "no"
    assert decided(house.decide(tmp_path / "b", "36201", from_display="Ann")).caller_display == ""


@pytest.mark.req("callerid-030")
def test_calls_without_a_number_are_refused_where_they_are_not_allowed(house: House, tmp_path: Path) -> None:
    assert decided(house.decide(tmp_path / "a", "36201", anonymous=True))
    house.rows["overrides"].append([house.subscriber, "allowanonymouscaller", False])
    assert refused(house.decide(tmp_path / "b", "36201", anonymous=True)) is causes.NOT_AUTHORISED
    assert decided(house.decide(tmp_path / "c", "36201"))


# what phones claim


@pytest.mark.req("callerid-029")
def test_a_phone_shows_only_numbers_that_it_has_a_right_to(house: House, tmp_path: Path) -> None:
    house.rows["lists"] = [[1, "pool", "caller", house.reseller], [2, "theirs", "caller", house.other]]
    house.rows["listed_numbers"] = [[1, "3612000001"], [2, "3612000002"]]
    world = house.world(tmp_path)
    caller, trunk = world.account(house.subscriber), world.account(house.trunk)
    assert caller is not None and trunk is not None

    def claimed(number: str, **settings: Any) -> bool:
        return claim(caller, PLAIN.but(settings), world, number) == number

    assert claimed("+3611112222") and claimed("3612000001")
    assert not claimed("3612000002") and not claimed("3699")
    assert claimed("3699", allowcalleridchange=True)
    assert claim(trunk, PLAIN, world, "3699") == "3699", "it passes calls of others on"


@pytest.mark.req("callerid-029", "callerid-013")
def test_what_a_phone_claims_is_shown_only_if_it_may(stage: Stage) -> None:
    stage.own("1001", "replacecalleroncalls", "contact")
    assert called(stage, OUTSIDE).from_.uri.user == "36100001001", (
        "1001, as its Contact says, is no number of its own"
    )
    stage.own("1001", "allowcalleridchange", True)
    assert called(stage, OUTSIDE).from_.uri.user == "1001"


# settings of who is called, and of the house


@pytest.mark.req("callerid-035")
@pytest.mark.parametrize(
    ("caller", "user"),
    [({}, "anonymous"), ({"identityrewrite": "3699"}, "3699"), ({"identityforward": ("36",)}, FACTS.number)],
)
def test_calls_to_a_carrier_hide_who_calls_unless_identities_are_rewritten(
    caller: dict[str, Any], user: str
) -> None:
    found = shown(caller, {"rewriteaddress": "anonymous", "sendidentity": "always"})
    assert found.user == user and found.hidden is (user == "anonymous")
    if found.hidden:
        assert found.header == ""


@pytest.mark.req("callerid-035")
def test_calls_to_a_carrier_can_all_show_one_number(town: Town, tmp_path: Path) -> None:
    settle(town, tmp_path, "one", rewriteaddress="3612000009")
    assert asked(town).from_.uri.user == "3612000009"


@pytest.mark.req("callerid-011")
def test_a_house_with_one_number_shows_it_to_carriers_alone() -> None:
    wanted = {"globaldidout": "+3612345678"}
    assert shown(wanted, carrier=True).user == "3612345678"
    assert shown(wanted, carrier=False).user == FACTS.number


@pytest.mark.req("callerid-011")
def test_the_one_number_goes_out(town: Town, tmp_path: Path) -> None:
    settle(town, tmp_path, globaldidout="3612345678")
    assert asked(town).from_.uri.user == "3612345678"


# codes of phones


@pytest.mark.req("callerid-001", "callerid-002")
def test_a_phone_hides_its_number_for_one_call(stage: Stage) -> None:
    out = called(stage, f"%2331%23{OUTSIDE}")
    assert out.target.user == OUTSIDE
    assert (out.from_.uri.user, out.get("Privacy")) == ("anonymous", "id")
    assert called(stage, OUTSIDE).from_.uri.user == "36100001001", "the next one shows it again"


@pytest.mark.req("callerid-002")
def test_a_phone_that_hides_its_number_by_itself_shows_it_for_one_call(stage: Stage) -> None:
    privacy = (("Privacy", "id"),)
    assert called(stage, OUTSIDE, headers=privacy).from_.uri.user == "anonymous"
    assert called(stage, f"*31%23{OUTSIDE}", headers=privacy).from_.uri.user == "36100001001"


def test_codes_that_hide_are_for_phones(house: House, tmp_path: Path) -> None:
    assert decided(house.decide(tmp_path / "a", "#31#36201")).privacy == "hide"
    assert refused(house.decide(tmp_path / "b", "#31#36201", by=house.trunk)) is causes.BAD_NUMBER
