"""Where a call would go: the pipeline's own decision, told step by step to the office."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from switch.call.explain import Asked, answered, explain
from switch.call.pipeline import decide
from tests.switch.call.test_pipeline import House
from tests.switch.worlds import NOW, Usage, request

CALLED = "36201234567"
CALL = "01930000-0000-7000-8000-000000000001"


def asked(called: str = CALLED, account: int | None = None, **more: Any) -> Asked:
    return Asked.read({"called": called, "account": account, "at": NOW, "call": CALL, **more}, NOW)


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.req("routing-032", "routing-047", "routing-084")
def test_it_tells_rules_ways_costs_and_why_one_stands_before_the_next(house: House, tmp_path: Path) -> None:
    house.rule("night", house.dear, priority=1, window=[[127, 0, 60]])
    house.rule("behind", house.dear, priority=200)
    next(row for row in house.rows["rules"] if row[1] == "all")[5] = True
    found = explain(asked("+" + CALLED, house.subscriber), house.world(tmp_path), Usage())
    assert [(rule["name"], rule["why_not"]) for rule in found["rules"]] == [
        ("all", ""),
        ("night", "it is not its hour"),
        ("behind", "a rule before it has the last word"),
    ]
    ways = [(one["account"], one["cost"], one["number"], one["before_next"]) for one in found["targets"]]
    assert ways == [
        ("cheap", "0.03", "77201234567", "least cost: 0.03 before 0.04"),
        ("dear", "0.04", f"00{CALLED}", ""),
    ]
    assert (found["called"], found["refused"], found["caller"]["username"]) == (CALLED, None, "1001")
    assert [(one["account"], one["minute"]) for one in found["payers"]] == [
        ("1001", "0.1"),
        ("partner", "0.05"),
    ]


def test_it_is_the_decision_that_the_call_itself_gets(house: House, tmp_path: Path) -> None:
    house.rule("lot", (house.dear, 1, 1), (house.cheap, 1, 1), priority=1, strategy="weight")
    world = house.world(tmp_path)
    caller = world.account(house.subscriber)
    assert caller is not None
    decision = decide(request(CALLED, call_id=CALL), caller, world, NOW, Usage())
    found = explain(asked(account=house.subscriber), world, Usage())
    assert [one["account"] for one in found["targets"]] == [one.account.username for one in decision.targets]  # type: ignore[union-attr]
    assert found["trace"] == decision.trace


def test_carriers_that_cannot_have_it_are_told_with_the_reason(house: House, tmp_path: Path) -> None:
    found = explain(asked(account=house.subscriber), house.world(tmp_path), Usage(out={house.cheap: 2}))
    assert found["skipped"] == [{"account": "cheap", "rule": "all", "why": "its lines are full (2)"}]
    house.rows["standings"].append([house.cheap, "", "demoted", 1, NOW + 60, "ASR 2 %"])
    demoted = explain(asked(account=house.subscriber), house.world(tmp_path / "b"), Usage())
    assert demoted["targets"][1]["standing"] == {"demoted": "demoted: ASR 2 %"}
    assert (
        demoted["targets"][0]["before_next"] == "carrier is not demoted: not demoted before demoted: ASR 2 %"
    )


@pytest.mark.req("routing-035")
def test_a_refusal_is_told_with_its_cause_and_all_that_came_before(house: House, tmp_path: Path) -> None:
    house.rows["rules"].clear()
    found = explain(asked(account=house.subscriber), house.world(tmp_path), Usage())
    assert found["refused"] == {"cause": "no_route", "status": 404, "detail": f"no route rule takes {CALLED}"}
    assert found["trace"][-1] == f"Refused: no route rule takes {CALLED}."


def test_without_an_account_the_caller_is_known_by_its_address(house: House, tmp_path: Path) -> None:
    world = house.world(tmp_path)
    found = explain(asked(f"99#{CALLED}", address="198.51.100.7:5060"), world, Usage())
    assert found["caller"]["username"] == "wholesale"
    stranger = explain(asked(address="203.0.113.1:5060"), world, Usage())
    assert (stranger["caller"], stranger["refused"]["status"]) == (None, 401)


def test_a_call_that_stays_inside_is_told_too(house: House, tmp_path: Path) -> None:
    found = explain(asked("1002", house.subscriber), house.world(tmp_path), Usage())
    assert [(one["account"], one["rule"]) for one in found["targets"]] == [("1002", "")]


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"token": "../../x", "called": "1"},
        {"token": "0" * 32},
        {"token": "0" * 32, "called": "1", "at": "never"},
        {"token": "0" * 32, "called": "1", "account": "me"},
        {"token": "0" * 32, "called": "1", "call": "no id"},
        {"token": "0" * 32, "called": "1", "address": "1.2.3.4:sip"},
    ],
)
def test_an_order_that_is_none_gets_no_answer(order: dict[str, Any], house: House, tmp_path: Path) -> None:
    assert answered(order, house.world(tmp_path), NOW, Usage()) is None


def test_the_answer_goes_to_the_one_who_asked_and_is_forgotten(house: House, tmp_path: Path) -> None:
    class Pipe(list[tuple[Any, ...]]):
        def pipeline(self, transaction: bool) -> Pipe:
            return self

        def __enter__(self) -> Pipe:
            return self

        def __exit__(self, *_: object) -> None: ...

        def __getattr__(self, name: str) -> Any:
            return lambda *words: self.append((name, *words))

    order = {"token": "ab" * 16, "called": CALLED, "account": house.subscriber}
    tell, said = answered(order, house.world(tmp_path), NOW, Usage()), Pipe()
    assert tell is not None
    tell(said)  # type: ignore[arg-type]
    (push, key, blob), (expire, same, seconds), (run,) = said
    assert (push, expire, run, key, same, seconds) == (
        "rpush",
        "expire",
        "execute",
        f"mizu:answers:{'ab' * 16}",
        key,
        60,
    )
    assert json.loads(blob)["targets"][0]["account"] == "cheap"
