"""Transfers by REFER and Replaces: who talks with whom, who pays, what is written down, on one worker and on two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from switch.sip.message import Request, Response
from tests.support_sip import sdp
from tests.switch.sim import MICRO, Sim, SimPeer, furnished, opened
from tests.switch.stage import OUTSIDE, Stage, Talk, hang_up, port_of


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def sim(tmp_path: Path, request: Any) -> Iterator[Sim]:
    yield from opened(tmp_path, furnished(), request.param)


@pytest.fixture
def stage(sim: Sim) -> Stage:
    made = Stage(sim)
    made.register(made.b, made.c)
    return made


def refer_of_called(talk: Talk, to: str, *headers: tuple[str, str], cseq: int = 1) -> Response:
    """The called party asks for a transfer."""
    callee = talk.callee
    contact = talk.asked.contact
    assert contact is not None
    made = callee.request(
        "REFER", contact.uri_text, call_id=talk.asked.call_id, to=talk.asked.get("From") or "",
        from_=talk.answer.get("To") or "", cseq=cseq, headers=(("Refer-To", to), *headers),
    )  # fmt: skip
    return sent(callee, made)


def refer_of_caller(talk: Talk, to: str, *headers: tuple[str, str], cseq: int = 3) -> Response:
    made = talk.caller.within("REFER", talk.invite, talk.ok, cseq=cseq, headers=(("Refer-To", to), *headers))
    return final(talk.caller, made)


def sent(peer: SimPeer, made: Request) -> Response:
    host, _, port = made.uri.rpartition("@")[2].partition(":")
    peer.send(made, (host, int(port)))
    return final(peer, made)


def final(peer: SimPeer, made: Request) -> Response:
    found = peer._next(
        lambda m: isinstance(m, Response) and m.status >= 200 and m.cseq.method == made.method, "final", 8.0
    )
    assert isinstance(found, Response)
    return found


@pytest.mark.req("pbx-008", "sip-056", "sip-008", "sip-009")
def test_the_called_transfers_blind_and_pays_for_the_new_part(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    assert refer_of_called(talk, f"<sip:{OUTSIDE}@127.0.0.1>").status == 202
    assert stage.notified(stage.b) == "SIP/2.0 100 Trying"
    assert b"a=inactive" in stage.reoffered(stage.a).body
    asked = stage.one.asked("INVITE")
    assert asked.uri.startswith(f"sip:{OUTSIDE}@") and asked.from_.uri.user == "36100001001"
    assert asked.get("Referred-By") == "<sip:1002@127.0.0.1>"
    assert port_of(asked) == stage.a.port + 1 and b"sendrecv" in asked.body
    stage.one.answer(asked, 180)
    assert stage.notified(stage.b) == "SIP/2.0 180 Ringing"
    stage.one.answer(asked, 200, body=sdp(47000))
    stage.one.asked("ACK")
    again = stage.reoffered(stage.a)
    assert port_of(again) == 47000
    assert stage.notified(stage.b) == "SIP/2.0 200 OK"
    stage.bye(stage.b)
    stage.sim.tick(5)
    hang_up(stage, talk, stage.one)
    (first,), (second,) = stage.of("1001"), stage.of("1002")
    assert (first["payers"], first["called_account"]) == ([], stage.ids["1002"])
    assert second["payers"][0][1] == stage.ids["1002"] and second["carrier"] == stage.ids["one"]
    assert second["answered"] > first["answered"] and second["ended"] == first["ended"]


@pytest.mark.req("sip-060")
def test_the_name_of_the_far_side_stays_and_its_version_grows(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, "<sip:1003@127.0.0.1>")
    held = stage.reoffered(stage.a)
    asked = stage.c.asked("INVITE")
    stage.c.answer(asked, 200, body=sdp(47000).replace(b"o=- 1 1", b"o=other 77 5"))
    again = stage.reoffered(stage.a)
    origins = [line for one in (held, again) for line in one.body.split(b"\r\n") if line[:2] == b"o="]
    assert [one.split()[:3] for one in origins] == [[b"o=-", b"1", b"2"], [b"o=-", b"1", b"3"]]
    stage.bye(stage.b)
    hang_up(stage, talk, stage.c)


def test_the_caller_transfers_the_called_and_pays_for_both_parts(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    assert refer_of_caller(talk, "<sip:36201112222@127.0.0.1>").status == 202
    stage.reoffered(stage.one)
    asked = stage.one.asked("INVITE")
    assert asked.uri.startswith("sip:36201112222@") and asked.from_.uri.user == OUTSIDE
    stage.one.answer(asked, 200, body=sdp(47000), tag="third")
    stage.one.asked("ACK")
    again = stage.one.asked("INVITE")
    assert port_of(again) == 47000
    stage.one.answer(again, 200, body=sdp(stage.one.port + 1))
    stage.one.asked("ACK")
    stage.bye(stage.a)
    stage.sim.tick(5)
    contact = talk.asked.contact
    assert contact is not None
    bye = stage.one.back("BYE", talk.asked, talk.answer)
    last = stage.bye(stage.one)
    assert last.call_id == asked.call_id != bye.call_id
    records = stage.of("1001")
    assert [one["called_number"] for one in records] == [OUTSIDE, "36201112222"]
    assert all(one["payers"][0][1] == stage.ids["1001"] for one in records)
    assert records[0]["ended"] == records[1]["ended"]


def test_a_transfer_that_fails_gives_the_party_back(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, "<sip:1003@127.0.0.1>")
    assert stage.notified(stage.b) == "SIP/2.0 100 Trying"
    stage.reoffered(stage.a)
    stage.c.answer(stage.c.asked("INVITE"), 486)
    assert stage.notified(stage.b).startswith("SIP/2.0 486")
    back = stage.reoffered(stage.a)
    assert port_of(back) == stage.b.port + 1 and b"sendrecv" in back.body
    hang_up(stage, talk, stage.b)
    assert [one["cause"] for one in stage.of("1002")] == ["sip_486"]


def test_who_has_hung_up_after_a_blind_transfer_leaves_the_others_connected(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, "<sip:1003@127.0.0.1>")
    stage.reoffered(stage.a)
    asked = stage.c.asked("INVITE")
    stage.b.back("BYE", talk.asked, talk.answer, cseq=2)
    stage.c.answer(asked, 200, body=sdp(47000))
    assert port_of(stage.reoffered(stage.a)) == 47000
    hang_up(stage, talk, stage.c)


def test_nobody_left_after_a_failed_transfer_hears_why(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, "<sip:1003@127.0.0.1>")
    stage.reoffered(stage.a)
    asked = stage.c.asked("INVITE")
    stage.b.back("BYE", talk.asked, talk.answer, cseq=2)
    stage.c.answer(asked, 486)
    assert "Q.850;cause=17" in (stage.bye(stage.a).get("Reason") or "")


def test_a_party_that_hangs_up_while_the_target_rings_ends_it_all(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, "<sip:1003@127.0.0.1>")
    stage.reoffered(stage.a)
    asked = stage.c.asked("INVITE")
    stage.c.answer(asked, 180)
    hang_up(stage, talk, stage.b)
    stage.c.answer(stage.c.asked("CANCEL"), 200)
    stage.c.answer(asked, 487)
    assert len(stage.sim.records()) == 2


def test_the_transferred_part_ends_when_its_money_is_used_up(stage: Stage) -> None:
    stage.sim.purse.money[stage.ids["1002"]] = 7 * MICRO
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, f"<sip:{OUTSIDE}@127.0.0.1>")
    stage.reoffered(stage.a)
    stage.one.answer(stage.one.asked("INVITE"), 200, body=sdp(47000))
    stage.reoffered(stage.a)
    stage.bye(stage.b)
    began = stage.sim.now
    stage.bye(stage.one)
    stage.bye(stage.a)
    assert 6.8 <= stage.sim.now - began <= 7.2
    assert stage.of("1002")[0]["authorised"] == 7


def test_a_transfer_without_money_is_refused_and_the_call_goes_on(stage: Stage) -> None:
    stage.sim.purse.money[stage.ids["1002"]] = 0
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, f"<sip:{OUTSIDE}@127.0.0.1>")
    assert stage.notified(stage.b) == "SIP/2.0 100 Trying"
    assert stage.notified(stage.b).startswith("SIP/2.0 402")
    stage.one.silent(0.1)
    stage.reoffered(stage.a)
    stage.reoffered(stage.a)
    hang_up(stage, talk, stage.b)


def test_a_worker_that_dies_after_a_transfer_bills_each_part_once(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    refer_of_caller(talk, "<sip:36201112222@127.0.0.1>")
    stage.reoffered(stage.one)
    asked = stage.one.asked("INVITE")
    stage.one.answer(asked, 200, body=sdp(47000), tag="third")
    stage.reoffered(stage.one)
    stage.bye(stage.a)
    lost = stage.sim.records(crash=True)
    assert [(one["called_number"], one["cause"]) for one in lost] == [
        (OUTSIDE, "worker_lost"),
        ("36201112222", "worker_lost"),
    ]
    assert all(one["payers"][0][1] == stage.ids["1001"] and one["answered"] for one in lost)
    stage.one.back("BYE", talk.asked, talk.answer)
    stage.bye(stage.one)


@pytest.mark.req("pbx-025")
def test_a_bye_with_also_transfers_blind(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    stage.b.back("BYE", talk.asked, talk.answer, headers=(("Also", f"<sip:{OUTSIDE}@127.0.0.1>"),))
    stage.b.told(200, "BYE")
    stage.reoffered(stage.a)
    asked = stage.one.asked("INVITE")
    assert asked.get("Referred-By") == "<sip:1002@127.0.0.1>"
    stage.one.answer(asked, 200, body=sdp(47000))
    assert port_of(stage.reoffered(stage.a)) == 47000
    hang_up(stage, talk, stage.one)
    (first,), (second,) = stage.of("1001"), stage.of("1002")
    assert (first["payers"], second["payers"][0][1]) == ([], stage.ids["1002"])
    assert second["ended"] == first["ended"]


@pytest.mark.parametrize("also", ["<sip:@127.0.0.1>", ";;;", "<sip:1003@127.0.0.1>, <sip:1004@127.0.0.1>"])
def test_a_bye_with_also_for_nobody_just_hangs_up(stage: Stage, also: str) -> None:
    talk = stage.up(stage.a, stage.b)
    stage.b.back("BYE", talk.asked, talk.answer, headers=(("Also", also),))
    stage.bye(stage.a)
    stage.c.silent(0.2)


def test_a_bye_with_also_of_who_may_not_transfer_just_hangs_up(stage: Stage) -> None:
    stage.own("1002", "handlerefer", "block")
    talk = stage.up(stage.a, stage.b)
    stage.b.back("BYE", talk.asked, talk.answer, headers=(("Also", "<sip:1003@127.0.0.1>"),))
    stage.bye(stage.a)
    stage.c.silent(0.2)


# what the settings say


@pytest.mark.req("sip-056", "sip-068")
@pytest.mark.parametrize(("how", "status"), [("block", 603), ("subscribers", 202), ("blind", 202)])
def test_transfers_may_be_blocked(stage: Stage, how: str, status: int) -> None:
    stage.own("1002", "handlerefer", how)
    talk = stage.up(stage.a, stage.b)
    assert refer_of_called(talk, "<sip:1003@127.0.0.1>").status == status
    if how == "subscribers":
        stage.reoffered(stage.a)
        stage.c.answer(stage.c.asked("INVITE"), 486)
        stage.reoffered(stage.a)
    if how == "blind":
        stage.bye(stage.b)
        stage.reoffered(stage.a)
        stage.c.answer(stage.c.asked("INVITE"), 486)
        stage.bye(stage.a)
    else:
        hang_up(stage, talk, stage.b)


@pytest.mark.req("sip-056")
@pytest.mark.parametrize(("how", "replaced"), [("new_call", False), ("attended", True)])
def test_a_transfer_as_a_new_call_leaves_the_other_call_alone(stage: Stage, how: str, replaced: bool) -> None:
    stage.own("1002", "handlerefer", how)
    first = stage.up(stage.a, stage.b)
    second = stage.up(stage.b, stage.c)
    refer_of_called(first, replacing(second))
    stage.reoffered(stage.a)
    at_c = stage.c.asked("INVITE")
    assert bool(at_c.to.tag) == replaced
    stage.c.answer(at_c, 200, body=sdp(stage.c.port + 1), tag="again")
    stage.c.asked("ACK")
    stage.reoffered(stage.a)
    stage.bye(stage.b)
    if replaced:
        stage.bye(stage.b)
    hang_up(stage, first, stage.c)
    if not replaced:
        second.caller.within("BYE", second.invite, second.ok, cseq=5)
        stage.bye(stage.c)


@pytest.mark.req("sip-057")
@pytest.mark.parametrize(
    ("who", "how", "allowed"),
    [("1002", "auto", True), ("1002", "no", False), ("one", "auto", False), ("one", "yes", True)],
)
def test_who_may_transfer(stage: Stage, who: str, how: str, allowed: bool) -> None:
    stage.own(who, "allowclientinitiatedtransfer", how)
    talk = stage.up(stage.a, stage.b) if who == "1002" else stage.up(stage.a, stage.one, OUTSIDE)
    status = refer_of_called(talk, "<sip:1003@127.0.0.1>").status
    assert status == (202 if allowed else 603)
    if allowed:
        stage.reoffered(stage.a)
        stage.c.answer(stage.c.asked("INVITE"), 486)
        stage.reoffered(stage.a)
    hang_up(stage, talk, talk.callee)


@pytest.mark.req("sip-061", "sip-056")
@pytest.mark.parametrize(
    ("how", "host", "shown"),
    [
        ("auto", "127.0.0.1", "sip:1003@127.0.0.1:5060"),
        ("auto", "example.net", "sip:1003@example.net"),
        ("never", "127.0.0.1", "sip:1003@127.0.0.1"),
        ("always", "example.net", "sip:1003@127.0.0.1:5060"),
    ],
)
def test_a_refer_is_passed_to_the_other_party_when_that_is_the_setting(
    stage: Stage, how: str, host: str, shown: str
) -> None:
    stage.own("1002", "handlerefer", "pass")
    stage.own("1002", "refertorewrite", how)
    invite = stage.a.call("1002")
    asked = stage.b.asked("INVITE")
    answer = stage.b.answer(asked, 200, body=sdp())
    ok = stage.a.told(200, "INVITE")
    stage.a.ack(invite, ok)
    stage.b.asked("ACK")
    talk = Talk(stage.a, stage.b, invite, ok, asked, answer)
    contact = asked.contact
    assert contact is not None
    made = stage.b.request(
        "REFER", contact.uri_text, call_id=asked.call_id, to=asked.get("From") or "", from_=answer.get("To") or "",
        headers=(("Refer-To", f"<sip:1003@{host}>"), ("Referred-By", "<sip:1002@127.0.0.1>")),
    )  # fmt: skip
    stage.b.send(made, ("127.0.0.1", contact.uri.port or 0))
    passed = stage.a.asked("REFER")
    assert passed.get("Refer-To") == f"<{shown}>" and passed.get("Referred-By")
    stage.a.answer(passed, 202)
    stage.b.told(202, "REFER")
    frag = (("Event", "refer"), ("Subscription-State", "active"), ("Content-Type", "message/sipfrag"))
    notify = stage.a.within("NOTIFY", invite, ok, cseq=3, headers=frag)
    notify.body = b""
    heard = stage.b.asked("NOTIFY")
    assert heard.get("Event") == "refer" and heard.get("Subscription-State") == "active"
    stage.b.answer(heard, 200)
    stage.a.told(200, "NOTIFY")
    hang_up(stage, talk, stage.b)


@pytest.mark.req("sip-059")
@pytest.mark.parametrize("how", ["never", "on_connect", "at_once", "at_once_without_refersub"])
def test_when_who_transfers_is_disconnected(stage: Stage, how: str) -> None:
    stage.own("1002", "discontransfer", how)
    talk = stage.up(stage.a, stage.b)
    accepted = refer_of_called(talk, "<sip:1003@127.0.0.1>", ("Refer-Sub", "false"))
    assert accepted.get("Refer-Sub") == "false"
    asked = stage.c.asked("INVITE")
    if how.startswith("at_once"):
        stage.bye(stage.b)
    stage.reoffered(stage.a)
    stage.c.answer(asked, 200, body=sdp(47000))
    stage.reoffered(stage.a)
    if how == "on_connect":
        stage.bye(stage.b)
    stage.b.silent()
    assert not [m for m in stage.b.heard if isinstance(m, Request) and m.method == "NOTIFY"]
    hang_up(stage, talk, stage.c)
    if how == "never":
        stage.bye(stage.b)  # but with the call at the latest


@pytest.mark.req("sip-059")
def test_who_transfers_may_be_disconnected_when_that_fails(stage: Stage) -> None:
    stage.own("1002", "discontransfer", "on_failure_without_refersub")
    refer_of_called(stage.up(stage.a, stage.b), "<sip:1003@127.0.0.1>", ("Refer-Sub", "false"))
    stage.reoffered(stage.a)
    stage.c.answer(stage.c.asked("INVITE"), 486)
    stage.bye(stage.b)
    stage.bye(stage.a)


@pytest.mark.req("sip-060")
def test_without_hold_the_party_hears_who_transfers_until_the_target_answers(stage: Stage) -> None:
    stage.own("1002", "holdontransfer", False)
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, "<sip:1003@127.0.0.1>")
    asked = stage.c.asked("INVITE")
    stage.a.silent()
    stage.c.answer(asked, 200, body=sdp(47000))
    stage.reoffered(stage.a)
    stage.bye(stage.b)
    hang_up(stage, talk, stage.c)


@pytest.mark.parametrize(
    "to", ["<sip:@127.0.0.1>", "<http://example.com>", "<sip:1003@127.0.0.1>, <sip:1004@127.0.0.1>", ";;;"]
)
def test_a_refer_to_nobody_is_refused(stage: Stage, to: str) -> None:
    talk = stage.up(stage.a, stage.b)
    assert refer_of_called(talk, to).status == 400
    hang_up(stage, talk, stage.b)


def test_a_code_is_for_who_dials_it_and_no_target_of_transfers(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, "<sip:*721003@127.0.0.1>")
    stage.reoffered(stage.a)
    stage.one.answer(stage.one.asked("INVITE"), 404)
    stage.reoffered(stage.a)
    hang_up(stage, talk, stage.b)
    assert [one for one in stage.sim.records() if one["k"] == "do"] == []


def test_a_second_transfer_waits_for_the_first(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, "<sip:1003@127.0.0.1>")
    assert refer_of_called(talk, "<sip:1004@127.0.0.1>", cseq=2).status == 491
    stage.reoffered(stage.a)
    stage.c.answer(stage.c.asked("INVITE"), 486)
    stage.reoffered(stage.a)
    hang_up(stage, talk, stage.b)


def test_glare_with_the_partys_own_offer_is_tried_again(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, "<sip:1003@127.0.0.1>")
    stage.reoffered(stage.a)
    stage.c.answer(stage.c.asked("INVITE"), 200, body=sdp(47000))
    stage.a.answer(stage.a.asked("INVITE"), 491)
    assert port_of(stage.reoffered(stage.a)) == 47000
    stage.bye(stage.b)
    hang_up(stage, talk, stage.c)


# attended


def replacing(talk: Talk) -> str:
    """The called party's view of a dialog, as a Refer-To has it."""
    dialog = f"{talk.invite.call_id};to-tag={talk.ok.to.tag};from-tag={talk.invite.from_.tag}"
    return f"<sip:{talk.callee.user}@127.0.0.1?Replaces={quote(dialog, safe='')}>"


