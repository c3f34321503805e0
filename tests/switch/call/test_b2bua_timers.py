"""What ends a call when nobody hangs up: silence, the longest duration, a missing ACK, phones that ring for too long."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support_sip import Peer, sdp
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

NUMBER = "49301234567"
MAX_SECONDS = 13


def impatient(office: Office) -> None:
    office.settings |= {
        "minresendival": 50,
        "rtp_start_timeout_seconds": 1,
        "rtp_timeout_seconds": 1,
        "ringtimeout": 1,
    }
    next(row for row in office.rows["accounts"] if row[1] == "poor")[MAX_SECONDS] = 1


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with opened(django_db_blocker, change=impatient) as found:
        yield found


def up(caller: Peer, called: Peer, ports: tuple[int, int] = (40000, 41000)) -> tuple[Any, Any, Any]:
    """A call; the INVITE in, the INVITE out, the answer."""
    invite = caller.invite(NUMBER, body=sdp(ports[0]))
    caller.send(invite)
    out = called.asked("INVITE")
    called.answer(out, 200, body=sdp(ports[1]))
    ok = caller.told(200)
    caller.ack(invite, ok)
    called.asked("ACK")
    return invite, out, ok


def both_hear_bye(caller: Peer, called: Peer, cause: int) -> None:
    for party in (caller, called):
        bye = party.asked("BYE")
        party.answer(bye, 200)
        assert f"Q.850;cause={cause}" in (bye.get("Reason") or "")


@pytest.mark.req("media-022", "sip-064")
def test_a_relayed_call_without_any_media_ends(house: House, peers: Callable[[str], Peer], one: Peer) -> None:
    caller = peers("relayed")
    invite, _, _ = up(caller, one)
    both_hear_bye(caller, one, 31)
    record = house.switch.record(invite)
    assert (record["cause"], record["by"]) == ("media_timeout", "switch")


@pytest.mark.req("media-020", "sip-064")
def test_a_relayed_call_whose_media_stops_ends(house: House, peers: Callable[[str], Peer], one: Peer) -> None:
    caller = peers("relayed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        invite, _, ok = up(caller, one, (phone.getsockname()[1], 41000))
        port = int(ok.body.partition(b"m=audio ")[2].split()[0])
        phone.sendto(bytes([0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7]) + b"x" * 160, ("127.0.0.1", port))
        both_hear_bye(caller, one, 31)
    record = house.switch.record(invite)
    assert record["cause"] == "media_timeout" and record["rtp"][0] == 1


@pytest.mark.req("sip-007", "sip-064")
def test_the_longest_call_of_an_account_ends_on_time(
    house: House, peers: Callable[[str], Peer], one: Peer
) -> None:
    caller = peers("poor")
    invite, _, _ = up(caller, one)
    both_hear_bye(caller, one, 31)
    record = house.switch.record(invite)
    assert record["cause"] == "too_long"
    assert 0.9 <= record["ended"] - record["answered"] <= 1.5


def test_a_caller_that_never_acknowledges_the_answer_loses_the_call(
    house: House, rich: Peer, one: Peer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 200, body=sdp())
    rich.told(200)
    one.asked("ACK")
    one.answer(one.asked("BYE"), 200)
    rich.answer(rich.asked("BYE"), 200)
    record = house.switch.record(invite)
    assert record["cause"] == "no_response" and "never acknowledged" in record["comment"]
    assert 3.0 <= record["ended"] - record["answered"] <= 4.5  # 64 x T1 (RFC 3261 §13.3.1.4)


@pytest.mark.req("sip-034", "sip-064", "limits-001", "limits-009")
def test_a_phone_that_rings_for_too_long_is_cancelled(
    house: House, rich: Peer, peers: Callable[[str], Peer]
) -> None:
    phone = peers("1001")
    assert phone.register("secret-1001").status == 200
    invite = rich.invite("1001")
    rich.send(invite)
    ringing = phone.asked("INVITE")
    phone.answer(ringing, 180)
    phone.answer(phone.asked("CANCEL", 3), 200)
    phone.answer(ringing, 487)
    phone.asked("ACK")
    rich.ack(invite, rich.told(480))
    assert house.switch.record(invite)["cause"] == "no_answer"


@pytest.mark.req("sip-031")
def test_a_silent_carrier_hears_the_invite_again_after_t1_and_twice_t1(
    house: House, rich: Peer, one: Peer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    heard = [one.asked("INVITE", 0.5) for _ in range(3)]
    assert len({request.via.branch for request in heard}) == 1
    one.answer(heard[0], 486)
    rich.ack(invite, rich.told(486))
