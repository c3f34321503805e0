"""Calls to numbers that accounts have, and to shared ones: the decision of the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from switch.call import causes
from switch.call.recents import Recents
from tests.switch.call.test_pipeline import House, decided, refused
from tests.switch.worlds import NOW, Usage

DID, SHARED, FREE = "36211112222", "36213334444", "36215556666"
MOBILE = "36301234567"


class Numbers(House):
    """The house, a carrier that brings calls, and numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.ada = self.phone("ada", above=self.company)
        self.eve = self.phone("eve", above=self.company)
        self.rows["dids"] += [
            [DID, False, [self.ada, self.eve], None, None],
            [SHARED, True, [], None, None],
        ]
        self.rows["did_stock"].append(FREE)
        self.rows["held"] += [[self.ada, [DID]], [self.eve, [DID]]]

    def contact(self, account: int, did: str, *ways: str) -> None:
        self.rows["contacts"].append([account, did, list(ways)])

    def brought(self, folder: Path, called: str, **fields: Any) -> Any:
        """A call that a carrier brings."""
        return self.decide(folder, called, by=self.dear, **{"from_user": MOBILE} | fields)


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


def reached(result: object) -> str:
    decision = decided(result)  # type: ignore[arg-type]
    assert decision.targets[0].kind == "local", decision.targets
    return decision.targets[0].account.username


@pytest.mark.req("did-003", "did-005", "did-007", "did-024", "did-030", "did-031")
def test_a_call_that_a_carrier_brings_to_a_number_rings_who_has_it(numbers: Numbers, tmp_path: Path) -> None:
    decision = decided(numbers.brought(tmp_path, DID, usage=Usage(phones=[numbers.ada])))
    assert decision.targets[0].account.username == "ada"
    assert decision.called == DID
    assert decision.payers == [], "whoever brings calls to us pays nothing, nor does who is called"


@pytest.mark.req("did-010", "did-035")
def test_of_those_who_have_a_number_the_one_is_called_that_has_a_phone_and_no_call(
    numbers: Numbers, tmp_path: Path
) -> None:
    both = [numbers.ada, numbers.eve]
    assert reached(numbers.brought(tmp_path, DID, usage=Usage(phones=both))) == "ada"
    assert reached(numbers.brought(tmp_path, DID, usage=Usage(phones=[numbers.eve]))) == "eve"
    engaged = Usage(phones=both, out={numbers.ada: 1})
    assert reached(numbers.brought(tmp_path, DID, usage=engaged)) == "eve"
    numbers.rows["overrides"].append([numbers.eve, "donotdisturb", True])
    assert reached(numbers.brought(tmp_path, DID, usage=engaged)) == "ada"


@pytest.mark.req("did-002", "did-007")
def test_user_name_own_number_held_number_and_short_number_all_reach_the_account(
    numbers: Numbers, tmp_path: Path
) -> None:
    numbers.rows["short_numbers"].append(["44", numbers.other])
    numbers.rows["dids"].append(["36217778888", False, [numbers.other], None, None])
    for called in ("1002", "3619998888", "+3619998888", "36217778888", "44"):
        assert reached(numbers.decide(tmp_path, called, by=numbers.ada)) == "1002", called


@pytest.mark.req("did-004")
def test_a_short_number_is_for_those_of_the_same_company(numbers: Numbers, tmp_path: Path) -> None:
    numbers.rows["short_numbers"] += [["361", numbers.extension], ["361", numbers.eve]]
    assert reached(numbers.decide(tmp_path, "361", by=numbers.subscriber)) == "2001"
    assert reached(numbers.decide(tmp_path, "361", by=numbers.ada)) == "eve"
    assert decided(numbers.decide(tmp_path, "3611", by=numbers.ada)).targets[0].kind == "carrier"


@pytest.mark.req("did-007")
def test_who_has_no_caller_number_shows_the_first_number_that_it_has(
    numbers: Numbers, tmp_path: Path
) -> None:
    numbers.rows["held"][0][1].append("36219990000")
    assert decided(numbers.decide(tmp_path, "3620", by=numbers.ada)).caller_number == DID
    assert decided(numbers.decide(tmp_path, "3620")).caller_number == "3611112222", "it has one of its own"