@pytest.mark.req("pbx-008", "pbx-019", "sip-002", "sip-008")
def test_an_attended_transfer_joins_the_two_others(stage: Stage) -> None:
    """1001 called 1002, who calls 1003 and then connects the two; on two workers the calls are on different ones."""
    first = stage.up(stage.a, stage.b)
    second = stage.up(stage.b, stage.c)
    assert refer_of_called(first, replacing(second)).status == 202
    stage.reoffered(stage.a)
    at_c = stage.c.asked("INVITE")
    assert at_c.to.tag and port_of(at_c) == stage.a.port + 1
    stage.c.answer(at_c, 200, body=sdp(stage.c.port + 1))
    stage.c.asked("ACK")
    assert port_of(stage.reoffered(stage.a)) == stage.c.port + 1
    ended = {stage.bye(stage.b).call_id, stage.bye(stage.b).call_id}
    assert ended == {first.asked.call_id, second.invite.call_id}
    assert all(worker.board.calls for worker in stage.sim.workers.values())
    stage.sim.tick(5)
    hang_up(stage, first, stage.c)
    records = stage.sim.records()
    assert [(one["caller"], one["called_account"]) for one in records] == [
        (stage.ids["1001"], stage.ids["1002"]),
        (stage.ids["1002"], stage.ids["1003"]),
    ]
    assert max(one["ended"] for one in records) - min(one["ended"] for one in records) < 0.1


