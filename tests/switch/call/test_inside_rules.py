"""Route rules that lead to subscribers of ours, and to groups of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from switch.call import causes
from switch.call.explain import Asked, explain
from switch.call.model import Decision
from tests.switch.call.test_pipeline import House, decided, refused
from tests.switch.worlds import NOW, Usage

NUMBER = "36201234567"
GROUP = 77


class Desk(House):
    """A company with three at the desk, two of them in a group."""

    def __init__(self) -> None:
        super().__init__()
        self.ada, self.eve, self.joe = (
            self.phone(name, above=self.company) for name in ("ada", "eve", "joe")
        )
        self.rows["memberships"] += [[self.ada, GROUP], [self.eve, GROUP]]
        self.all = [self.ada, self.eve, self.joe]

    def leads(self, *inside: list[Any], **fields: Any) -> int:
        named = {"called_prefixes": [NUMBER], "priority": 1, "inside": [list(one) for one in inside]}
        return self.rule("desk", **named | fields)

    def to_group(self, **fields: Any) -> int:
        return self.leads([0, GROUP, 1, None], **fields)

    def by(self, folder: Path, who: int | None = None, **fields: Any) -> Any:
        return self.decide(folder, NUMBER, by=who, **fields)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def rings(result: object) -> list[list[str]]:
    """Who rings, step by step; the name of the account where it is called like any other."""
    [target] = decided(result).targets  # type: ignore[arg-type]
    assert target.kind == "local" and target.ring is not None
    return [[party.number for party in step] for step in target.ring.steps]


@pytest.mark.req("routing-079", "routing-097")
def test_a_group_is_called_best_first_and_nobody_is_charged_by_a_price_list(
    desk: Desk, tmp_path: Path
) -> None:
    desk.to_group()
    found: Decision = desk.by(tmp_path, usage=Usage(phones=desk.all, out={desk.ada: 1}))
    assert rings(found) == [["eve"], ["ada"]], "who is in a call comes after who is not"
    assert found.targets[0].rule == "desk" and found.payers == [] and found.called == NUMBER


@pytest.mark.req("routing-079")
def test_of_equals_the_one_is_called_that_had_no_call_for_longest(desk: Desk, tmp_path: Path) -> None:
    desk.to_group()
    usage = Usage(phones=desk.all, routed={desk.ada: 50.0, desk.eve: 40.0})
    assert rings(desk.by(tmp_path, usage=usage)) == [["eve"], ["ada"]]


def test_the_priority_of_a_target_goes_before_how_well_it_can_be_reached(desk: Desk, tmp_path: Path) -> None:
    desk.leads([desk.joe, 0, 2, None], [desk.eve, 0, 1, None])
    usage = Usage(phones=desk.all, out={desk.eve: 1})
    assert rings(desk.by(tmp_path, usage=usage)) == [["eve"], ["joe"]]


@pytest.mark.req("groups-005")
def test_a_ring_group_rings_all_at_once(desk: Desk, tmp_path: Path) -> None:
    desk.leads([0, GROUP, 1, None], [desk.joe, 0, 1, None], together=True)
    assert rings(desk.by(tmp_path, usage=Usage(phones=desk.all))) == [["ada", "eve", "joe"]]


def test_the_call_has_the_price_of_calls_between_our_subscribers(desk: Desk, tmp_path: Path) -> None:
    desk.to_group()
    desk.settings["internal_endusercost"] = "0.02"
    found: Decision = desk.by(tmp_path, desk.other, usage=Usage(phones=desk.all))
    [payer] = found.payers
    assert (payer.account_id, payer.kind) == (desk.other, "retail")
    assert "1002 pays 0.02 EUR a minute for a call between our subscribers." in found.trace


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ({"donotdisturb": True}, "it does not want to be disturbed"),
        ({"allowedusers": ["nobody"]}, "ada takes no calls of 1001 (allowedusers)"),
        ({"usergroup": 5}, "it has another setting usergroup than the caller"),
        ({"temporarydisabled": True}, "ada, who is called, is disabled for the time being"),
    ],
)
def test_who_does_not_want_the_call_is_passed_over(
    desk: Desk, tmp_path: Path, own: dict[str, Any], name: str
) -> None:
    desk.to_group()
    desk.rows["overrides"] += [[desk.ada, key, value] for key, value in own.items()]
    usage = Usage(phones=desk.all)
    assert rings(desk.by(tmp_path, usage=usage)) == [["eve"]]
    asked = Asked.read({"called": NUMBER, "account": desk.subscriber}, NOW)
    told = explain(asked, desk.world(tmp_path / "b"), usage)
    assert told["skipped"] == [{"account": "ada", "rule": "desk", "why": name}]


def test_one_alone_is_called_like_any_subscriber(desk: Desk, tmp_path: Path) -> None:
    desk.leads([desk.ada, 0, 1, None])
    desk.rows["forwards"].append([desk.ada, "always", "36309999999", 0])
    [target] = decided(desk.by(tmp_path, usage=Usage(phones=desk.all))).targets
    assert (target.kind, target.number) == ("forward", "36309999999")


def test_a_carrier_that_brings_the_call_is_led_too_past_rules_with_carriers(
    desk: Desk, tmp_path: Path
) -> None:
    desk.to_group(priority=500)
    assert rings(desk.by(tmp_path, desk.dear, usage=Usage(phones=desk.all))) == [["ada"], ["eve"]]
    assert refused(desk.decide(tmp_path / "b", "36209999999", by=desk.dear)) is causes.NOT_AUTHORISED


def test_a_rule_with_carriers_that_comes_before_keeps_the_call(desk: Desk, tmp_path: Path) -> None:
    desk.to_group(priority=500)
    found = decided(desk.by(tmp_path, usage=Usage(phones=desk.all)))
    assert [one.kind for one in found.targets] == ["carrier", "carrier"]


@pytest.mark.parametrize("final", [False, True])
def test_when_nobody_can_be_reached_the_next_rule_has_the_call_unless_it_has_the_last_word(
    desk: Desk, tmp_path: Path, final: bool
) -> None:
    desk.to_group(final=final)
    found = decided(desk.by(tmp_path))
    if final:
        assert rings(found) == [["ada"], ["eve"]], "a phone may have registered this moment"
    else:
        assert [one.kind for one in found.targets] == ["carrier", "carrier"]
        assert len(found.payers) == 2, "and it is a call to outside, with its price"


def test_an_empty_group_refuses_what_nobody_else_takes(desk: Desk, tmp_path: Path) -> None:
    desk.leads([0, GROUP + 1, 1, None], final=True)
    assert refused(desk.by(tmp_path, usage=Usage(phones=desk.all))) is causes.NOT_REGISTERED


def test_a_number_of_ours_goes_where_a_rule_for_all_of_it_leads_and_not_where_one_for_a_part_does(
    desk: Desk, tmp_path: Path
) -> None:
    desk.rows["dids"].append([NUMBER, False, [desk.joe], None, None])
    desk.rows["held"].append([desk.joe, [NUMBER]])
    usage = Usage(phones=desk.all)
    desk.to_group(called_prefixes=[NUMBER[:-2]])
    assert decided(desk.by(tmp_path, desk.dear, usage=usage)).targets[0].account.username == "joe"
    desk.to_group()
    assert rings(desk.by(tmp_path / "b", desk.dear, usage=usage)) == [["ada"], ["eve"]]


def test_a_number_in_stock_is_led_by_a_rule_before_it_is_nobodys(desk: Desk, tmp_path: Path) -> None:
    desk.rows["did_stock"].append(NUMBER)
    assert refused(desk.by(tmp_path, desk.dear)) is causes.UNKNOWN_NUMBER
    desk.to_group(called_prefixes=[NUMBER[:-2]])
    assert rings(desk.by(tmp_path / "b", desk.dear, usage=Usage(phones=desk.all))) == [["ada"], ["eve"]]


def test_emergencies_are_led_nowhere_else(desk: Desk, tmp_path: Path) -> None:
    desk.to_group(called_prefixes=["112"])
    free = {"defaultenduserprice": "0.01", "defaultproviderprice": "0.01"}
    desk.settings |= {"emergencynumbers": ("112",), "emergencydir": "dear", **free}
    found = decided(desk.decide(tmp_path, "112", by=desk.other, usage=Usage(phones=desk.all)))
    assert found.targets[0].account.username == "dear"


def test_the_simulator_shows_the_members_in_their_order(desk: Desk, tmp_path: Path) -> None:
    desk.leads([0, GROUP, 1, None], [desk.joe, 0, 2, None])
    asked = Asked.read({"called": NUMBER, "account": desk.subscriber}, NOW)
    told = explain(asked, desk.world(tmp_path), Usage(phones=desk.all))
    assert [(one["place"], one["account"], one["rule"]) for one in told["targets"]] == [
        (1, "ada", "desk"),
        (2, "eve", "desk"),
        (3, "joe", "desk"),
    ]
    assert next((one["name"], one["why_not"]) for one in told["rules"]) == ("desk", "")


@pytest.mark.req("routing-025")
@pytest.mark.parametrize(
    ("how", "called", "outside"),
    [
        ("no", "3619998888", False),
        ("number", "3619998888", True),
        ("number", "1002", False),
        ("always", "3619998888", True),
    ],
)
def test_who_has_no_phone_is_called_by_carriers_where_the_setting_says(
    desk: Desk, tmp_path: Path, how: str, called: str, outside: bool
) -> None:
    desk.settings["configallowusertopstn"] = how
    found = decided(desk.decide(tmp_path, called))
    assert found.targets[0].kind == ("carrier" if outside else "local")
    assert bool(found.payers) is outside
    there = decided(desk.decide(tmp_path / "b", called, usage=Usage(phones=[desk.other])))
    assert there.targets[0].kind == "local" and there.payers == []
    brought = desk.decide(tmp_path / "c", called, by=desk.dear)
    assert decided(brought).targets[0].kind == "local", "a carrier brings calls to us only"
