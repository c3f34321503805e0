"""Answered calls whose carrier breaks off: what breaks a call, by whom it goes on, what is paid, and what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.cdrs.tracing.messages import unpacked
from switch.sip.message import Request, Response
from switch.trace import Tracer
from tests.support_sip import sdp
from tests.switch.call.test_transfers import refer_of_caller
from tests.switch.sim import HOST, MICRO, Sim, SimPeer, furnished, opened
from tests.switch.stage import OUTSIDE, Stage, Talk, hang_up, port_of

BROKEN = 'Q.850;cause=41;text="Temporary failure"'


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    office = furnished()
    office.settings |= {"rerouteconnected": "yes", "failover_repeat_seconds": 0}
    office.carrier("three", {"": 30_000}, media="direct")
    office.rows["trunks"][-1][1:4] = [HOST, 19_030, "udp"]
    office.rows["rules"][-1][3].append([office.rows["accounts"][-1][0], 1, 1])
    yield from opened(tmp_path, office)


@pytest.fixture
def stage(sim: Sim) -> Stage:
    return Stage(sim)


def settle(stage: Stage, **settings: Any) -> None:
    stage.sim.office.settings |= settings
    stage.sim.change()


def broken(talk: Talk, reason: str = BROKEN) -> None:
    """The carrier hangs up a moment later, and says why."""
    talk.caller.sim.tick(0.1)
    talk.callee.back("BYE", talk.asked, talk.answer, headers=(("Reason", reason),) if reason else ())
    talk.callee.told(200, "BYE")


def taken(stage: Stage, carrier: SimPeer, port: int = 47_000) -> tuple[Request, Response]:
    """Another carrier gets the call and answers; the caller hears where its side is."""
    asked = carrier.asked("INVITE")
    answer = carrier.answer(asked, 200, body=sdp(port))
    carrier.asked("ACK")
    assert port_of(stage.reoffered(stage.a)) == port
    return asked, answer


def ended(stage: Stage) -> None:
    """The caller is hung up, and nobody is called."""
    stage.bye(stage.a)
    stage.two.silent(1.0)


# --- the call goes on -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("failover-014")
def test_a_call_whose_carrier_breaks_off_goes_on_by_the_next_while_its_caller_waits(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.sim.tick(5)
    broken(talk)
    asked = stage.two.asked("INVITE")
    assert asked.uri.startswith(f"sip:{OUTSIDE}@") and asked.from_.uri.user == talk.asked.from_.uri.user
    assert port_of(asked) == stage.a.port + 1
    stage.two.answer(asked, 180)
    stage.sim.tick(3)
    stage.two.answer(asked, 200, body=sdp(47_000))
    stage.two.asked("ACK")
    again = stage.reoffered(stage.a)
    assert (again.call_id, port_of(again)) == (talk.invite.call_id, 47_000)
    assert b"o=- 1 2 " in again.body  # the far side that the caller knows, in a new version
    stage.sim.tick(7)
    hang_up(stage, talk, stage.two)
    first, second = stage.of("1001")
    assert [(one["cause"], one["q850"], one["by"]) for one in (first, second)] == [
        ("rerouted", 41, "called"),
        ("normal", 16, "caller"),
    ]
    assert [one["carrier"] for one in (first, second)] == [stage.ids["one"], stage.ids["two"]]
    assert 5 <= first["ended"] - first["answered"] <= 5.3 and 7 <= second["ended"] - second["answered"] <= 7.3
    assert 3 <= second["answered"] - first["ended"] <= 4
    assert all(one["payers"][0][1] == stage.ids["1001"] and one["cost"] for one in (first, second))
    assert first["sip_call_id"] == second["sip_call_id"] and first["called_number"] == second["called_number"]
    assert first["comment"] == f"the carrier broke off: {BROKEN}; it goes on as {second['id']}"
    assert second["comment"].startswith(f"goes on from {first['id']}: the carrier broke off")


@pytest.mark.req("failover-014")
@pytest.mark.parametrize(
    ("wanted", "goes_on"),
    [("yes", True), ("60", True), ("4", False), ("half", False), ("no", False), ("auto", False)],
)
def test_the_setting_says_which_calls_go_on(stage: Stage, wanted: str, goes_on: bool) -> None:
    """The call has lasted five seconds; its media goes past us, so that nobody knows whether the carrier's side was heard."""
    settle(stage, rerouteconnected=wanted)
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.sim.tick(5)
    broken(talk)
    if goes_on:
        taken(stage, stage.two)
        hang_up(stage, talk, stage.two)
    else:
        ended(stage)
        assert [one["cause"] for one in stage.of("1001")] == ["normal"]