def test_after_an_attended_transfer_both_calls_are_paid_as_before(stage: Stage) -> None:
    first = stage.up(stage.a, stage.b)
    second = stage.up(stage.b, stage.one, OUTSIDE)
    refer_of_called(first, replacing(second))
    stage.reoffered(stage.a)
    stage.reoffered(stage.one)
    stage.reoffered(stage.a)
    stage.bye(stage.b)
    stage.bye(stage.b)
    stage.sim.tick(30)
    lost = [one for one in stage.sim.records(crash=True) if one["payers"]]
    assert [one["caller"] for one in lost] == [stage.ids["1002"]]
    stage.one.back("BYE", second.asked, second.answer)
    stage.bye(stage.a)
    (paid,) = [one for one in stage.sim.records() if one["payers"]]
    assert paid["ended"] - paid["answered"] > 30


def test_a_dialog_that_is_not_there_leaves_the_call_as_it_was(stage: Stage) -> None:
    first = stage.up(stage.a, stage.b)
    gone = quote("nowhere;to-tag=w1-0000;from-tag=x", safe="")
    refer_of_called(first, f"<sip:1003@127.0.0.1?Replaces={gone}>")
    assert stage.notified(stage.b) == "SIP/2.0 100 Trying"
    stage.reoffered(stage.a)
    assert stage.notified(stage.b).startswith("SIP/2.0 481")
    stage.reoffered(stage.a)
    hang_up(stage, first, stage.b)


