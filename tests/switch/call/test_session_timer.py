"""Session timers (RFC 4028): who refreshes, who watches, and what a party that is gone is billed for, on simulated time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.sip.message import Message
from tests.support_sip import sdp
from tests.switch.call.scenes import NUMBER, hang_up, records, rung, settle, up
from tests.switch.call.town import Citizen, Town, founded

CAN = (("Supported", "timer"),)


def expires(seconds: int, refresher: str = "") -> tuple[tuple[str, str], ...]:
    text = f"{seconds};refresher={refresher}" if refresher else str(seconds)
    return (*CAN, ("Session-Expires", text))


def can(*methods: str) -> tuple[str, str]:
    return ("Allow", ", ".join(("INVITE", "ACK", "BYE", *methods)))


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


def asks(message: Message) -> str:
    return message.get("Session-Expires") or ""


# --- off, never, no -------------------------------------------------------------------------------------------------


@pytest.mark.req("sip-087")
def test_nobody_is_asked_for_a_timer_by_default(town: Town, rich: Citizen, one: Citizen) -> None:
    invite, ok, out, _ = up(rich, one)
    assert not asks(out) and not asks(ok) and "timer" not in out.members("Supported")
    town.pass_time(8000)
    assert [len(peer.box) for peer in (rich, one)] == [0, 0]
    hang_up(rich, one, invite, ok)


@pytest.mark.req("sip-090")
@pytest.mark.parametrize("handles", ["auto", "forward"])
def test_what_the_parties_agree_passes_through(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, handles: str
) -> None:
    settle(town, tmp_path, sessiontimerhandlelocally=handles)
    invite, out = rung(rich, one, (*expires(600), ("Min-SE", "120")))
    assert (asks(out), out.get("Min-SE"), "timer" in out.members("Supported")) == ("600", "120", True)
    one.answer(
        out, 200, body=sdp(41000), headers=(("Require", "timer"), ("Session-Expires", "600;refresher=uac"))
    )
    ok = rich.told(200, "INVITE")
    assert (asks(ok), ok.get("Require")) == ("600;refresher=uac", "timer")
    rich.ack(invite, ok)
    one.asked("ACK")
    town.pass_time(300)
    rich.within("UPDATE", invite, ok, headers=expires(600, "uac"))
    update = one.asked("UPDATE")
    assert asks(update) == "600;refresher=uac"
    one.answer(update, 200, headers=(("Require", "timer"), ("Session-Expires", "600;refresher=uac")))
    assert asks(rich.told(200, "UPDATE")) == "600;refresher=uac"
    town.pass_time(500)
    assert town.board.calls
    hang_up(rich, one, invite, ok)


def test_a_422_of_the_called_reaches_the_caller_with_its_min_se(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one, expires(100))
    one.answer(out, 422, headers=(("Min-SE", "300"),))
    refusal = rich.told(422)
    assert refusal.get("Min-SE") == "300"
    rich.ack(invite, refusal)


def test_a_call_whose_parties_are_both_gone_ends_though_they_handle_the_timer(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one, expires(600))
    one.answer(
        out, 200, body=sdp(41000), headers=(("Require", "timer"), ("Session-Expires", "600;refresher=uac"))
    )
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    town.pass_time(620)
    assert town.board.calls
    town.pass_time(20)
    assert [r["cause"] for r in records(town)] == ["session_expired"]
    for peer in (rich, one):
        peer.answer(peer.asked("BYE"), 200)


@pytest.mark.req("sip-088")
def test_an_account_that_never_uses_them_hides_them_from_the_other_party(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", sessiontimer="never")
    invite, ok, out, _ = up(rich, one, expires(600))
    assert not asks(out) and not asks(ok)
    hang_up(rich, one, invite, ok)


def test_no_drops_what_the_parties_ask(town: Town, tmp_path: Path, rich: Citizen, one: Citizen) -> None:
    settle(town, tmp_path, sessiontimerhandlelocally="no")
    invite, ok, out, _ = up(rich, one, expires(600))
    assert not asks(out) and not asks(ok)
    hang_up(rich, one, invite, ok)


# --- the caller's side ----------------------------------------------------------------------------------------------


@pytest.mark.req("sip-016", "sip-035", "sip-089")
def test_a_caller_that_can_is_told_to_refresh_and_is_answered_here(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "rich", sessiontimer="supported")
    invite, ok, out, _ = up(rich, one, CAN)
    assert (asks(ok), ok.get("Require"), asks(out)) == ("1800;refresher=uac", "timer", "")
    for cseq in (2, 3):
        town.pass_time(900)
        rich.within("UPDATE", invite, ok, cseq=cseq, headers=expires(1800, "uac"))
        assert asks(rich.told(200, "UPDATE")) == "1800;refresher=uac"
    assert one.everything(1) == []
    hang_up(rich, one, invite, ok)


@pytest.mark.req("sip-087", "sip-064")
def test_a_caller_that_stops_refreshing_is_hung_up_and_billed_until_it_was_last_heard_of(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "rich", sessiontimer="supported")
    invite, ok, *_ = up(rich, one, expires(600, "uac"))
    town.pass_time(300)
    rich.within("UPDATE", invite, ok, headers=expires(600, "uac"))
    rich.told(200, "UPDATE")
    town.pass_time(566)
    assert town.board.calls
    town.pass_time(4)  # 32 seconds before the end (RFC 4028 §10)
    for peer in (rich, one):
        bye = peer.asked("BYE")
        assert "cause=102" in (bye.get("Reason") or "")
        peer.answer(bye, 200)
    record = records(town)[0]
    assert (record["cause"], record["by"]) == ("session_expired", "switch")
    assert record["ended"] - record["answered"] == pytest.approx(300, abs=1)
    assert "the caller was last heard of" in record["comment"]


@pytest.mark.req("sip-091", "sip-027")
def test_a_caller_that_asks_for_less_than_the_least_hears_422_and_the_least(
    town: Town, tmp_path: Path, rich: Citizen
) -> None:
    settle(town, tmp_path, "rich", sessiontimer="supported", def_min_sessiontimer=200)
    invite = rich.invite(NUMBER, headers=expires(199))
    rich.send(invite)
    refusal = rich.told(422)
    assert refusal.get("Min-SE") == "200"
    rich.ack(invite, refusal)
    assert not town.board.calls


@pytest.mark.req("sip-091", "sip-027")
def test_a_caller_that_asks_for_more_than_the_most_gets_the_most(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "rich", sessiontimer="supported", def_max_sessiontimer=2000)
    invite, ok, *_ = up(rich, one, expires(4000, "uas"))
    assert asks(ok) == "2000;refresher=uas"
    hang_up(rich, one, invite, ok)


def test_a_refresh_that_asks_for_less_than_the_least_hears_422(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "rich", sessiontimer="supported")
    invite, ok, *_ = up(rich, one, CAN)
    rich.within("UPDATE", invite, ok, headers=expires(30))
    assert rich.told(422).get("Min-SE") == "90"
    hang_up(rich, one, invite, ok)


@pytest.mark.req("sip-088", "sip-092")
def test_a_caller_without_them_is_refreshed_by_us_when_they_are_forced(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "rich", sessiontimer="forced")
    invite, ok, *_ = up(rich, one)
    assert not asks(ok)
    began = town.now
    again = rich.asked("INVITE", 1000)  # it never said that it can do UPDATE
    assert town.now - began == pytest.approx(900, abs=2)
    assert again.body == ok.body and not asks(again)
    rich.answer(again, 200, body=sdp())
    rich.asked("ACK")
    hang_up(rich, one, invite, ok)


# --- the called's side ----------------------------------------------------------------------------------------------


@pytest.mark.req("sip-088")
def test_a_carrier_is_asked_and_refreshed_as_it_agreed(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", sessiontimer="supported")
    invite, out = rung(rich, one)
    assert (asks(out), out.get("Min-SE"), "timer" in out.members("Supported")) == ("1800", "90", True)
    agreed = (("Require", "timer"), ("Session-Expires", "600;refresher=uac"))
    one.answer(out, 200, body=sdp(41000), headers=(*agreed, can("UPDATE")))
    ok = rich.told(200, "INVITE")
    assert not asks(ok)
    rich.ack(invite, ok)
    for _ in range(3):
        began = town.now
        update = one.asked("UPDATE", 310)
        assert town.now - began == pytest.approx(300, abs=1)
        assert asks(update) == "600;refresher=uac" and update.body == b""
        one.answer(update, 200, headers=agreed)
    hang_up(rich, one, invite, ok)


def test_a_carrier_without_update_gets_a_re_invite_with_the_offer_it_knows(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", sessiontimer="supported")
    agreed = (("Require", "timer"), ("Session-Expires", "600;refresher=uac"))
    invite, ok, out, _ = up(rich, one, answer_headers=(*agreed, can()))
    again = one.asked("INVITE", 310)
    assert again.body == out.body and asks(again) == "600;refresher=uac"
    one.answer(again, 200, body=sdp(41000), headers=agreed)
    assert one.asked("ACK").cseq.number == again.cseq.number
    assert rich.everything(1) == []
    hang_up(rich, one, invite, ok)


def test_an_update_that_is_not_known_after_all_is_followed_by_a_re_invite(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", sessiontimer="supported")
    agreed = (("Require", "timer"), ("Session-Expires", "600;refresher=uac"))
    invite, ok, *_ = up(rich, one, answer_headers=(*agreed, can("UPDATE")))
    one.answer(one.asked("UPDATE", 310), 405)
    again = one.asked("INVITE")
    one.answer(again, 200, body=sdp(41000), headers=agreed)
    one.asked("ACK")
    hang_up(rich, one, invite, ok)


def test_a_carrier_that_does_not_answer_a_refresh_ends_the_call(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", sessiontimer="supported")
    agreed = (("Require", "timer"), ("Session-Expires", "600;refresher=uac"))
    up(rich, one, answer_headers=(*agreed, can("UPDATE")))
    town.pass_time(340)
    rich.answer(rich.asked("BYE"), 200)
    record = records(town)[0]
    assert record["cause"] == "session_expired"
    assert record["ended"] - record["answered"] <= 1
    assert "the called was last heard of" in record["comment"]


def test_a_carrier_that_does_not_know_the_call_any_more_ends_it(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", sessiontimer="forced", sesskeepalive=60)
    up(rich, one, answer_headers=(can("UPDATE"),))
    one.answer(one.asked("UPDATE", 61), 200)
    one.answer(one.asked("UPDATE", 61), 481)
    rich.answer(rich.asked("BYE"), 200)
    record = records(town)[0]
    assert record["ended"] - record["answered"] == pytest.approx(60, abs=1)


@pytest.mark.req("sip-016", "sip-089")
def test_a_number_means_minutes_between_refreshes(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, sessiontimer="5")
    invite, ok, out, _ = up(rich, one, CAN, answer_headers=(can("UPDATE"),))
    assert (asks(out), asks(ok)) == ("600", "600;refresher=uas")
    began = town.now
    one.answer(one.asked("UPDATE", 310), 200)
    assert town.now - began == pytest.approx(300, abs=2)
    rich.answer(rich.asked("INVITE", 3), 200, body=sdp())
    rich.asked("ACK")
    hang_up(rich, one, invite, ok)


@pytest.mark.req("sip-091")
def test_a_carrier_that_wants_a_longer_interval_gets_it(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", sessiontimer="supported", def_mid_sessiontimer=300)
    invite, out = rung(rich, one)
    one.answer(out, 422, headers=(("Min-SE", "500"),))
    again = one.asked("INVITE")
    assert (asks(again), again.get("Min-SE")) == ("500", "500")
    for wanted in (600, 700, 800, 900):
        one.answer(again, 422, headers=(("Min-SE", str(wanted)),))
        again = one.asked("INVITE")
    one.answer(again, 422, headers=(("Min-SE", "1000"),))  # it is not humoured for ever
    rich.ack(invite, rich.told(422))


@pytest.mark.req("sip-089")
def test_sesskeepalive_says_how_often_we_refresh(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", sessiontimer="supported", sesskeepalive=45)
    agreed = (("Require", "timer"), ("Session-Expires", "1800;refresher=uac"))
    invite, ok, *_ = up(rich, one, answer_headers=(*agreed, can("UPDATE")))
    began = town.now
    for _ in range(2):
        one.answer(one.asked("UPDATE", 50), 200, headers=agreed)
    assert town.now - began == pytest.approx(90, abs=1)
    hang_up(rich, one, invite, ok)


def test_a_carrier_that_refreshes_itself_is_watched(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", sessiontimer="supported")
    agreed = (("Require", "timer"), ("Session-Expires", "600;refresher=uas"))
    _, _, out, answer = up(rich, one, answer_headers=(*agreed, can("UPDATE")))
    town.pass_time(290)
    update = one.back("UPDATE", out, answer, headers=expires(600, "uac"))
    assert asks(one.told(200, "UPDATE")) == "600;refresher=uac"
    assert update.cseq.number == 1
    town.pass_time(570)
    assert records(town)[0]["cause"] == "session_expired"
    rich.answer(rich.asked("BYE"), 200)
    one.answer(one.asked("BYE"), 200)


def test_a_re_invite_that_passes_by_refreshes_both_sides(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, sessiontimer="supported")
    agreed = (("Require", "timer"), ("Session-Expires", "600;refresher=uas"))
    invite, ok, *_ = up(rich, one, expires(600, "uac"), answer_headers=agreed)
    town.pass_time(500)
    again = rich.within("INVITE", invite, ok, body=sdp(direction="sendonly"), headers=expires(600, "uac"))
    held = one.asked("INVITE")
    assert asks(held) == "600;refresher=uas"
    one.answer(held, 200, body=sdp(41000, direction="recvonly"), headers=agreed)
    two_hundred = rich.told(200, "INVITE")
    assert asks(two_hundred) == "600;refresher=uac"
    rich.ack(again, two_hundred)
    one.asked("ACK")
    town.pass_time(500)
    assert town.board.calls
    hang_up(rich, one, invite, ok)


def test_a_bad_session_expires_is_as_good_as_none(rich: Citizen, one: Citizen) -> None:
    for text in ("soon", "-5", "0", "99999999999999999999;refresher=both"):
        invite, ok, *_ = up(rich, one, (*CAN, ("Session-Expires", text)))
        hang_up(rich, one, invite, ok)


def test_refreshes_end_with_the_call(town: Town, tmp_path: Path, rich: Citizen, one: Citizen) -> None:
    settle(town, tmp_path, sessiontimer="forced", sesskeepalive=30)
    invite, ok, *_ = up(rich, one)
    hang_up(rich, one, invite, ok)
    assert rich.everything(200) == [] and one.everything(0) == []
