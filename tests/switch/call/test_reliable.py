"""Provisional answers that must arrive (RFC 3262), on simulated time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.sip.message import Request, Response
from tests.support_sip import sdp
from tests.switch.call.scenes import hang_up, records, rung, settle
from tests.switch.call.town import Citizen, Town, founded

CAN = (("Supported", "100rel"),)
MUST = (("Require", "100rel"),)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
        yield made
        made.nothing_left()


@pytest.fixture
def rich(town: Town) -> Citizen:
    """The caller, a trunk."""
    return town.peer("rich")


@pytest.fixture
def one(town: Town) -> Citizen:
    """The called, a carrier."""
    return town.peer("one")


def reliably(
    one: Citizen, out: Request, status: int = 183, *, rseq: int = 7, body: bytes = b"", tag: str = ""
) -> Response:
    return one.answer(out, status, body=body, tag=tag, headers=(*MUST, ("RSeq", str(rseq))))


def rack(answer: Response) -> tuple[tuple[str, str], ...]:
    return (("RAck", f"{answer.get('RSeq')} {answer.cseq.number} INVITE"),)


def test_a_reliable_answer_goes_on_reliably_and_is_acknowledged_end_to_end(
    rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one, CAN)
    assert "100rel" in (out.get("Supported") or "")
    early = reliably(one, out, body=sdp(41000))
    progress = rich.told(183)
    assert progress.get("Require") == "100rel" and progress.body == sdp(41000)
    assert one.everything(0.2) == []  # the called is not told before the caller has heard
    rich.within("PRACK", invite, progress, cseq=2, headers=rack(progress))
    rich.told(200, "PRACK")
    prack = one.asked("PRACK")
    assert prack.get("RAck") == f"{early.get('RSeq')} {out.cseq.number} INVITE"
    one.answer(prack, 200)
    one.answer(out, 200)
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    hang_up(rich, one, invite, ok)


def test_an_unacknowledged_answer_is_sent_again_after_t1_twice_t1_and_so_on(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one, CAN)
    reliably(one, out, 180)
    first = rich.told(180)
    began, times = town.now, []
    for _ in range(3):
        again = rich.told(180)
        assert again.get("RSeq") == first.get("RSeq")
        times.append(town.now - began)
    assert times == pytest.approx([0.5, 1.5, 3.5], abs=0.05)
    rich.within("PRACK", invite, first, cseq=2, headers=rack(first))
    rich.told(200, "PRACK")
    one.answer(one.asked("PRACK"), 200)
    assert rich.everything(8) == []
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_a_caller_that_never_acknowledges_loses_the_call_and_the_called_hears_a_cancel(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one, CAN)
    reliably(one, out, 180)
    rich.told(180)
    rich.ack(invite, rich.told(504, seconds=40))
    one.answer(one.asked("CANCEL"), 200)
    one.answer(out, 487)
    assert [(r["cause"], r["status"]) for r in records(town)] == [("no_response", 504)]
    assert "never acknowledged" in records(town)[0]["comment"]


def test_a_caller_that_cannot_hears_it_plainly_and_we_acknowledge(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, prack="always")
    invite, out = rung(rich, one, ())
    assert "100rel" in out.members("Supported")
    reliably(one, out, body=sdp(41000))
    one.answer(one.asked("PRACK"), 200)
    progress = rich.told(183)
    assert progress.get("RSeq") is None and progress.get("Require") is None
    one.answer(out, 200)  # its answer was in the 183, and it need not say it twice
    ok = rich.told(200, "INVITE")
    assert ok.body == sdp(41000) and ok.content_type == "application/sdp"
    rich.ack(invite, ok)
    one.asked("ACK")
    hang_up(rich, one, invite, ok)


def test_a_called_party_that_insists_gets_a_second_invite_that_can(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, ())
    assert "100rel" not in out.members("Supported")
    one.answer(out, 421, headers=MUST)
    one.asked("ACK")
    again = one.asked("INVITE")
    assert "100rel" in (again.get("Supported") or "") and again.cseq.number == out.cseq.number + 1
    reliably(one, again, 180)
    assert one.asked("PRACK").get("RAck") == f"7 {again.cseq.number} INVITE"
    rich.told(180)
    one.answer(again, 603)
    rich.ack(invite, rich.told(603))


def test_a_second_421_ends_it(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, ())
    one.answer(out, 421, headers=MUST)
    one.answer(one.asked("INVITE"), 421, headers=MUST)
    rich.ack(invite, rich.told(421))
    assert "INVITE" not in one.everything(1)


def test_a_caller_that_requires_it_hears_a_plain_answer_reliably(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, MUST)
    one.answer(out, 180)
    ringing = rich.told(180)
    assert ringing.get("Require") == "100rel"
    rich.within("PRACK", invite, ringing, cseq=2, headers=rack(ringing))
    rich.told(200, "PRACK")
    assert one.everything(0.3) == []  # it is owed nothing
    one.answer(out, 200, body=sdp(41000))
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    hang_up(rich, one, invite, ok)


def test_a_2xx_waits_until_the_caller_has_the_session_description_before_it(
    rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one, MUST)
    one.answer(out, 183, body=sdp(41000))
    progress = rich.told(183)
    one.answer(out, 200, body=sdp(41000))
    one.asked("ACK")
    assert "200 INVITE" not in rich.everything(0.3)
    rich.within("PRACK", invite, progress, cseq=2, headers=rack(progress))
    rich.told(200, "PRACK")
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    hang_up(rich, one, invite, ok)


def test_a_2xx_that_waits_in_vain_ends_the_call_on_both_sides(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one, MUST)
    one.answer(out, 183, body=sdp(41000))
    rich.told(183)
    one.answer(out, 200, body=sdp(41000))
    one.asked("ACK")
    one.answer(one.asked("BYE", 40), 200)
    rich.ack(invite, rich.told(504))
    assert records(town)[0]["cause"] == "no_response"


def test_a_called_party_that_hangs_up_while_its_2xx_waits_leaves_no_open_invite(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one, MUST)
    one.answer(out, 183, body=sdp(41000))
    rich.told(183)
    answer = one.answer(out, 200, body=sdp(41000))
    one.asked("ACK")
    one.back("BYE", out, answer)
    one.told(200, "BYE")
    rich.ack(invite, rich.told(480))


def test_several_answers_reach_the_caller_one_by_one_in_their_order(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, CAN)
    reliably(one, out, 183, rseq=1, body=sdp(41000))
    reliably(one, out, 180, rseq=2)
    first = rich.told(183)
    assert rich.everything(0.2) == []
    rich.within("PRACK", invite, first, cseq=2, headers=rack(first))
    rich.told(200, "PRACK")
    second = rich.told(180)
    assert int(second.get("RSeq") or 0) == int(first.get("RSeq") or 0) + 1
    rich.within("PRACK", invite, second, cseq=3, headers=rack(second))
    rich.told(200, "PRACK")
    assert [one.asked("PRACK").get("RAck") for _ in range(2)] == ["1 1 INVITE", "2 1 INVITE"]
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_a_copy_and_a_leap_in_the_numbers_are_not_heeded(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, CAN)
    reliably(one, out, 180, rseq=5)
    first = rich.told(180)
    reliably(one, out, 180, rseq=5)
    reliably(one, out, 183, rseq=7)
    rich.within("PRACK", invite, first, cseq=2, headers=rack(first))
    rich.told(200, "PRACK")
    assert rich.everything(3) == []
    assert one.asked("PRACK").get("RAck") == "5 1 INVITE"
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_the_answer_to_a_late_offer_goes_in_the_prack(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, CAN, body=b"")
    reliably(one, out, body=sdp(41000))
    offer = rich.told(183)
    assert offer.body == sdp(41000)
    prack = rich.within("PRACK", invite, offer, cseq=2, headers=rack(offer), body=sdp(40100))
    heard = one.asked("PRACK")
    assert heard.body == sdp(40100) and heard.get("RAck") == "7 1 INVITE"
    assert rich.everything(0.1) == []
    one.answer(heard, 200)
    assert rich.told(200, "PRACK").cseq.number == prack.cseq.number
    one.answer(out, 200)
    ok = rich.told(200, "INVITE")
    assert ok.body == b""
    rich.ack(invite, ok)
    assert one.asked("ACK").body == b""
    hang_up(rich, one, invite, ok)


def test_a_late_offer_of_a_caller_that_cannot_is_never_answered_early(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, prack="always")
    invite, out = rung(rich, one, (), body=b"")
    assert "100rel" not in out.members("Supported")
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_a_new_offer_in_the_prack_reaches_who_is_owed_none_as_an_update(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, MUST)
    one.answer(out, 183, body=sdp(41000))
    progress = rich.told(183)
    rich.within("PRACK", invite, progress, cseq=2, headers=rack(progress), body=sdp(40200))
    update = one.asked("UPDATE")
    assert update.body == sdp(40200)
    one.answer(update, 200, body=sdp(41000))
    assert rich.told(200, "PRACK").body == sdp(41000)
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_a_prack_that_acknowledges_nothing_gets_481(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, CAN)
    reliably(one, out, 180)
    ringing = rich.told(180)
    rich.within("PRACK", invite, ringing, cseq=2, headers=(("RAck", "1 1 INVITE"),))
    rich.told(481, "PRACK")
    assert one.everything(0.1) == []
    rich.within("PRACK", invite, ringing, cseq=3, headers=rack(ringing))
    rich.told(200, "PRACK")
    rich.within("PRACK", invite, ringing, cseq=4, headers=rack(ringing))
    rich.told(481, "PRACK")
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_a_cancel_ends_the_repetitions_and_leaves_nothing(town: Town, rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, CAN)
    reliably(one, out, 183, rseq=1, body=sdp(41000))
    reliably(one, out, 180, rseq=2)
    rich.told(183)
    rich.cancel(invite)
    rich.told(200, "CANCEL")
    rich.ack(invite, rich.told(487))
    one.answer(one.asked("CANCEL"), 200)
    one.answer(out, 487)
    assert rich.everything(5) == []
    assert [r["cause"] for r in records(town)] == ["cancelled"]


def test_a_second_fork_gives_no_second_answer(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, CAN)
    reliably(one, out, rseq=1, body=sdp(41000), tag="left")
    first = rich.told(183)
    rich.within("PRACK", invite, first, cseq=2, headers=rack(first))
    rich.told(200, "PRACK")
    assert one.asked("PRACK").to.tag == "left"
    reliably(one, out, rseq=9, body=sdp(42000), tag="right")
    second = rich.told(183)
    assert second.body == b"" and second.get("Content-Type") is None
    rich.within("PRACK", invite, second, cseq=3, headers=rack(second))
    rich.told(200, "PRACK")
    assert one.asked("PRACK").to.tag == "right"
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_an_extension_that_we_do_not_know_is_refused_inside_a_dialog_too(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, CAN)
    one.answer(out, 200, body=sdp(41000))
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    rich.within("INFO", invite, ok, cseq=2, headers=(("Require", "telepathy"),))
    assert rich.told(420).get("Unsupported") == "telepathy"
    hang_up(rich, one, invite, ok)


# --- offers that meet, and offers that are refused -------------------------------------------------------------------


def answered(rich: Citizen, one: Citizen) -> tuple[Request, Response, Request, Response]:
    invite, out = rung(rich, one)
    answer = one.answer(out, 200, body=sdp(41000))
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    return invite, ok, out, answer


def test_updates_that_meet_are_both_refused_with_491(rich: Citizen, one: Citizen) -> None:
    invite, ok, out, answer = answered(rich, one)
    rich.within("UPDATE", invite, ok, body=sdp(40002))
    passed = one.asked("UPDATE")
    one.back("UPDATE", out, answer, body=sdp(41002))
    one.told(491, "UPDATE")
    one.answer(passed, 491)
    rich.told(491, "UPDATE")
    hang_up(rich, one, invite, ok)


def test_a_second_update_before_the_first_is_answered_waits(rich: Citizen, one: Citizen) -> None:
    invite, ok, *_ = answered(rich, one)
    rich.within("UPDATE", invite, ok, body=sdp(40002))
    passed = one.asked("UPDATE")
    rich.within("UPDATE", invite, ok, cseq=3, body=sdp(40004))
    assert rich.told(500, "UPDATE").get("Retry-After") is not None
    one.answer(passed, 200, body=sdp(41000))
    rich.told(200, "UPDATE")
    rich.within("UPDATE", invite, ok, cseq=4, body=sdp(40004))
    passed = one.asked("UPDATE")
    one.answer(passed, 200, body=sdp(41000))
    rich.told(200, "UPDATE")
    hang_up(rich, one, invite, ok)


def test_a_re_invite_meets_an_update(rich: Citizen, one: Citizen) -> None:
    invite, ok, out, answer = answered(rich, one)
    rich.within("UPDATE", invite, ok, body=sdp(40002))
    passed = one.asked("UPDATE")
    again = one.back("INVITE", out, answer, body=sdp(41002))
    one.ack(again, one.told(491, "INVITE"))
    one.answer(passed, 200, body=sdp(41000))
    rich.told(200, "UPDATE")
    hang_up(rich, one, invite, ok)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_after_a_refused_offer_a_refresh_shows_what_held_before(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, method: str
) -> None:
    settle(town, tmp_path, "one", sessiontimer="forced", sesskeepalive=60)
    invite, ok, out, _ = answered(rich, one)
    again = rich.within(method, invite, ok, body=sdp(40002, direction="sendonly"))
    passed = one.asked(method)
    one.answer(passed, 488)
    refusal = rich.told(488, method)
    if method == "INVITE":
        rich.ack(again, refusal)
        one.asked("ACK")
    refresh = one.asked("INVITE", 70)
    assert refresh.body == out.body
    one.answer(refresh, 200, body=sdp(41000))
    one.asked("ACK")
    hang_up(rich, one, invite, ok)
