"""Defects that hostile peers once found, each by its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.call.b2bua import CALM, POLITE
from switch.call.media import codec_of
from switch.sip.dialog import MAX_ROUTES
from tests.support_sip import sdp
from tests.switch.call.town import Citizen, Town, founded

NUMBER = "49301234567"
LARGEST = 65_507
"""Bytes of a UDP datagram."""


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


@pytest.mark.parametrize(
    ("format_", "rtpmap", "codec"),
    [
        (b"8", b"", "PCMA"),
        (b"96", b"96 opus/48000/2", "opus"),
        (b"8" * 40, b"", ""),
        (b"96", b"96 a\0b/8000", "a"),
        (b"96", b"96 \xff\xfe/8000", ""),
        (b"96", b"96 " + b"x" * 500, "x" * 32),
        (b"96", b"96", "96"),
        (b"96x", b"", ""),
    ],
)
def test_the_codec_of_a_record_is_a_name_that_its_column_takes(
    format_: bytes, rtpmap: bytes, codec: str
) -> None:
    """A carrier could write one that the database refuses, and the call was never charged."""
    body = b"m=audio 6000 RTP/AVP " + format_ + b"\r\n" + (b"a=rtpmap:" + rtpmap + b"\r\n" if rtpmap else b"")
    assert codec_of(body) == codec


def test_a_display_name_that_fills_a_datagram_does_not_make_a_longer_one(rich: Citizen, one: Citizen) -> None:
    """It stands in From and in P-Asserted-Identity: what went out could not be sent, and all carriers seemed to fail."""
    invite = rich.invite(NUMBER, from_=f'"{"x" * 60_000}" <sip:rich@127.0.0.1>;tag=t')
    rich.send(invite)
    out = one.asked("INVITE")
    assert len(out.encode()) < 4_000
    assert out.from_.display == "x" * 128
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


@pytest.mark.parametrize("routes", [["a"] * 3, ["<sip:p;lr>"] * (MAX_ROUTES + 1), ["<sip:p p>"]])
def test_a_caller_cannot_make_us_send_thousands_of_routes_or_broken_ones(
    rich: Citizen, one: Citizen, routes: list[str]
) -> None:
    invite = rich.invite(NUMBER, headers=(("Record-Route", ", ".join(routes)),))
    rich.send(invite)
    rich.ack(invite, rich.told(400))
    one.silent()


def test_a_carrier_cannot_make_us_send_thousands_of_routes(town: Town, rich: Citizen, one: Citizen) -> None:
    """A 200 of 16 KiB once made an ACK of 100 KiB."""
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    one.answer(out, 200, body=sdp(), headers=[("Record-Route", "a," * 8_000)])
    rich.ack(invite, rich.told(500))
    assert not town.board.calls
    assert all(len(data) < LARGEST for data in one.box)


def test_a_fork_that_lost_cannot_hang_the_call_up(town: Town, rich: Citizen, one: Citizen) -> None:
    """The end of any early dialog once ended the call that another end had answered."""
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    loser = one.answer(out, 183, tag="a")
    one.answer(out, 200, tag="b", body=sdp())
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    one.back("BYE", out, loser)
    one.told(481, "BYE")
    assert town.board.calls
    rich.within("BYE", invite, ok)
    one.answer(one.asked("BYE"), 200)


def test_each_end_of_a_fork_has_a_dialog_with_numbers_of_its_own(rich: Citizen, one: Citizen) -> None:
    """The numbers of one end's requests once counted for the other, which then got 500."""
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    first, second = one.answer(out, 183, tag="a"), one.answer(out, 183, tag="b")
    rich.told(183)
    for answer, cseq in ((first, 50), (second, 7), (first, 51)):
        one.back("INFO", out, answer, cseq=cseq)
        rich.answer(rich.asked("INFO"), 200)
        one.told(200, "INFO")
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_calls_that_ended_are_forgotten_while_there_is_no_redis(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    """Their ids were once kept for a Redis that never came."""
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))
    live = town.board.live
    assert not live._gone and not live._calls and not live._changed  # type: ignore[attr-defined]


# --- more than can be done -----------------------------------------------------------------------------------------


def crowd(town: Town, share: float, seconds: float) -> None:
    """So much of the receive buffer waits to be read for so long."""
    town.wires.waiting = share
    town.pass_time(seconds)


def test_while_more_comes_than_can_be_done_new_calls_get_503_and_calls_that_are_up_are_served(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    up, ringing = rich.invite(NUMBER), rich.invite(NUMBER)
    rich.send(up)
    one.answer(one.asked("INVITE"), 200, body=sdp())
    ok = rich.told(200, "INVITE")
    rich.ack(up, ok)
    one.asked("ACK")
    rich.send(ringing)
    out = one.asked("INVITE")
    one.answer(out, 180)
    rich.told(180)
    crowd(town, 0.9, 0.5)
    refused = rich.invite(NUMBER)
    rich.send(refused)
    answer = rich.told(503)
    assert answer.get("Retry-After") and answer.call_id == refused.call_id
    rich.ack(refused, answer)
    again = rich.within("INVITE", up, ok, cseq=2, body=sdp(direction="sendonly"))
    passed = one.asked("INVITE")
    assert passed.to.tag, "the new call went on to the carrier"
    one.answer(passed, 200, tag=passed.to.tag, body=sdp(direction="recvonly"))
    rich.ack(again, rich.told(200, "INVITE"))
    one.asked("ACK")
    rich.cancel(ringing)
    rich.told(200, "CANCEL")
    rich.ack(ringing, rich.told(487))
    one.answer(one.asked("CANCEL"), 200)
    one.answer(out, 487)
    rich.within("BYE", up, ok, cseq=3)
    rich.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)
    crowd(town, 0.0, CALM + 0.1)
    rich.send(rich.invite(NUMBER))
    one.answer(one.asked("INVITE"), 486)
    rich.told(486)


def test_a_short_pause_is_no_overload(town: Town, rich: Citizen, one: Citizen) -> None:
    crowd(town, 0.9, 0.14)
    crowd(town, 0.1, 0.02)
    crowd(town, 0.9, 0.14)
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))


def test_a_worker_whose_clock_was_late_by_more_than_a_second_refuses_until_it_has_caught_up(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    town.pass_time(0.1)
    town.now += 1.5
    town.step()
    invite = rich.invite(NUMBER)
    rich.send(invite)
    rich.ack(invite, rich.told(503))
    town.pass_time(CALM + 0.1)
    rich.send(rich.invite(NUMBER))
    one.answer(one.asked("INVITE"), 486)
    rich.told(486)


def test_under_overload_only_so_many_are_refused_and_the_rest_is_not_read(town: Town, rich: Citizen) -> None:
    crowd(town, 0.9, 0.5)
    for _ in range(3 * POLITE):
        rich.send(rich.invite(NUMBER))
    assert len(rich.box) == POLITE
    assert town.board.counters.unread == 2 * POLITE
    rich.box.clear()
    crowd(town, 0.9, 0.02)
    rich.send(rich.invite(NUMBER))
    rich.told(503)