def test_an_accounts_own_value_wins(stage: Stage) -> None:
    stage.own("1001", "rerouteconnected", "no")
    broken(stage.up(stage.a, stage.one, OUTSIDE))
    ended(stage)


@pytest.mark.req("failover-014")
@pytest.mark.parametrize(
    ("reason", "goes_on"),
    [
        ("Q.850;cause=38", True),
        ("Q.850;cause=27", True),
        ("SIP;cause=503", True),
        ("SIP;cause=200, Q.850;cause=102", True),
        ("", False),
        ("Q.850;cause=16", False),
        ("Q.850;cause=31", False),
        ("SIP;cause=480", False),
        ("SIP;cause=200", False),
        ("nonsense", False),
    ],
)
def test_only_a_failure_breaks_a_call(stage: Stage, reason: str, goes_on: bool) -> None:
    settle(stage, rerouteon="all")  # which lets a refused call go on after nearly every status
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    broken(talk, reason)
    if goes_on:
        taken(stage, stage.two)
        hang_up(stage, talk, stage.two)
    else:
        ended(stage)


@pytest.mark.parametrize(
    ("account", "key", "value"),
    [
        ("", "noreroutedisccodes", [503]),
        ("", "rerouteon", "off"),
        ("", "allowreroute", "no"),
        ("one", "allowreroute", "no"),
        ("", "maxreroute", 0),
    ],
)
def test_what_keeps_a_refused_call_from_going_on_keeps_a_broken_one_too(
    stage: Stage, account: str, key: str, value: Any
) -> None:
    if account:
        stage.own(account, key, value)
    else:
        settle(stage, **{key: value})
    broken(stage.up(stage.a, stage.one, OUTSIDE))
    ended(stage)


@pytest.mark.req("failover-014")
@pytest.mark.parametrize("most", [1, 2])
def test_one_conversation_has_no_more_carriers_than_maxreroute_says(stage: Stage, most: int) -> None:
    settle(stage, maxreroute=most)
    three = stage.sim.peer("three", 19_030)
    invite = stage.a.call(OUTSIDE, body=sdp(stage.a.port + 1))
    stage.one.answer(stage.one.asked("INVITE"), 503)
    asked = stage.two.asked("INVITE")
    answer = stage.two.answer(asked, 200, body=sdp(41_000))
    ok = stage.a.told(200, "INVITE")
    stage.a.ack(invite, ok)
    stage.two.asked("ACK")
    talk = Talk(stage.a, stage.two, invite, ok, asked, answer)
    broken(talk)
    if most == 1:
        stage.bye(stage.a)
        three.silent(1.0)
        return
    talk.callee, (talk.asked, talk.answer) = three, taken(stage, three)
    broken(talk)
    stage.bye(stage.a)
    assert [one["cause"] for one in stage.of("1001")] == ["rerouted", "normal"]


# --- other ways to break ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("failover-014")
@pytest.mark.parametrize("status", [481, 0])
def test_a_carrier_that_knows_the_call_no_more_is_left_and_the_caller_told_to_ask_again(
    stage: Stage, status: int
) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    held = stage.a.within("INVITE", talk.invite, talk.ok, cseq=3, body=sdp(40_002, direction="sendonly"))
    asked = stage.one.asked("INVITE")
    if status:
        stage.one.answer(asked, status)
    else:
        stage.one.close()  # and says nothing for 32 seconds
    later = stage.a.told(500, "INVITE", 40)
    assert later.get("Retry-After") == "3"
    stage.a.ack(held, later)
    asked = stage.two.asked("INVITE")
    assert port_of(asked) == stage.a.port + 1 and b"sendrecv" in asked.body  # what it asked for does not hold
    stage.two.answer(asked, 200, body=sdp(47_000))
    stage.two.asked("ACK")
    stage.reoffered(stage.a)
    hang_up(stage, talk, stage.two)
    assert [one["q850"] for one in stage.of("1001")] == [102, 16]