@pytest.mark.req("sip-002")
def test_a_phone_takes_over_a_call_of_its_own_account(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    tablet = stage.sim.peer("1002")
    dialog = f"{talk.asked.call_id};to-tag={talk.asked.from_.tag};from-tag={talk.answer.to.tag}"
    invite = tablet.call("1001", headers=(("Replaces", dialog), ("Require", "replaces")), body=sdp(48000))
    assert port_of(stage.reoffered(stage.a)) == 48000
    ok = tablet.told(200, "INVITE")
    tablet.ack(invite, ok)
    assert "completed elsewhere" in (stage.bye(stage.b).get("Reason") or "")
    tablet.within("BYE", invite, ok, cseq=4)
    stage.bye(stage.a)
    (record,) = stage.sim.records()
    assert (record["caller"], record["called_account"]) == (stage.ids["1001"], stage.ids["1002"])


def test_a_stranger_takes_over_nothing(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    dialog = f"{talk.asked.call_id};to-tag={talk.asked.from_.tag};from-tag={talk.answer.to.tag}"
    invite = stage.c.call("1001", headers=(("Replaces", dialog),))
    stage.c.ack(invite, stage.c.told(403))
    hang_up(stage, talk, stage.b)


def test_a_forged_seal_opens_nothing(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    dialog = f"{talk.asked.call_id};to-tag={talk.asked.from_.tag};from-tag={talk.answer.to.tag}"
    stranger = stage.sim.peer("x")
    headers = (("Replaces", dialog), ("X-Mizu-Inner", f"{int(stage.sim.now)}.{'0' * 64}"))
    invite = stranger.invite("1001", headers=headers)
    stranger.send(invite)
    stranger.ack(invite, stranger.told(407))
    hang_up(stage, talk, stage.b)
