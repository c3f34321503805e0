"""Calls that ring or are up elsewhere, taken by a phone: by Replaces or a code; and what phones set by codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support_sip import sdp
from tests.switch.sim import Sim, furnished, opened
from tests.switch.stage import Stage, hang_up, port_of


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def sim(tmp_path: Path, request: Any) -> Iterator[Sim]:
    yield from opened(tmp_path, furnished(), request.param)


@pytest.fixture
def stage(sim: Sim) -> Stage:
    made = Stage(sim)
    made.register(made.b, made.c)
    return made


def test_a_phone_of_the_pickup_group_answers_a_call_that_rings_elsewhere(stage: Stage) -> None:
    for user in ("1002", "1003"):
        stage.own(user, "pickup_group", "sales")
    invite = stage.a.call("1002", body=sdp(45000))
    ringing = stage.b.asked("INVITE")
    early = stage.b.answer(ringing, 180)
    stage.a.told(180)
    dialog = f"{ringing.call_id};to-tag={ringing.from_.tag};from-tag={early.to.tag}"
    taken = stage.c.call("1002", headers=(("Replaces", dialog),), body=sdp(46000))
    ok = stage.c.told(200, "INVITE")
    assert port_of(ok) == 45000
    stage.c.ack(taken, ok)
    answered = stage.a.told(200, "INVITE")
    assert port_of(answered) == 46000
    stage.a.ack(invite, answered)
    cancel = stage.b.asked("CANCEL")
    assert "cause=200" in (cancel.get("Reason") or "")
    stage.b.answer(cancel, 200)
    stage.b.answer(ringing, 487)
    stage.a.within("BYE", invite, answered, cseq=3)
    stage.bye(stage.c)
    (record,) = stage.sim.records()
    assert record["called_account"] == stage.ids["1003"] and record["answered"]


# pickup by code


def grouped(stage: Stage, *users: str) -> None:
    for user in users:
        stage.own(user, "pickup_group", "sales")


@pytest.mark.req("pbx-036")
@pytest.mark.parametrize("code", ["*7*1002", "*8"])
def test_a_phone_dials_a_code_and_answers_the_call_that_rings_elsewhere(stage: Stage, code: str) -> None:
    """On two workers the phone's call and the ringing one are on different ones."""
    grouped(stage, "1002", "1003")
    invite = stage.a.call("1002", body=sdp(45000))
    ringing = stage.b.asked("INVITE")
    stage.b.answer(ringing, 180)
    stage.a.told(180)
    taken = stage.c.call(code, body=sdp(46000))
    ok = stage.c.told(200, "INVITE")
    assert port_of(ok) == 45000
    stage.c.ack(taken, ok)
    answered = stage.a.told(200, "INVITE")
    assert port_of(answered) == 46000
    stage.a.ack(invite, answered)
    stage.b.answer(stage.b.asked("CANCEL"), 200)
    stage.b.answer(ringing, 487)
    stage.sim.tick(3)
    stage.a.within("BYE", invite, answered, cseq=3)
    stage.bye(stage.c)
    (record,) = stage.of("1001")
    assert record["answered"] and record["ended"] - record["answered"] >= 3
    assert len(stage.of("1003")) == 1


@pytest.mark.req("pbx-036")
def test_a_phone_dials_a_code_and_takes_over_a_call_that_is_up(stage: Stage) -> None:
    grouped(stage, "1002", "1003")
    talk = stage.up(stage.a, stage.b)
    taken = stage.c.call("*7*1002", body=sdp(46000))
    assert port_of(stage.reoffered(stage.a)) == 46000
    ok = stage.c.told(200, "INVITE")
    assert port_of(ok) == stage.a.port + 1
    stage.c.ack(taken, ok)
    stage.bye(stage.b)
    hang_up(stage, talk, stage.c)


def test_a_phone_outside_the_group_picks_up_nothing(stage: Stage) -> None:
    grouped(stage, "1002")
    invite = stage.a.call("1002")
    ringing = stage.b.asked("INVITE")
    stage.b.answer(ringing, 180)
    stage.a.told(180)
    for code in ("*7*1002", "*8"):
        taken = stage.c.call(code)
        stage.c.ack(taken, stage.c.told(404))
    stage.b.answer(ringing, 486)
    stage.a.ack(invite, stage.a.told(486))


def test_a_forwarded_call_that_is_picked_up_stays_with_who_pays_for_it(stage: Stage) -> None:
    """1002 forwards to 1003, 1004 answers for 1003: two records, and neither is left open."""
    stage.forward("1002", "always", "1003")
    grouped(stage, "1003", "1004")
    d = stage.sim.peer("1004")
    invite = stage.a.call("1002")
    ringing = stage.c.asked("INVITE")
    stage.c.answer(ringing, 180)
    stage.a.told(180)
    taken = d.call("*8")
    d.ack(taken, d.told(200, "INVITE"))
    answered = stage.a.told(200, "INVITE")
    stage.a.ack(invite, answered)
    stage.c.answer(stage.c.asked("CANCEL"), 200)
    stage.c.answer(ringing, 487)
    stage.a.within("BYE", invite, answered, cseq=3)
    stage.bye(d)
    assert [bool(one["answered"]) for one in stage.of("1001") + stage.of("1002")] == [True, True]


# forwards by code


@pytest.mark.parametrize(
    ("code", "order"),
    [
        ("*7249301", {"what": "forward", "kind": "always", "number": "49301"}),
        ("*73", {"what": "forward", "kind": "always", "number": ""}),
        ("*92" + "1003", {"what": "forward", "kind": "no_answer", "number": "1003"}),
        ("*78", {"what": "switch", "key": "donotdisturb", "value": True}),
    ],
)
def test_a_phone_sets_its_forwards_by_code(stage: Stage, code: str, order: dict[str, Any]) -> None:
    invite = stage.a.call(code)
    ok = stage.a.told(200, "INVITE")
    assert b"m=audio 0 " in ok.body
    stage.a.ack(invite, ok)
    stage.bye(stage.a)
    told = [one for one in stage.sim.records() if one["k"] == "do"]
    assert [one["account"] for one in told] == [stage.ids["1001"]]
    assert order.items() <= told[0].items()
