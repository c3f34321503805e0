"""Messages that get lost, come twice, come late or meet each other on the way, on simulated time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.sip.message import Request, Response
from tests.support_sip import sdp
from tests.switch.call.town import Citizen, Town, founded

NUMBER = "49301234567"


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


def ringing(rich: Citizen, one: Citizen) -> tuple[Request, Request]:
    """The INVITE in, and the one that went out and rings."""
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    one.answer(out, 180)
    rich.told(180)
    return invite, out


def up(rich: Citizen, one: Citizen) -> tuple[Request, Response, Request, Response]:
    """A call that both sides have acknowledged."""
    invite, out = ringing(rich, one)
    answer = one.answer(out, 200, body=sdp(41000))
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    return invite, ok, out, answer


def hang_up(rich: Citizen, one: Citizen, invite: Request, ok: Response, cseq: int = 9) -> None:
    rich.within("BYE", invite, ok, cseq=cseq)
    rich.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)


# --- the same again ------------------------------------------------------------------------------------------------


def test_an_invite_that_comes_every_half_second_is_one_call_and_hears_the_last_answer_each_time(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = ringing(rich, one)
    for _ in range(20):
        rich.send(invite)
        assert rich.everything(0.5) == ["180 INVITE"]
    assert one.everything(0) == []
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))
    assert [record["status"] for record in town.records()] == [486]


def test_a_refusal_whose_ack_is_lost_is_repeated_until_an_ack_comes(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = ringing(rich, one)
    one.answer(out, 486)
    refusal = rich.told(486)
    assert rich.everything(8) == ["486 INVITE"] * 4
    rich.ack(invite, refusal)
    assert rich.everything(32) == []


def test_an_answer_whose_ack_is_lost_is_repeated_and_the_call_is_up_with_the_first_that_comes(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = ringing(rich, one)
    one.answer(out, 200, body=sdp())
    ok = rich.told(200, "INVITE")
    assert rich.everything(4) == ["200 INVITE"] * 3
    rich.ack(invite, ok)
    assert rich.everything(40) == []
    hang_up(rich, one, invite, ok)
    assert [record["cause"] for record in town.records()] == ["normal"]


def test_an_answer_that_nobody_acknowledges_ends_the_call_on_both_sides(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    _invite, out = ringing(rich, one)
    one.answer(out, 200, body=sdp())
    rich.told(200, "INVITE")
    one.answer(one.asked("BYE", 33), 200)
    rich.answer(rich.asked("BYE", 1), 200)
    assert [(record["cause"], record["status"]) for record in town.records()] == [("no_response", 408)]


def test_a_carrier_that_lost_our_ack_gets_it_again_with_each_copy_of_its_answer(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, ok, _, answer = up(rich, one)
    for _ in range(5):
        one.send(answer)
        assert one.everything(0.5) == ["ACK"]
    hang_up(rich, one, invite, ok)


def test_a_bye_that_is_lost_is_sent_again_for_32_seconds_and_the_record_does_not_wait(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, ok, _, _ = up(rich, one)
    rich.within("BYE", invite, ok)
    rich.told(200, "BYE")
    assert len(town.records()) == 1
    assert one.everything(40) == ["BYE"] * 11
    assert not town.board.dialogs


def test_a_bye_whose_answer_is_lost_is_answered_again_and_ends_nothing_twice(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, ok, _, _ = up(rich, one)
    bye = rich.within("BYE", invite, ok)
    one.answer(one.asked("BYE"), 200)
    for _ in range(4):
        rich.send(bye, rich.switch)
    assert rich.everything(1) == ["200 BYE"] * 5
    assert len(town.records()) == 1


def test_everything_may_come_three_times(town: Town, rich: Citizen, one: Citizen) -> None:
    invite = rich.invite(NUMBER)
    for _ in range(3):
        rich.send(invite)
    out = one.asked("INVITE")
    ring = one.answer(out, 180)
    answer = one.answer(out, 200, body=sdp())
    for message in (ring, answer, answer):
        one.send(message)
    ok = rich.told(200, "INVITE")
    for _ in range(3):
        rich.ack(invite, ok)
    bye = rich.within("BYE", invite, ok)
    rich.send(bye, rich.switch)
    rich.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)
    assert len(town.records()) == 1


# --- in another order ----------------------------------------------------------------------------------------------


def test_a_180_that_comes_after_the_200_is_not_passed_on(rich: Citizen, one: Citizen) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    one.answer(out, 200, body=sdp())
    one.answer(out, 180)
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    assert rich.everything(1) == []
    hang_up(rich, one, invite, ok)


def test_a_cancel_that_overtakes_its_invite_finds_nothing_and_the_invite_is_a_call(
    rich: Citizen, one: Citizen
) -> None:
    invite = rich.invite(NUMBER)
    rich.cancel(invite)
    rich.told(481, "CANCEL")
    rich.send(invite)
    one.answer(one.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))


def test_a_bye_that_overtakes_the_ack_ends_the_call(town: Town, rich: Citizen, one: Citizen) -> None:
    invite, out = ringing(rich, one)
    one.answer(out, 200, body=sdp())
    ok = rich.told(200, "INVITE")
    rich.within("BYE", invite, ok)
    rich.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)
    rich.ack(invite, ok)
    assert rich.everything(40) == []
    assert [record["cause"] for record in town.records()] == ["normal"]


def test_after_a_bye_the_answer_is_not_repeated_though_its_ack_never_came(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = ringing(rich, one)
    one.answer(out, 200, body=sdp())
    ok = rich.told(200, "INVITE")
    rich.within("BYE", invite, ok)
    one.answer(one.asked("BYE"), 200)
    assert rich.everything(40) == ["200 BYE"]


def test_an_older_request_than_the_last_in_a_dialog_gets_500_and_changes_nothing(
    rich: Citizen, one: Citizen
) -> None:
    invite, ok, _, _ = up(rich, one)
    rich.within("INFO", invite, ok, cseq=5)
    one.answer(one.asked("INFO"), 200)
    rich.told(200, "INFO")
    rich.within("BYE", invite, ok, cseq=4)
    rich.told(500, "BYE")
    assert one.everything(1) == []
    hang_up(rich, one, invite, ok)


# --- at the same time ----------------------------------------------------------------------------------------------


def test_both_sides_hang_up_at_once_and_both_are_answered(town: Town, rich: Citizen, one: Citizen) -> None:
    invite, ok, out, answer = up(rich, one)
    rich.within("BYE", invite, ok)
    theirs = one.asked("BYE")
    one.back("BYE", out, answer)
    one.answer(theirs, 200)
    assert rich.everything(1) == ["200 BYE"]
    assert one.everything(40)[0] in {"200 BYE", "481 BYE"}
    assert [record["by"] for record in town.records()] == ["caller"]


def test_a_cancel_that_meets_the_200_on_its_way_to_the_carrier_ends_that_call(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = ringing(rich, one)
    rich.cancel(invite)
    rich.told(200, "CANCEL")
    rich.ack(invite, rich.told(487))
    cancel = one.asked("CANCEL")
    one.answer(out, 200, body=sdp())
    one.answer(cancel, 200)
    one.asked("ACK")
    one.answer(one.asked("BYE"), 200)
    assert [(record["status"], record["answered"]) for record in town.records()] == [(487, None)]


def test_a_cancel_that_meets_the_200_on_its_way_to_the_caller_changes_nothing(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = ringing(rich, one)
    one.answer(out, 200, body=sdp())
    rich.cancel(invite)
    ok = rich.told(200, "INVITE")
    rich.told(200, "CANCEL")
    rich.ack(invite, ok)
    assert one.everything(1) == ["ACK"]
    hang_up(rich, one, invite, ok)
    assert [record["cause"] for record in town.records()] == ["normal"]


def test_two_re_invites_that_meet_get_491_and_the_one_that_tries_again_gets_through(
    rich: Citizen, one: Citizen
) -> None:
    invite, ok, out, answer = up(rich, one)
    ours = rich.within("INVITE", invite, ok, cseq=2, body=sdp(direction="sendonly"))
    passed = one.asked("INVITE")
    theirs = one.back("INVITE", out, answer, cseq=1, body=sdp(direction="inactive"))
    glare = one.told(491, "INVITE")
    one.ack(theirs, glare)
    one.answer(passed, 491)
    rich.ack(ours, rich.told(491, "INVITE"))
    one.asked("ACK")
    rich.everything(2.5)  # RFC 3261 §14.1: the owner of the Call-ID waits 2.1 to 4 seconds
    again = rich.within("INVITE", invite, ok, cseq=3, body=sdp(direction="sendonly"))
    second = one.asked("INVITE")
    assert b"a=sendonly" in second.body
    one.answer(second, 200, body=sdp(direction="recvonly"))
    rich.ack(again, rich.told(200, "INVITE"))
    one.asked("ACK")
    hang_up(rich, one, invite, ok)


def test_a_second_re_invite_of_one_side_before_the_first_is_answered_gets_500_with_retry_after(
    rich: Citizen, one: Citizen
) -> None:
    invite, ok, _, _ = up(rich, one)
    first = rich.within("INVITE", invite, ok, cseq=2, body=sdp())
    passed = one.asked("INVITE")
    second = rich.within("INVITE", invite, ok, cseq=3, body=sdp())
    refused = rich.told(500, "INVITE")
    assert refused.get("Retry-After")
    rich.ack(second, refused)
    one.answer(passed, 200, body=sdp())
    rich.ack(first, rich.told(200, "INVITE"))
    one.asked("ACK")
    hang_up(rich, one, invite, ok)


def test_a_re_invite_that_is_given_up_is_cancelled_at_the_other_side_and_the_call_goes_on(
    rich: Citizen, one: Citizen
) -> None:
    invite, ok, _, _ = up(rich, one)
    again = rich.within("INVITE", invite, ok, cseq=2, body=sdp())
    passed = one.asked("INVITE")
    one.answer(passed, 180, tag=passed.to.tag or "")
    rich.told(180)
    rich.cancel(again)
    rich.ack(again, rich.told(487, "INVITE"))
    one.answer(one.asked("CANCEL"), 200)
    one.answer(passed, 487)
    one.asked("ACK")
    hang_up(rich, one, invite, ok)


def test_a_bye_that_meets_a_re_invite_ends_both(town: Town, rich: Citizen, one: Citizen) -> None:
    invite, ok, out, answer = up(rich, one)
    again = rich.within("INVITE", invite, ok, cseq=2, body=sdp())
    passed = one.asked("INVITE")
    one.back("BYE", out, answer)
    one.told(200, "BYE")
    one.answer(passed, 487)
    rich.answer(rich.asked("BYE"), 200)
    rich.ack(again, rich.told(487, "INVITE"))
    assert [record["by"] for record in town.records()] == ["called"]


def test_a_200_to_a_re_invite_that_meets_a_bye_is_acknowledged(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, ok, _, _ = up(rich, one)
    rich.within("INVITE", invite, ok, cseq=2, body=sdp())
    passed = one.asked("INVITE")
    rich.within("BYE", invite, ok, cseq=3)
    one.answer(passed, 200, body=sdp())
    one.answer(one.asked("BYE"), 200)
    assert "ACK" in [m.method for m in one.heard if isinstance(m, Request)][1:] + one.everything(1)


# --- forks behind the carrier --------------------------------------------------------------------------------------


def test_of_several_early_dialogs_the_one_that_answers_is_the_call_and_the_caller_sees_one(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    tags = set()
    for tag, status in (("a", 180), ("b", 183), ("c", 180), ("a", 183)):
        one.answer(out, status, tag=tag)
        tags.add(rich.told(status).to.tag)
    one.answer(out, 200, tag="b", body=sdp(42000))
    ok = rich.told(200, "INVITE")
    assert tags == {ok.to.tag}
    rich.ack(invite, ok)
    assert one.asked("ACK").to.tag == "b"
    one.answer(out, 200, tag="c", body=sdp(43000))
    ack, bye = one.asked("ACK"), one.asked("BYE")
    assert (ack.to.tag, bye.to.tag) == ("c", "c")
    one.answer(bye, 200)
    rich.within("BYE", invite, ok)
    last = one.asked("BYE")
    assert last.to.tag == "b"
    one.answer(last, 200)
    assert len(town.records()) == 1


def test_a_request_in_an_early_dialog_that_lost_finds_nobody(town: Town, rich: Citizen, one: Citizen) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    loser = one.answer(out, 183, tag="a")
    one.answer(out, 183, tag="b")
    one.answer(out, 200, tag="b", body=sdp())
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    one.back("BYE", out, loser)
    assert one.everything(1)[0] in {"200 BYE", "481 BYE"}
    assert town.board.calls, "the end of a lost early dialog ended the call"
    hang_up(rich, one, invite, ok)


# --- a crowd -------------------------------------------------------------------------------------------------------


def test_a_hundred_phones_register_one_account_in_turns_and_the_last_ones_stay(town: Town) -> None:
    most = town.world.settings.max_contacts
    phones = [town.peer("1001") for _ in range(100)]
    asked = [phone.request("REGISTER", "sip:127.0.0.1", to="<sip:1001@127.0.0.1>") for phone in phones]
    for phone, question in zip(phones, asked, strict=True):
        phone.send(question)
    challenges = [phone.told(401) for phone in phones]
    for phone, question, challenge in zip(phones, asked, challenges, strict=True):
        again = Request("REGISTER", question.uri, list(question.headers))
        again.set("Via", phone.via())
        again.set("CSeq", "2 REGISTER")
        again.headers.append(
            ("Authorization", phone.proof(challenge, "REGISTER", question.uri, "secret-1001", "MD5"))
        )
        phone.send(again)
    answers = [phone.told(200) for phone in phones]
    assert all(0 < len(answer.contacts or []) <= most for answer in answers)
    kept = {
        binding.flow.port for binding in town.board.registrar.reachable(town.ids["1001"], town.board.wall())
    }
    assert kept == {phone.port for phone in phones[-most:]}


def test_an_old_peer_without_branch_tag_and_contact_calls_and_hangs_up(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    """RFC 4475 §3.4.1: a message of RFC 2543."""
    invite = rich.invite(NUMBER)
    for name in ("Contact", "Max-Forwards"):
        invite.remove(name)
    invite.set("Via", f"SIP/2.0/UDP 127.0.0.1:{rich.port}")
    invite.set("From", f"<sip:rich@127.0.0.1:{rich.port}>")
    rich.send(invite)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 200, body=sdp())
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    assert one.everything(1) == ["ACK"]
    hang_up(rich, one, invite, ok)
    assert [record["cause"] for record in town.records()] == ["normal"]
