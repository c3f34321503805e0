"""Calls through a real worker process over real sockets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from switch.sip.message import Request, Response
from tests.support_sip import Peer, sdp
from tests.switch.call.conftest import House

NUMBER = "49301234567"


def up(caller: Peer, called: Peer, number: str = NUMBER) -> tuple[Request, Response, Request, Response]:
    """A call that is answered and acknowledged on both sides."""
    invite = caller.invite(number)
    caller.send(invite)
    out = called.asked("INVITE")
    answer = called.answer(out, 200, body=sdp(41000))
    ok = caller.told(200)
    caller.ack(invite, ok)
    called.asked("ACK")
    return invite, ok, out, answer


def test_a_trunks_call_reaches_the_cheapest_carrier_and_leaves_one_record(
    house: House, rich: Peer, one: Peer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    rich.told(100)
    out = one.asked("INVITE")
    one.answer(out, 180)
    ringing = rich.told(180)
    one.answer(out, 200, body=sdp(41000))
    ok = rich.told(200)
    assert ok.to.tag == ringing.to.tag
    assert ok.body == sdp(41000)
    rich.ack(invite, ok)
    one.asked("ACK")
    rich.within("BYE", invite, ok)
    rich.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)
    record = house.switch.record(invite)
    assert (record["cause"], record["by"], record["status"]) == ("normal", "caller", 200)
    assert record["carrier"] == house.ids["one"]
    assert record["answered"] is not None and record["ended"] >= record["answered"]
    assert [attempt[:2] for attempt in record["attempts"]] == [[house.ids["one"], 200]]


def test_the_callers_side_stays_hidden_from_the_carrier(rich: Peer, one: Peer) -> None:
    from_ = f"<sip:36201234567@127.0.0.1:{rich.port}>;tag=hidden"
    invite = rich.invite(NUMBER, from_=from_, headers=(("User-Agent", "secret-agent"),))
    rich.send(invite)
    out = one.asked("INVITE")
    assert invite.call_id != out.call_id
    assert len(out.all("Via")) == 1
    assert str(rich.port) not in (out.get("Contact") or "") + (out.get("Via") or "")
    assert out.max_forwards == 69
    assert "secret-agent" not in out.encode().decode()
    assert (out.get("P-Asserted-Identity") or "").startswith("<sip:")
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_busy_ends_the_call_without_asking_the_next_carrier(
    house: House, rich: Peer, one: Peer, two: Peer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))
    two.silent()
    record = house.switch.record(invite)
    assert (record["status"], record["q850"], record["by"], record["answered"]) == (486, 17, "called", None)


def test_a_carrier_that_answers_503_is_followed_by_the_next(
    house: House, rich: Peer, one: Peer, two: Peer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 503)
    one.asked("ACK")
    out = two.asked("INVITE")
    two.answer(out, 200, body=sdp())
    ok = rich.told(200)
    rich.ack(invite, ok)
    two.asked("ACK")
    rich.within("BYE", invite, ok)
    two.answer(two.asked("BYE"), 200)
    record = house.switch.record(invite)
    assert [a[:2] for a in record["attempts"]] == [[house.ids["one"], 503], [house.ids["two"], 200]]
    assert record["carrier"] == house.ids["two"]


def test_a_silent_carrier_is_followed_by_the_next_after_its_response_time(
    house: House, rich: Peer, one: Peer, two: Peer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    late = one.asked("INVITE")
    out = two.asked("INVITE", 3)
    two.answer(out, 404)
    rich.ack(invite, rich.told(404))
    one.answer(late, 200, body=sdp())
    one.asked("ACK")
    one.answer(one.asked("BYE"), 200)
    attempts = house.switch.record(invite)["attempts"]
    assert [a[:2] for a in attempts] == [[house.ids["one"], 408], [house.ids["two"], 404]]
    assert 900 <= attempts[0][3] <= 2500


def test_a_carrier_that_rings_too_long_is_cancelled_and_the_next_is_tried(
    rich: Peer, one: Peer, two: Peer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    ringing = one.asked("INVITE")
    one.answer(ringing, 180)
    cancel = one.asked("CANCEL", 7)
    one.answer(cancel, 200)
    one.answer(ringing, 487)
    out = two.asked("INVITE")
    two.answer(out, 603)
    rich.ack(invite, rich.told(603))


def test_a_603_is_never_followed_by_another_carrier(rich: Peer, one: Peer, two: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 603)
    rich.ack(invite, rich.told(603))
    two.silent()


def test_when_every_carrier_fails_the_caller_gets_503(house: House, rich: Peer, one: Peer, two: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 500)
    two.answer(two.asked("INVITE"), 502)
    rich.ack(invite, rich.told(503))
    assert house.switch.record(invite)["cause"] == "carriers_failed"


@pytest.mark.parametrize("ringing", [False, True])
def test_a_cancel_ends_the_call_on_both_sides(house: House, rich: Peer, one: Peer, *, ringing: bool) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    one.answer(out, 180 if ringing else 100)
    rich.told(180 if ringing else 100)
    rich.cancel(invite)
    rich.told(200, "CANCEL")
    rich.ack(invite, rich.told(487))
    one.answer(one.asked("CANCEL"), 200)
    one.answer(out, 487)
    one.asked("ACK")
    record = house.switch.record(invite)
    assert (record["cause"], record["status"], record["by"]) == ("cancelled", 487, "caller")


def test_a_cancel_before_any_answer_waits_for_the_carriers_first(rich: Peer, one: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    rich.cancel(invite)
    rich.ack(invite, rich.told(487))
    one.answer(out, 100)
    one.answer(one.asked("CANCEL"), 200)
    one.answer(out, 487)
    one.asked("ACK")


def test_a_cancel_that_crosses_the_200_leaves_no_call_behind(house: House, rich: Peer, one: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    one.answer(out, 180)
    rich.told(180)
    rich.cancel(invite)
    rich.ack(invite, rich.told(487))
    cancel = one.asked("CANCEL")
    one.answer(out, 200, body=sdp())
    one.answer(cancel, 200)
    one.asked("ACK")
    one.answer(one.asked("BYE"), 200)
    assert house.switch.record(invite)["answered"] is None


def test_the_called_can_hang_up(house: House, rich: Peer, one: Peer) -> None:
    invite, _, out, answer = up(rich, one)
    one.back("BYE", out, answer)
    one.told(200, "BYE")
    rich.answer(rich.asked("BYE"), 200)
    assert house.switch.record(invite)["by"] == "called"


def test_a_bye_that_comes_again_gets_its_answer_again(rich: Peer, one: Peer) -> None:
    invite, ok, _, _ = up(rich, one)
    bye = rich.within("BYE", invite, ok)
    rich.told(200, "BYE")
    rich.send(bye, ("127.0.0.1", int((ok.contact.uri.port if ok.contact else 0) or 0)))
    rich.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)


def test_an_invite_that_comes_again_is_one_call(house: House, rich: Peer, one: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    rich.send(invite)
    out = one.asked("INVITE")
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))
    one.asked("ACK")
    one.silent()
    assert house.switch.record(invite)["status"] == 486


def test_a_200_is_sent_again_until_the_ack_comes(rich: Peer, one: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 200, body=sdp())
    rich.told(200)
    ok = rich.told(200)
    rich.ack(invite, ok)
    one.asked("ACK")
    rich.within("BYE", invite, ok)
    one.answer(one.asked("BYE"), 200)


def test_a_carriers_200_that_comes_again_is_acknowledged_again(rich: Peer, one: Peer) -> None:
    invite, ok, _, answer = up(rich, one)
    one.send(answer)
    one.asked("ACK")
    rich.within("BYE", invite, ok)
    one.answer(one.asked("BYE"), 200)


def test_a_second_200_of_a_fork_is_acknowledged_and_hung_up(rich: Peer, one: Peer) -> None:
    invite, ok, out, _ = up(rich, one)
    one.answer(out, 200, body=sdp(), tag="another")
    ack, bye = one.asked("ACK"), one.asked("BYE")
    assert ack.to.tag == bye.to.tag == "another"
    one.answer(bye, 200)
    rich.within("BYE", invite, ok)
    one.answer(one.asked("BYE"), 200)


def test_early_media_is_passed_back(rich: Peer, one: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    one.answer(out, 183, body=sdp(42000))
    assert rich.told(183).body == sdp(42000)
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_a_late_offer_is_answered_in_the_ack(rich: Peer, one: Peer) -> None:
    invite = rich.invite(NUMBER, body=b"")
    rich.send(invite)
    out = one.asked("INVITE")
    assert out.body == b""
    one.answer(out, 200, body=sdp(42000))
    ok = rich.told(200)
    assert ok.body == sdp(42000)
    rich.ack(invite, ok, body=sdp(43000))
    assert one.asked("ACK").body == sdp(43000)
    rich.within("BYE", invite, ok)
    one.answer(one.asked("BYE"), 200)


def test_hold_by_re_invite_is_passed_from_either_side(rich: Peer, one: Peer) -> None:
    invite, ok, out, answer = up(rich, one)
    first = rich.within("INVITE", invite, ok, body=sdp(direction="sendonly"))
    again = one.asked("INVITE")
    assert b"a=sendonly" in again.body and again.to.tag
    one.answer(again, 200, body=sdp(direction="recvonly"))
    held = rich.told(200, "INVITE")
    assert b"a=recvonly" in held.body
    rich.ack(first, held)
    one.asked("ACK")
    second = one.back("INVITE", out, answer, body=sdp())
    theirs = rich.asked("INVITE")
    rich.answer(theirs, 200, body=sdp(), tag=theirs.to.tag or "")
    one.ack(second, one.told(200, "INVITE"))
    rich.asked("ACK")
    rich.within("BYE", invite, ok, cseq=3)
    one.answer(one.asked("BYE"), 200)


@pytest.mark.parametrize("method", ["UPDATE", "INFO"])
def test_requests_inside_the_call_are_passed_with_their_answers(rich: Peer, one: Peer, method: str) -> None:
    invite, ok, out, answer = up(rich, one)
    rich.within(method, invite, ok, body=sdp(44000))
    passed = one.asked(method)
    assert passed.body == sdp(44000)
    one.answer(passed, 200, body=sdp(45000))
    assert rich.told(200, method).body == sdp(45000)
    one.back(method, out, answer, body=sdp(46000))
    back = rich.asked(method)
    assert back.body == sdp(46000)
    rich.answer(back, 488)
    one.told(488, method)
    rich.within("BYE", invite, ok, cseq=3)
    one.answer(one.asked("BYE"), 200)


def test_two_re_invites_at_once_are_both_answered_491(rich: Peer, one: Peer) -> None:
    invite, ok, out, answer = up(rich, one)
    rich.within("INVITE", invite, ok, body=sdp())
    again = one.asked("INVITE")
    one.back("INVITE", out, answer, body=sdp())
    one.told(491)
    one.answer(again, 491)
    rich.told(491)
    rich.within("BYE", invite, ok, cseq=3)
    one.answer(one.asked("BYE"), 200)


def test_a_request_of_an_unknown_dialog_gets_481(rich: Peer) -> None:
    for method in ("BYE", "UPDATE", "INFO", "INVITE"):
        request = rich.request(method, f"sip:x@127.0.0.1:{rich.switch[1]}", to="<sip:x@127.0.0.1>;tag=nobody")
        rich.send(request)
        rich.told(481, method)


def test_a_caller_without_money_is_refused_with_402_and_a_record(
    house: House, peers: Callable[[str], Peer], one: Peer
) -> None:
    broke = peers("broke")
    invite = broke.invite(NUMBER)
    broke.send(invite)
    broke.ack(invite, broke.told(402))
    one.silent()
    assert house.switch.record(invite)["cause"] == "no_money"


def test_a_call_is_cut_on_the_second_its_money_is_used_up(
    house: House, peers: Callable[[str], Peer], one: Peer
) -> None:
    poor = peers("poor")
    invite, _, _, _ = up(poor, one, "3612345678")
    poor.answer(poor.asked("BYE", 6), 200)
    one.answer(one.asked("BYE"), 200)
    record = house.switch.record(invite)
    assert (record["cause"], record["by"], record["authorised"]) == ("balance_used_up", "switch", 3)
    assert 3.0 <= record["ended"] - record["answered"] < 3.2


def test_the_hold_of_a_long_call_is_extended(house: House, rich: Peer, one: Peer) -> None:
    invite, ok, _, _ = up(rich, one)
    rich.silent(4.2)  # five seconds are held at first, the next are asked for after three
    rich.within("BYE", invite, ok)
    one.answer(one.asked("BYE"), 200)
    assert house.switch.record(invite)["authorised"] >= 10


def test_an_unknown_caller_is_asked_for_a_digest_and_leaves_no_record(
    house: House, peers: Callable[[str], Peer]
) -> None:
    stranger = peers("stranger")
    invite = stranger.invite(NUMBER)
    stranger.send(invite)
    asked = stranger.told(407)
    assert asked.get("Proxy-Authenticate")
    stranger.ack(invite, asked)
    assert house.switch.records(invite.call_id) == []
