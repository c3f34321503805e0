"""Requests too large for a datagram, and what keeps a NAT open (RFC 3261 §18.1.1, guide 4905)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from switch.sip.message import Request, Response
from tests.support_sip import Peer, TcpPeer, sdp
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

NUMBER = "49301234567"
BIG = sdp() + b"".join(
    b"a=x-candidate:%03d 1 UDP 2130706431 192.0.2.1 40000 typ host\r\n" % n for n in range(30)
)
assert len(BIG) > 1300


@pytest.fixture
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    def change(office: Office) -> None:
        office.rows["overrides"].append([office.rows["trunks"][1][0], "stricttransport", "keep"])
        office.settings["udpkeepalive"] = 1

    with opened(django_db_blocker, change=change) as found:
        yield found


def test_a_large_invite_goes_by_tcp_and_the_rest_of_the_call_with_it(house: House, rich: Peer) -> None:
    carrier = TcpPeer(house.switch.port, "one", port=house.ports["one"], listening=True)
    invite = rich.invite(NUMBER, body=BIG)
    rich.send(invite)
    carrier.accept()
    out = carrier.asked("INVITE")
    assert out.via.transport == "TCP" and out.body == BIG
    carrier.answer(out, 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    carrier.asked("ACK")
    rich.within("BYE", invite, ok)
    carrier.answer(carrier.asked("BYE"), 200)
    rich.told(200, "BYE")
    assert [one[1] for one in house.switch.record(invite)["attempts"]] == [200]
    carrier.close()


def test_where_tcp_is_refused_it_goes_by_udp_and_is_not_tried_again_for_a_while(
    house: House, rich: Peer, one: Peer
) -> None:
    invite = rich.invite(NUMBER, body=BIG)
    rich.send(invite)
    out = one.asked("INVITE")
    assert out.via.transport == "UDP" and out.body == BIG
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))
    assert [one_[1] for one_ in house.switch.record(invite)["attempts"]] == [486]
    door = TcpPeer(house.switch.port, "one", port=house.ports["one"], listening=True)
    again = rich.invite(NUMBER, body=BIG)
    rich.send(again)
    one.answer(one.asked("INVITE"), 486)
    rich.ack(again, rich.told(486))
    with pytest.raises(TimeoutError):
        door.accept(0.1)
    door.close()


@pytest.mark.req("sip-065")
def test_a_carrier_that_keeps_to_its_transport_gets_it_by_udp(house: House, rich: Peer, two: Peer) -> None:
    door = TcpPeer(house.switch.port, "two", port=house.ports["two"], listening=True)
    invite = rich.invite(NUMBER, body=BIG)
    rich.send(invite)  # nobody is at carrier `one`
    out = two.asked("INVITE")
    assert out.via.transport == "UDP"
    two.answer(out, 486)
    rich.ack(invite, rich.told(486))
    with pytest.raises(TimeoutError):
        door.accept(0.1)
    door.close()


def up(rich: Peer, one: Peer) -> tuple[Request, Response]:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    one.asked("ACK")
    return invite, ok


def over(rich: Peer, one: Peer, invite: Request, ok: Response) -> None:
    rich.within("BYE", invite, ok, cseq=9)
    one.answer(one.asked("BYE"), 200)
    rich.told(200, "BYE")


def test_a_large_request_inside_a_call_goes_by_tcp_and_the_small_ones_stay(
    house: House, rich: Peer, one: Peer
) -> None:
    door = TcpPeer(house.switch.port, "one", port=house.ports["one"], listening=True)
    door.contact = one.contact
    invite, ok = up(rich, one)
    for cseq, method in ((2, "INFO"), (3, "INVITE")):
        rich.within(method, invite, ok, cseq=cseq, body=BIG)
        if cseq == 2:
            door.accept()
        asked = door.asked(method)
        assert asked.via.transport == "TCP" and asked.body == BIG
        door.answer(asked, 200, body=sdp(41000) if method == "INVITE" else b"")
        told = rich.told(200, method)
    rich.ack(
        rich.request("INVITE", "sip:x", call_id=invite.call_id, from_=invite.get("From") or "", cseq=3), told
    )
    one.asked("ACK")
    over(rich, one, invite, ok)
    house.switch.record(invite)
    door.close()


@pytest.mark.parametrize("method", ["INFO", "INVITE"])
def test_where_tcp_is_refused_inside_a_call_it_goes_by_udp_and_the_answer_finds_back(
    house: House, rich: Peer, one: Peer, method: str
) -> None:
    invite, ok = up(rich, one)
    rich.within(method, invite, ok, cseq=2, body=BIG)
    asked = one.asked(method)
    assert asked.via.transport == "UDP" and asked.body == BIG
    one.answer(asked, 488)
    refusal = rich.told(488, method)
    if method == "INVITE":
        rich.ack(
            rich.request("INVITE", "sip:x", call_id=invite.call_id, from_=invite.get("From") or "", cseq=2),
            refusal,
        )
    over(rich, one, invite, ok)


def test_a_small_invite_stays_on_udp(house: House, rich: Peer, one: Peer) -> None:
    door = TcpPeer(house.switch.port, "one", port=house.ports["one"], listening=True)
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))
    with pytest.raises(TimeoutError):
        door.accept(0.1)
    door.close()


@pytest.mark.req("nat-007")
def test_a_phone_behind_a_nat_gets_empty_datagrams_and_one_that_is_not_gets_none(house: House) -> None:
    behind, plain = Peer(house.switch.port, "1001"), Peer(house.switch.port, "1002")
    behind.contact = "<sip:1001@192.168.1.9:5060>"
    assert plain.register("secret-1002").status == 200
    assert behind.register("secret-1001").status == 200
    behind.sock.settimeout(5)
    for _ in range(2):
        assert behind.sock.recvfrom(100) == (b"\r\n\r\n", ("127.0.0.1", house.switch.port))
    plain.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        plain.sock.recv(100)
    behind.close()
    plain.close()