@pytest.mark.req("did-023", "numbers-002")
def test_calls_that_nobody_else_takes_go_to_the_handler(numbers: Numbers, tmp_path: Path) -> None:
    assert refused(numbers.brought(tmp_path, FREE)) is causes.UNKNOWN_NUMBER
    assert refused(numbers.brought(tmp_path, "36210000000")) is causes.NOT_AUTHORISED
    numbers.settings["didhandleruser"] = "1002"
    assert reached(numbers.brought(tmp_path, FREE)) == "1002"
    assert reached(numbers.brought(tmp_path, "36210000000")) == "1002"
    assert reached(numbers.brought(tmp_path, DID, usage=Usage(phones=[numbers.ada]))) == "ada"


@pytest.mark.req("numbers-002")
def test_a_number_of_ours_that_nobody_has_is_not_called_by_carriers(numbers: Numbers, tmp_path: Path) -> None:
    assert refused(numbers.decide(tmp_path, FREE)) is causes.UNKNOWN_NUMBER


@pytest.mark.req("did-027")
def test_a_number_of_a_trunk_goes_to_the_trunk_and_costs_nobody_anything(
    numbers: Numbers, tmp_path: Path
) -> None:
    pbx = numbers.carrier("pbx", None, strip=2, prefix="0")
    numbers.rows["dids"].append(["36217778888", False, [pbx], None, None])
    decision = decided(numbers.brought(tmp_path, "36217778888"))
    [target] = decision.targets
    assert (target.kind, target.account.username, target.number) == ("trunk", "pbx", "0217778888")
    assert target.trunk is not None
    assert (decision.payers, target.cost) == ([], None)


@pytest.mark.req("did-006")
def test_calls_that_show_a_carriers_number_go_out_by_that_carrier_only(
    numbers: Numbers, tmp_path: Path
) -> None:
    assert len(decided(numbers.decide(tmp_path, "3620", by=numbers.ada)).targets) == 2
    numbers.rows["dids"][0][4] = numbers.dear
    names = [
        one.account.username for one in decided(numbers.decide(tmp_path, "3620", by=numbers.ada)).targets
    ]
    assert names == ["dear"]


# shared numbers


@pytest.mark.req("did-011", "did-012", "did-018", "did-032")
def test_a_subscriber_calls_its_contact_by_a_shared_number_and_pays_for_the_contacts(
    numbers: Numbers, tmp_path: Path
) -> None:
    numbers.contact(numbers.ada, SHARED, "", f"+{MOBILE}")
    decision = decided(numbers.decide(tmp_path, SHARED, by=numbers.ada))
    assert decision.called == MOBILE
    assert decision.caller_number == SHARED, "the contact can call back"
    assert [one.kind for one in decision.targets] == ["carrier", "carrier"]
    assert [payer.account_id for payer in decision.payers] == [numbers.ada]


@pytest.mark.req("did-011", "did-015", "did-018", "did-032")
def test_the_contact_that_calls_the_shared_number_reaches_the_subscriber(
    numbers: Numbers, tmp_path: Path
) -> None:
    numbers.contact(numbers.ada, SHARED, "", MOBILE)
    for shown in (MOBILE, f"+{MOBILE}", "0301234567"):
        assert reached(numbers.brought(tmp_path, SHARED, from_user=shown)) == "ada"
    assert refused(numbers.brought(tmp_path, SHARED, from_user="44207946000")) is causes.UNKNOWN_NUMBER


@pytest.mark.req("did-011", "did-025")
def test_a_call_to_a_contact_shows_its_shared_number(numbers: Numbers, tmp_path: Path) -> None:
    numbers.contact(numbers.subscriber, SHARED, "", MOBILE)
    numbers.contact(numbers.subscriber, SHARED, "eve")
    assert decided(numbers.decide(tmp_path, MOBILE)).caller_number == SHARED
    assert decided(numbers.decide(tmp_path, "eve")).caller_number == SHARED
    assert decided(numbers.decide(tmp_path, "36305555555")).caller_number == "3611112222"
    numbers.settings["replaceanumwithdid"] = "no"
    assert decided(numbers.decide(tmp_path, MOBILE)).caller_number == "3611112222"


@pytest.mark.req("did-015", "did-018", "did-025")
def test_whoever_was_called_with_a_shared_number_calls_back_who_called(
    numbers: Numbers, tmp_path: Path
) -> None:
    numbers.rows["overrides"].append([numbers.eve, "replaceanumwithdid", "shared"])
    recents = Recents()
    world = numbers.world(tmp_path)
    first = decided(numbers.decide(tmp_path, MOBILE, by=numbers.eve))
    assert first.caller_number == SHARED, "the local number that the called person sees"
    recents.dialled(first, world, NOW - 60)
    usage = Usage(recent=recents)
    assert reached(numbers.brought(tmp_path, SHARED, usage=usage)) == "eve"
    numbers.settings["shareddid_checkcdr"] = "no"
    assert refused(numbers.brought(tmp_path, SHARED, usage=usage)) is causes.UNKNOWN_NUMBER
    numbers.settings["feature_shareddidnumbers"] = "last_calls"
    assert reached(numbers.brought(tmp_path, SHARED, usage=usage)) == "eve"


