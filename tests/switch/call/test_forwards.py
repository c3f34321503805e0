"""Forwards, ring groups, do-not-disturb and redirections: who rings, who pays, and what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.sip.message import Request
from tests.support_sip import sdp
from tests.switch.sim import MICRO, Sim, furnished, opened
from tests.switch.stage import OUTSIDE, Stage
from tests.switch.worlds import Office


@pytest.fixture
def office() -> Office:
    return furnished()


@pytest.fixture
def sim(tmp_path: Path, office: Office) -> Iterator[Sim]:
    yield from opened(tmp_path, office)


@pytest.fixture
def stage(sim: Sim) -> Stage:
    return Stage(sim)


@pytest.mark.req("pbx-024", "pbx-014", "pbx-009")
def test_a_call_forwarded_always_is_paid_by_who_forwards_and_makes_two_records(stage: Stage) -> None:
    stage.forward("1002", "always", OUTSIDE)
    stage.register(stage.b)
    asked = stage.talk(stage.a.call("1002"), stage.one)
    stage.b.silent()
    assert asked.uri.startswith(f"sip:{OUTSIDE}@")
    assert asked.from_.uri.user == "36100001001"
    assert asked.all("Diversion") == ["<sip:1002@127.0.0.1>;reason=unconditional;counter=1;privacy=off"]
    (first,), (second,) = stage.of("1001"), stage.of("1002")
    assert (first["payers"], first["called_account"], first["carrier"]) == ([], stage.ids["1002"], None)
    assert second["payers"][0][:2] == ["retail", stage.ids["1002"]]
    assert (second["carrier"], second["called_number"]) == (stage.ids["one"], OUTSIDE)
    assert first["answered"] == second["answered"] and first["ended"] == second["ended"]
    assert len({first["id"], second["id"]}) == 2


@pytest.mark.req("pbx-023", "pbx-015", "failover-027")
def test_nobody_answers_for_the_time_that_was_chosen_and_the_call_goes_on(stage: Stage) -> None:
    stage.forward("1002", "no_answer", "1003", 7)
    stage.register(stage.b, stage.c)
    invite = stage.a.call("1002")
    ringing = stage.b.asked("INVITE")
    began = stage.sim.now
    stage.b.answer(ringing, 180)
    cancel = stage.b.asked("CANCEL", 20)
    assert 6.9 <= stage.sim.now - began <= 7.2
    stage.b.answer(cancel, 200)
    stage.b.answer(ringing, 487)
    stage.talk(invite, stage.c)
    (first,), (second,) = stage.of("1001"), stage.of("1002")
    assert (first["called_account"], second["called_account"]) == (stage.ids["1002"], stage.ids["1003"])
    assert first["payers"] == second["payers"] == []


@pytest.mark.req("pbx-023")
def test_without_a_registered_phone_the_no_answer_forward_takes_the_call_too(stage: Stage) -> None:
    stage.forward("1002", "no_answer", OUTSIDE)
    stage.talk(stage.a.call("1002"), stage.one)
    assert stage.of("1002")[0]["carrier"] == stage.ids["one"]


@pytest.mark.req("failover-027")
def test_unreachable_has_a_forward_of_its_own(stage: Stage) -> None:
    stage.forward("1002", "no_answer", OUTSIDE)
    stage.forward("1002", "unreachable", "1003")
    stage.register(stage.c)
    stage.talk(stage.a.call("1002"), stage.c)


def test_a_phone_that_says_nothing_is_given_up_and_the_caller_is_told(stage: Stage) -> None:
    """RFC 3665, flow 3.10: no response of any kind."""
    stage.register(stage.b)
    began = stage.sim.now
    invite = stage.a.call("1002")
    asked = stage.b.asked("INVITE")
    again = stage.b.asked("INVITE", 2)
    assert again.get("Via") == asked.get("Via")
    refused = stage.a.told(480, seconds=90)
    assert stage.sim.now - began <= 40
    stage.a.ack(invite, refused)
    (record,) = stage.of("1001")
    assert record["answered"] is None


@pytest.mark.req("pbx-022", "pbx-001")
def test_a_busy_phone_leads_on_to_the_busy_forward(stage: Stage) -> None:
    stage.forward("1002", "busy", "1003")
    stage.register(stage.b, stage.c)
    invite = stage.a.call("1002")
    stage.b.answer(stage.b.asked("INVITE"), 486)
    asked = stage.talk(invite, stage.c)
    assert "reason=user-busy" in (asked.get("Diversion") or "")


def test_a_circle_of_forwards_ends_with_a_refusal(stage: Stage) -> None:
    stage.forward("1002", "always", "1003")
    stage.forward("1003", "always", "1002")
    invite = stage.a.call("1002")
    stage.a.ack(invite, stage.a.told(483))
    causes = {one["cause"] for one in stage.sim.records()}
    assert causes == {"loop"}


def test_more_forwards_than_the_setting_allows_are_refused(stage: Stage) -> None:
    stage.sim.office.settings["maxforwards"] = 1
    stage.forward("1002", "always", "1003")
    stage.forward("1003", "always", "1004")
    invite = stage.a.call("1002")
    stage.a.ack(invite, stage.a.told(483))


def test_who_forwards_without_money_forwards_nothing(stage: Stage) -> None:
    stage.forward("1002", "always", OUTSIDE)
    stage.sim.purse.money[stage.ids["1002"]] = 0
    invite = stage.a.call("1002")
    stage.a.ack(invite, stage.a.told(402))
    assert [one["cause"] for one in stage.sim.records()] == ["no_money", "no_money"]
    stage.one.silent()


def test_a_forwarded_call_ends_when_the_money_of_who_forwards_is_used_up(stage: Stage) -> None:
    stage.forward("1002", "always", OUTSIDE)
    stage.sim.purse.money[stage.ids["1002"]] = 12 * MICRO
    invite = stage.a.call("1002")
    asked = stage.one.asked("INVITE")
    stage.one.answer(asked, 200, body=sdp(41000))
    stage.a.ack(invite, stage.a.told(200, "INVITE"))
    began = stage.sim.now
    stage.one.answer(stage.one.asked("BYE", 20), 200)
    assert 11.9 <= stage.sim.now - began <= 12.1
    stage.a.answer(stage.a.asked("BYE"), 200)
    (paid,) = stage.of("1002")
    assert (paid["cause"], paid["authorised"]) == ("balance_used_up", 12)


def test_a_forwarded_call_whose_worker_dies_is_billed_once_for_each_part(stage: Stage) -> None:
    stage.forward("1002", "always", OUTSIDE)
    invite = stage.a.call("1002")
    asked = stage.one.asked("INVITE")
    stage.one.answer(asked, 200, body=sdp(41000))
    ok = stage.a.told(200, "INVITE")
    stage.a.ack(invite, ok)
    lost = stage.sim.records(crash=True)
    assert sorted(one["caller"] for one in lost) == [stage.ids["1001"], stage.ids["1002"]]
    assert all(one["cause"] == "worker_lost" and one["answered"] for one in lost)
    (paid,) = [one for one in lost if one["payers"]]
    assert paid["caller"] == stage.ids["1002"] and paid["carrier"] == stage.ids["one"]
    stage.a.within("BYE", invite, ok, cseq=3)
    stage.one.answer(stage.one.asked("BYE"), 200)


def test_a_caller_that_hangs_up_takes_the_forwarded_part_with_it(stage: Stage) -> None:
    stage.forward("1002", "always", OUTSIDE)
    invite = stage.a.call("1002")
    asked = stage.one.asked("INVITE")
    stage.one.answer(asked, 180)
    stage.a.told(180)
    stage.a.cancel(invite)
    stage.a.ack(invite, stage.a.told(487))
    stage.one.answer(stage.one.asked("CANCEL"), 200)
    stage.one.answer(asked, 487)
    stage.one.asked("ACK")
    assert [one["cause"] for one in stage.sim.records()] == ["cancelled", "cancelled"]


def test_a_forward_that_nobody_takes_tells_the_caller_why(stage: Stage) -> None:
    stage.forward("1002", "always", "1003")
    stage.register(stage.c)
    invite = stage.a.call("1002")
    stage.c.answer(stage.c.asked("INVITE"), 486)
    stage.a.ack(invite, stage.a.told(486))
    assert {one["status"] for one in stage.sim.records()} == {486}


def test_the_number_of_who_forwards_is_shown_when_the_setting_says_so(stage: Stage) -> None:
    stage.own("1002", "replacecalleronforward", "yes")
    stage.forward("1002", "always", OUTSIDE)
    assert stage.talk(stage.a.call("1002"), stage.one).from_.uri.user == "36100001002"


@pytest.mark.parametrize(
    ("value", "user", "name"),
    [
        ("no", "36100001001", "Ann"),
        ("yes", "36100001002", "Ann"),
        ("username", "36100001002", "1002"),
        ("number", "36100001002", "36100001002"),
    ],
)
def test_who_forwards_may_stand_in_for_the_callers_name_too(
    stage: Stage, value: str, user: str, name: str
) -> None:
    stage.own("1002", "replacecalleronforward", value)
    stage.forward("1002", "always", OUTSIDE)
    invite = stage.a.call("1002", from_=f'"Ann" <sip:{stage.a.user}@127.0.0.1>;tag=named')
    shown = stage.talk(invite, stage.one).from_
    assert (shown.uri.user, shown.display) == (user, name)


def test_a_forward_to_a_code_does_not_dial_it(stage: Stage) -> None:
    stage.forward("1002", "always", "*73")
    invite = stage.a.call("1002")
    stage.one.answer(stage.one.asked("INVITE"), 404)
    stage.a.ack(invite, stage.a.told(404))
    assert [one for one in stage.sim.records() if one["k"] == "do"] == []


# ring groups


@pytest.mark.req("pbx-011", "pbx-002", "pbx-044", "sip-039", "sip-040", "pbx-005", "groups-003", "groups-004")
def test_a_parallel_group_rings_at_once_and_the_first_answer_cancels_the_others(stage: Stage) -> None:
    stage.group("1002", "parallel", ("1003", 0, 0), (OUTSIDE, 3, 0))
    stage.register(stage.b, stage.c)
    invite = stage.a.call("1002")
    ringing = stage.b.asked("INVITE")
    stage.b.answer(ringing, 180)
    out = stage.one.asked("INVITE")
    stage.one.answer(out, 180)
    answered = stage.talk(invite, stage.c)
    assert len({one.call_id for one in (ringing, out, answered)}) == 3
    for phone, asked in ((stage.b, ringing), (stage.one, out)):
        cancel = phone.asked("CANCEL")
        assert cancel.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
        phone.answer(cancel, 200)
        phone.answer(asked, 487)
        phone.asked("ACK")
    (first,), (outside,) = stage.of("1001"), stage.of("1002")
    assert first["called_account"] == stage.ids["1003"]
    assert (outside["cause"], outside["answered"]) == ("cancelled", None)


def test_a_member_outside_that_answers_is_paid_by_the_group(stage: Stage) -> None:
    stage.group("1002", "parallel", (OUTSIDE, 0, 0))
    stage.register(stage.b)
    invite = stage.a.call("1002")
    ringing = stage.b.asked("INVITE")
    stage.b.answer(ringing, 180)
    stage.talk(invite, stage.one)
    stage.b.answer(stage.b.asked("CANCEL"), 200)
    stage.b.answer(ringing, 487)
    (first,), (paid,) = stage.of("1001"), stage.of("1002")
    assert (first["payers"], first["carrier"]) == ([], None)
    assert paid["payers"][0][1] == stage.ids["1002"] and paid["answered"]


@pytest.mark.req("pbx-012", "groups-004")
def test_a_serial_group_rings_one_after_the_other_each_for_its_time(stage: Stage) -> None:
    stage.group("1002", "serial", ("1003", 0, 4), own=False)
    stage.sim.office.rows["ring_groups"][-1][3].append(("1004", 0, 0))
    stage.sim.change()
    d = stage.sim.peer("1004")
    stage.register(stage.b, stage.c, d)
    invite = stage.a.call("1002")
    ringing = stage.c.asked("INVITE")
    stage.c.answer(ringing, 180)
    d.silent(3.5)
    stage.c.answer(stage.c.asked("CANCEL"), 200)
    stage.c.answer(ringing, 487)
    stage.talk(invite, d)
    stage.b.silent()
    assert stage.of("1001")[0]["called_account"] == stage.ids["1004"]


def test_the_best_refusal_of_a_group_goes_to_the_caller(stage: Stage) -> None:
    stage.group("1002", "parallel", ("1003", 0, 0))
    stage.register(stage.b, stage.c)
    invite = stage.a.call("1002")
    stage.b.answer(stage.b.asked("INVITE"), 404)
    stage.c.answer(stage.c.asked("INVITE"), 486)
    stage.a.ack(invite, stage.a.told(486))


# wishes of the called


def test_do_not_disturb_is_busy(stage: Stage) -> None:
    stage.own("1002", "donotdisturb", True)
    stage.register(stage.b)
    invite = stage.a.call("1002")
    stage.a.ack(invite, stage.a.told(486))
    stage.b.silent()
    assert stage.of("1001")[0]["cause"] == "do_not_disturb"


@pytest.mark.parametrize(
    "fields", [{"from_": "<sip:anonymous@anonymous.invalid>;tag=x"}, {"headers": (("Privacy", "id"),)}]
)
def test_anonymous_calls_are_refused_where_they_are_not_wanted(stage: Stage, fields: Any) -> None:
    stage.own("1002", "rejectanonymous", True)
    stage.register(stage.b)
    invite = stage.a.call("1002", **fields)
    stage.a.ack(invite, stage.a.told(433))
    stage.b.silent()


@pytest.mark.req("pbx-004", "pbx-035")
@pytest.mark.parametrize("waiting", [True, False])
def test_a_second_call_waits_or_is_busy(stage: Stage, waiting: bool) -> None:
    stage.own("1002", "callwaiting", waiting)
    stage.register(stage.b)
    first = stage.a.call("1002")
    asked = stage.b.asked("INVITE")
    stage.b.answer(asked, 200, body=sdp())
    ok = stage.a.told(200, "INVITE")
    stage.a.ack(first, ok)
    second = stage.c.call("1002")
    if waiting:
        stage.b.answer(stage.b.asked("INVITE"), 486)
    stage.c.ack(second, stage.c.told(486))
    assert stage.of("1003")[0]["cause"] == ("sip_486" if waiting else "busy")
    stage.a.within("BYE", first, ok, cseq=3)
    stage.b.answer(stage.b.asked("BYE"), 200)
    if not waiting:
        again = stage.c.call("1002")
        stage.b.answer(stage.b.asked("INVITE"), 480)
        stage.c.ack(again, stage.c.told(480))


@pytest.mark.req("pbx-042", "pbx-043")
@pytest.mark.parametrize(
    ("how", "to", "rings"),
    [("no", "1003", ""), ("special", "1003", "1003"), ("special", "", ""), ("yes", "1003", "1001")],
)
def test_an_account_that_calls_itself(stage: Stage, how: str, to: str, rings: str) -> None:
    stage.own("1001", "allowselfcall", how)
    stage.own("1001", "selfforwardto", to)
    stage.register(stage.a, stage.c)
    invite = stage.a.call("1001")
    if rings:
        phone = stage.a if rings == "1001" else stage.c
        phone.answer(phone.asked("INVITE"), 486)
    stage.a.ack(invite, stage.a.told(486))


@pytest.mark.req("pbx-007")
def test_a_short_number_calls_the_long_one(stage: Stage) -> None:
    stage.sim.office.rows["speed_dials"].append([stage.ids["1001"], "7", OUTSIDE])
    stage.sim.change()
    asked = stage.talk(stage.a.call("*07"), stage.one)
    assert asked.uri.startswith(f"sip:{OUTSIDE}@")
    unknown = stage.a.call("*08")
    stage.a.ack(unknown, stage.a.told(484))


# redirections


@pytest.mark.req("sip-054")
def test_a_3xx_is_passed_to_the_caller_at_our_own_address(stage: Stage) -> None:
    stage.register(stage.b)
    invite = stage.a.call("1002")
    asked = stage.b.asked("INVITE")
    stage.b.contact = "<sip:1003@192.168.1.9:5070>"
    stage.b.answer(asked, 302)
    told = stage.a.told(302)
    assert told.all("Contact") == ["<sip:1003@127.0.0.1>"]
    stage.a.ack(invite, told)
    assert stage.of("1001")[0]["cause"] == "moved"


@pytest.mark.req("sip-055", "sip-025")
def test_a_3xx_is_refused_when_that_is_the_setting(stage: Stage) -> None:
    stage.own("1002", "canmove", "refuse")
    stage.register(stage.b)
    invite = stage.a.call("1002")
    stage.b.answer(stage.b.asked("INVITE"), 302)
    stage.a.ack(invite, stage.a.told(480))


@pytest.mark.req("sip-055")
def test_a_3xx_number_of_ours_is_followed_and_one_outside_is_not(stage: Stage) -> None:
    stage.own("1002", "canmove", "number")
    b = stage.sim.peer("1002")
    stage.register(b, stage.c)
    invite = stage.a.call("1002")
    asked = b.asked("INVITE")
    b.contact = "<sip:1003@127.0.0.1>"
    b.answer(asked, 302)
    stage.talk(invite, stage.c)
    b.contact = f"<sip:{OUTSIDE}@127.0.0.1>"
    invite = stage.a.call("1002")
    b.answer(b.asked("INVITE"), 302)
    stage.a.ack(invite, stage.a.told(480))
    stage.one.silent()


@pytest.mark.req("sip-055")
@pytest.mark.parametrize(("how", "payer"), [("route", "1001"), ("forward", "1002")])
def test_a_3xx_number_outside_is_paid_by_the_caller_or_by_who_forwards(
    stage: Stage, how: str, payer: str
) -> None:
    stage.own("1002", "canmove", how)
    b = stage.sim.peer("1002")
    stage.register(b)
    invite = stage.a.call("1002")
    asked = b.asked("INVITE")
    b.contact = f"<sip:{OUTSIDE}@127.0.0.1>"
    b.answer(asked, 302)
    stage.talk(invite, stage.one)
    paid = [one for one in stage.sim.records() if one["payers"]]
    assert [one["payers"][0][1] for one in paid] == [stage.ids[payer]]
    assert len(stage.sim.records()) == (1 if how == "route" else 2)


@pytest.mark.req("sip-055")
def test_a_3xx_domain_is_followed_to_where_it_says(stage: Stage) -> None:
    stage.own("1002", "canmove", "domain")
    b, elsewhere = stage.sim.peer("1002"), stage.sim.peer("bob")
    stage.register(b)
    invite = stage.a.call("1002")
    asked = b.asked("INVITE")
    b.contact = f"<sip:bob@127.0.0.1:{elsewhere.port}>"
    b.answer(asked, 302)
    assert stage.talk(invite, elsewhere).uri == f"sip:bob@127.0.0.1:{elsewhere.port}"


def test_phones_that_move_to_each_other_are_a_loop(stage: Stage) -> None:
    stage.own("1002", "canmove", "number")
    b = stage.sim.peer("1002")
    stage.register(b)
    invite = stage.a.call("1002")
    own = b.contact
    while True:
        message = b.receive()
        if isinstance(message, Request) and message.method == "INVITE":
            b.contact = "<sip:1002@127.0.0.1>"
            b.answer(message, 302)
            b.contact = own
            if sum(isinstance(m, Request) and m.method == "INVITE" for m in b.heard) == 6:
                break
    stage.a.ack(invite, stage.a.told(483))