def test_an_info_that_the_carrier_answers_with_481_does_not_end_the_callers_dialog(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.a.within("INFO", talk.invite, talk.ok, cseq=3)
    stage.one.answer(stage.one.asked("INFO"), 481)
    stage.a.told(500, "INFO")
    taken(stage, stage.two)
    hang_up(stage, talk, stage.two)


def test_an_answer_of_a_carrier_that_has_been_left_changes_nothing(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.a.within("INFO", talk.invite, talk.ok, cseq=3)
    info = stage.one.asked("INFO")
    held = stage.a.within("INVITE", talk.invite, talk.ok, cseq=4, body=sdp(40_002, direction="sendonly"))
    asked = stage.one.asked("INVITE")
    broken(talk)
    stage.a.ack(held, stage.a.told(491, "INVITE"))
    stage.one.answer(info, 481)
    stage.a.told(500, "INFO")
    stage.one.answer(asked, 200, body=sdp(41_002))
    stage.one.asked("ACK")
    taken(stage, stage.two)
    hang_up(stage, talk, stage.two)


@pytest.mark.req("failover-014")
def test_a_carrier_that_no_longer_refreshes_is_left_and_paid_until_its_last_sign_of_life(
    stage: Stage,
) -> None:
    stage.own("one", "sessiontimer", "forced")
    settle(stage, def_min_sessiontimer=90, def_mid_sessiontimer=90)
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.one.answer(stage.one.asked("INVITE", 60), 200, body=sdp(stage.one.port + 1))  # our refresh
    stage.one.asked("ACK")
    stage.one.asked("INVITE", 60)
    stage.one.close()
    asked = stage.two.asked("INVITE", 60)
    stage.two.answer(asked, 200, body=sdp(47_000))
    stage.two.asked("ACK")
    stage.reoffered(stage.a)
    hang_up(stage, talk, stage.two)
    first, second = stage.of("1001")
    assert (first["cause"], first["by"], second["cause"]) == ("rerouted", "switch", "normal")
    assert "is billed until then" in first["comment"]
    assert first["ended"] - first["answered"] < 60 < second["started"] - first["answered"]


# --- while the other carrier is called --------------------------------------------------------------------------------------------


@pytest.mark.req("failover-014")
@pytest.mark.parametrize("late", [False, True], ids=["in time", "too late"])
def test_a_caller_that_hangs_up_meanwhile_is_not_called_back(stage: Stage, late: bool) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    broken(talk)
    asked = stage.two.asked("INVITE")
    stage.two.answer(asked, 180)
    stage.a.cancel(talk.invite)  # its INVITE was answered: nothing comes of it
    stage.two.silent(1.0)
    stage.a.within("BYE", talk.invite, talk.ok, cseq=9)
    stage.a.told(200, "BYE")
    cancel = stage.two.asked("CANCEL")
    if late:
        stage.two.answer(asked, 200, body=sdp(47_000))
        stage.two.asked("ACK")
        stage.bye(stage.two)
    else:
        stage.two.answer(cancel, 200)
        stage.two.answer(asked, 487)
        stage.two.asked("ACK")
    stage.a.silent(1.0)
    first, second = stage.of("1001")
    assert (first["cause"], second["cause"], second.get("answered")) == ("rerouted", "cancelled", None)


def test_what_the_caller_asks_meanwhile_it_may_ask_again(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    broken(talk)
    stage.a.within("INFO", talk.invite, talk.ok, cseq=3)
    assert stage.a.told(500, "INFO").get("Retry-After") == "3"
    asked = stage.two.asked("INVITE")
    stage.two.answer(asked, 180)
    stage.a.within("UPDATE", talk.invite, talk.ok, cseq=4)
    stage.a.told(500, "UPDATE")
    held = stage.a.within("INVITE", talk.invite, talk.ok, cseq=5, body=sdp(direction="sendonly"))
    stage.a.ack(held, stage.a.told(491, "INVITE"))
    stage.two.answer(asked, 200, body=sdp(47_000))
    stage.two.asked("ACK")
    stage.reoffered(stage.a)
    stage.a.within("INFO", talk.invite, talk.ok, cseq=6)
    stage.two.answer(stage.two.asked("INFO"), 200)
    stage.a.told(200, "INFO")
    hang_up(stage, talk, stage.two)


@pytest.mark.req("failover-014")
def test_when_nobody_takes_it_the_caller_is_hung_up(stage: Stage) -> None:
    three = stage.sim.peer("three", 19_030)
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    broken(talk)
    stage.two.answer(stage.two.asked("INVITE"), 503)
    three.answer(three.asked("INVITE"), 486)
    assert "Q.850;cause=17" in (stage.bye(stage.a).get("Reason") or "")
    first, second = stage.of("1001")
    assert (first["cause"], second["cause"], second["answered"]) == ("rerouted", "sip_486", None)
    assert [one[1] for one in second["attempts"]] == [503, 486]
    assert second["comment"].startswith(f"goes on from {first['id']}: the carrier broke off: {BROKEN} | ")


def test_a_carrier_whose_answer_describes_nothing_does_not_get_it(stage: Stage) -> None:
    three = stage.sim.peer("three", 19_030)
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    broken(talk)
    stage.two.answer(stage.two.asked("INVITE"), 200)
    stage.bye(stage.two)
    taken(stage, three)
    hang_up(stage, talk, three)


def test_a_caller_that_does_not_take_the_other_carriers_description_ends_the_call(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    broken(talk)
    stage.two.answer(stage.two.asked("INVITE"), 200, body=sdp(47_000))
    stage.reoffered(stage.a, 488)
    for party in (stage.two, stage.a):
        stage.bye(party)


def test_the_callers_session_timer_goes_on(stage: Stage) -> None:
    stage.own("1001", "sessiontimer", "supported")
    settle(stage, def_min_sessiontimer=90, def_mid_sessiontimer=90)
    able = (("Supported", "timer"),)
    invite = stage.a.call(OUTSIDE, body=sdp(stage.a.port + 1), headers=able)
    asked = stage.one.asked("INVITE")
    answer = stage.one.answer(asked, 200, body=sdp(41_000))
    ok = stage.a.told(200, "INVITE")
    assert ok.get("Session-Expires") == "90;refresher=uac"
    stage.a.ack(invite, ok)
    stage.one.asked("ACK")
    broken(Talk(stage.a, stage.one, invite, ok, asked, answer))
    stage.two.answer(stage.two.asked("INVITE"), 200, body=sdp(47_000))
    again = stage.a.asked("INVITE")
    assert again.get("Session-Expires") == "90;refresher=uas"
    stage.a.answer(
        again, 200, body=sdp(stage.a.port + 1), headers=(*able, ("Session-Expires", "90;refresher=uas"))
    )
    stage.a.asked("ACK")
    stage.two.answer(stage.two.asked("BYE", 90), 200)
    stage.bye(stage.a)
    assert [one["cause"] for one in stage.of("1001")] == ["rerouted", "session_expired"]


# --- who does not go on -----------------------------------------------------------------------------------------------------------


def test_a_call_that_was_forwarded_ends_with_its_carrier(stage: Stage) -> None:
    stage.register(stage.b)
    stage.forward("1002", "always", OUTSIDE)
    talk = stage.up(stage.a, stage.one, "1002")
    broken(talk)
    ended(stage)


def test_a_call_whose_caller_has_transferred_it_ends_with_its_carrier(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    assert refer_of_caller(talk, "<sip:36201112222@127.0.0.1>").status == 202
    stage.reoffered(stage.one)
    stage.one.answer(stage.one.asked("INVITE"), 200, body=sdp(47_000), tag="third")
    stage.reoffered(stage.one)
    stage.bye(stage.a)
    broken(talk)
    stage.bye(stage.one)  # whom it was transferred to
    stage.two.silent(1.0)


# --- money ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.req("failover-014")
def test_a_caller_without_money_for_the_second_call_is_hung_up(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.sim.tick(5)
    stage.sim.purse.money[stage.ids["1001"]] = 0
    broken(talk)
    ended(stage)
    first, second = stage.of("1001")
    assert (first["cause"], second["cause"]) == ("rerouted", "no_money")
    assert (first["authorised"], second["answered"]) == (10, None)


@pytest.mark.req("failover-014")
def test_what_was_held_for_the_first_call_is_waited_for(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.sim.purse.money[stage.ids["1001"]] = 0  # all that it has is held
    broken(talk)
    stage.sim.tick(0.7)
    stage.sim.purse.money[stage.ids["1001"]] = 1000 * MICRO  # the writer was busy
    taken(stage, stage.two)
    hang_up(stage, talk, stage.two)
    assert [one["cause"] for one in stage.of("1001")] == ["rerouted", "normal"]


@pytest.mark.req("failover-014")
def test_the_second_call_is_cut_when_its_own_money_is_used_up(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.sim.tick(5)
    stage.sim.purse.money[stage.ids["1001"]] = 7 * MICRO
    broken(talk)
    taken(stage, stage.two)
    began = stage.sim.now
    for party in (stage.two, stage.a):
        stage.bye(party)
    assert 6.8 <= stage.sim.now - began <= 7.2
    assert [(one["cause"], one["authorised"]) for one in stage.of("1001")] == [
        ("rerouted", 10),
        ("balance_used_up", 7),
    ]


def test_both_calls_together_last_no_longer_than_one(stage: Stage) -> None:
    settle(stage, maxcallduration=9)
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.sim.tick(5)
    broken(talk)
    taken(stage, stage.two)
    began = stage.sim.now
    for party in (stage.two, stage.a):
        stage.bye(party)
    assert 3.8 <= stage.sim.now - began <= 4.2
    assert [one["cause"] for one in stage.of("1001")] == ["rerouted", "too_long"]


@pytest.mark.req("failover-014")
def test_a_worker_that_dies_meanwhile_bills_each_part_once(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    broken(talk)
    asked = stage.two.asked("INVITE")
    assert [one["cause"] for one in stage.sim.records(crash=True)] == ["rerouted"]
    stage.two.answer(asked, 200, body=sdp(47_000))
    stage.reoffered(stage.a)
    lost = stage.sim.records(crash=True)
    assert [(one["cause"], one["carrier"]) for one in lost] == [
        ("rerouted", stage.ids["one"]),
        ("worker_lost", stage.ids["two"]),
    ]
    assert len({one["id"] for one in lost}) == 2 and all(one["answered"] for one in lost)
    hang_up(stage, talk, stage.two)


# --- why did that call fail -------------------------------------------------------------------------------------------------------


def test_the_messages_of_both_calls_are_kept_each_with_its_own(stage: Stage) -> None:
    kept: dict[str, list[str]] = {}
    board = stage.sim.workers[1].board
    board.trace = Tracer(
        wall=board.wall,
        local=board.sockets.local_address,
        deliver=lambda call, _started, packed: kept.update({call: [one.text for one in unpacked(packed)]}),
        send_hep=lambda *_: None,
    )
    settle(stage, siptrace="all")
    board.trace.follow(stage.sim.world.settings, anybody=False)
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    broken(talk)
    taken(stage, stage.two)
    stage.sim.tick(10)
    board.trace.sweep()
    hang_up(stage, talk, stage.two)
    stage.sim.tick(10)
    board.trace.sweep()
    first, second = (kept[one["id"]] for one in stage.of("1001"))
    assert any(BROKEN in one for one in first)
    ended = [one for one in second if one.startswith("BYE ")]
    assert len(ended) == 2  # the caller's, and ours to the other carrier
    assert any(talk.invite.call_id in one for one in ended)