@pytest.mark.req("did-013", "did-034")
def test_shared_numbers_can_be_turned_off_and_are_on_by_themselves(numbers: Numbers, tmp_path: Path) -> None:
    numbers.contact(numbers.ada, SHARED, "", MOBILE)
    assert reached(numbers.brought(tmp_path, SHARED)) == "ada"
    numbers.settings["feature_shareddidnumbers"] = "no"
    assert refused(numbers.brought(tmp_path, SHARED)) is causes.UNKNOWN_NUMBER
    numbers.settings["feature_shareddidnumbers"] = "yes"
    numbers.settings["shareddid_checkcontactlist"] = "no"
    assert refused(numbers.brought(tmp_path, SHARED)) is causes.UNKNOWN_NUMBER


@pytest.mark.req("did-014")
def test_companies_do_not_see_each_others_contacts(numbers: Numbers, tmp_path: Path) -> None:
    numbers.contact(numbers.ada, SHARED, "", MOBILE)
    numbers.rows["dids"][1][3] = numbers.reseller
    assert refused(numbers.brought(tmp_path, SHARED)) is causes.UNKNOWN_NUMBER
    numbers.contact(numbers.subscriber, SHARED, "", MOBILE)
    assert reached(numbers.brought(tmp_path, SHARED)) == "1001"


@pytest.mark.req("did-018")
def test_a_subscriber_that_calls_from_its_mobile_is_known_and_pays_for_the_call_to_its_contact(
    numbers: Numbers, tmp_path: Path
) -> None:
    numbers.rows["known_numbers"].append(["36309990000", numbers.ada])
    numbers.contact(numbers.ada, SHARED, "", MOBILE)
    [target] = decided(numbers.brought(tmp_path, SHARED, from_user="+36309990000")).targets
    assert (target.kind, target.account.username, target.number) == ("forward", "ada", MOBILE)
    assert refused(numbers.brought(tmp_path, SHARED, from_user="36309990001")) is causes.UNKNOWN_NUMBER


@pytest.mark.req("auth-017", "auth-053")
@pytest.mark.parametrize(
    ("handling", "known"), [("off", False), ("add", False), ("accept", True), ("only", True)]
)
def test_nobody_is_known_by_a_number_at_a_shared_one_where_anumberhandling_says_so(
    numbers: Numbers, tmp_path: Path, handling: str, known: bool
) -> None:
    numbers.settings["anumberhandling"] = handling
    numbers.rows["known_numbers"].append(["36309990000", numbers.ada])
    numbers.contact(numbers.ada, SHARED, "", MOBILE)
    found = numbers.brought(tmp_path, SHARED, from_user="+36309990000")
    assert bool(getattr(found, "targets", ())) is known


@pytest.mark.req("did-019")
def test_a_gateway_whose_calls_all_name_one_number_is_led_by_the_caller(
    numbers: Numbers, tmp_path: Path
) -> None:
    numbers.contact(numbers.ada, SHARED, "", MOBILE)
    own = {"by": numbers.trunk, "from_user": MOBILE}
    assert refused(numbers.decide(tmp_path, "99#1234", **own)) is causes.NO_ROUTE
    numbers.rows["overrides"].append([numbers.trunk, "anumberlookup", "unknown"])
    assert reached(numbers.decide(tmp_path, "99#1234", **own)) == "ada"
    assert reached(numbers.decide(tmp_path, "99#1002", **own)) == "1002", "a number of ours means somebody"
    numbers.rows["overrides"][-1][2] = "always"
    assert reached(numbers.decide(tmp_path, "99#1002", **own)) == "ada"


@pytest.mark.req("did-003")
def test_an_account_is_known_by_its_caller_numbers(numbers: Numbers, tmp_path: Path) -> None:
    numbers.rows["known_numbers"].append(["36309990000", numbers.ada])
    world = numbers.world(tmp_path)
    assert world.known_as("+36309990000") == numbers.ada
    assert world.known_as("36309990001") is None


def test_a_decision_names_why_it_went_there(numbers: Numbers, tmp_path: Path) -> None:
    decision = decided(numbers.brought(tmp_path, DID, usage=Usage(phones=[numbers.eve])))
    assert any("36211112222 is a number of eve, the best of 2" in line for line in decision.trace)
