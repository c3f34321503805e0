"""Calls of parties on TCP: phones, carriers, connections that end (RFC 3261 §18)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from switch.sip.message import Request
from tests.support import wait_for
from tests.support_sip import Peer, TcpPeer, sdp
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

NUMBER = "49301234567"


def carriers_on_tcp(office: Office) -> None:
    office.rows["trunks"][0][3] = "tcp"


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with opened(django_db_blocker, change=carriers_on_tcp) as found:
        yield found


@pytest.fixture
def carrier(house: House) -> Iterator[TcpPeer]:
    """Carrier `one`, which the switch connects to."""
    peer = TcpPeer(house.switch.port, "one", port=house.ports["one"], listening=True)
    yield peer
    peer.close()


@pytest.fixture
def phone(house: House) -> Iterator[TcpPeer]:
    peer = TcpPeer(house.switch.port, "1001")
    yield peer
    peer.close()


def invite_of(carrier: TcpPeer) -> Request:
    """The next INVITE, on the connection that is there or on a new one."""
    if not hasattr(carrier, "sock"):
        carrier.accept()
    return carrier.asked("INVITE")


@pytest.mark.req("sip-063")
@pytest.mark.parametrize("hangs_up", ["rich", "carrier"])
def test_a_call_from_udp_to_a_carrier_on_tcp(
    house: House, rich: Peer, carrier: TcpPeer, hangs_up: str
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = invite_of(carrier)
    assert out.via.transport == "TCP" and "transport=tcp" in out.uri
    assert out.contact is not None and "transport=tcp" in out.contact.uri_text
    answer = carrier.answer(out, 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    carrier.asked("ACK")
    if hangs_up == "rich":
        rich.within("BYE", invite, ok)
        carrier.answer(carrier.asked("BYE"), 200)
    else:
        carrier.back("BYE", out, answer)
        rich.answer(rich.asked("BYE"), 200)
        carrier.told(200, "BYE")
    assert house.switch.record(invite)["by"] == ("caller" if hangs_up == "rich" else "called")


def test_a_phone_on_tcp_calls_a_phone_on_udp(
    house: House, phone: TcpPeer, peers: Callable[[str], Peer]
) -> None:
    other = peers("1002")
    assert other.register("secret-1002").status == 200
    uri = f"sip:1002@127.0.0.1:{phone.switch[1]}"
    fields = {"body": sdp(), "from_": "<sip:1001@127.0.0.1>;tag=p1"}
    first = phone.request("INVITE", uri, **fields)
    phone.send(first)
    asked = phone.told(407)
    phone.ack(first, asked)
    invite = phone.request("INVITE", uri, cseq=2, call_id=first.call_id, **fields)
    invite.headers.append(("Proxy-Authorization", phone.proof(asked, "INVITE", uri, "secret-1001")))
    phone.send(invite)
    out = other.asked("INVITE")
    answer = other.answer(out, 200, body=sdp(41000))
    ok = phone.told(200)
    assert ok.contact is not None and "transport=tcp" in ok.contact.uri_text
    ack = phone.within("ACK", invite, ok)
    assert ack.cseq.number == 2
    other.asked("ACK")
    other.back("BYE", out, answer)
    phone.answer(phone.asked("BYE"), 200)
    other.told(200, "BYE")
    assert house.switch.record(invite)["by"] == "called"


@pytest.mark.parametrize("who", ["caller", "phone"])
def test_a_phone_on_tcp_is_called_back_on_its_own_connection(
    house: House, rich: Peer, phone: TcpPeer, who: str
) -> None:
    phone.contact = (
        "<sip:1001@192.0.2.77:5060;transport=tcp>"  # as from behind a NAT: nothing can be sent there
    )
    assert phone.register("secret-1001").status == 200
    invite = rich.invite("1001")
    rich.send(invite)
    ringing = phone.asked("INVITE")
    answer = phone.answer(ringing, 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    phone.asked("ACK")
    if who == "caller":
        rich.within("BYE", invite, ok)
        phone.answer(phone.asked("BYE"), 200)
    else:
        phone.back("BYE", ringing, answer)
        rich.answer(rich.asked("BYE"), 200)
    assert house.switch.record(invite)["called_account"] == house.ids["1001"]


def test_a_phone_whose_connection_has_ended_is_not_registered_any_more(
    house: House, rich: Peer, phone: TcpPeer
) -> None:
    assert phone.register("secret-1001").status == 200
    phone.sock.close()
    wait_for(lambda: f":{phone.port} tcp: closed" in house.switch.log(), 5, "the end of the connection")
    invite = rich.invite("1001")
    rich.send(invite)
    rich.ack(invite, rich.told(480))
    assert house.switch.record(invite)["cause"] == "not_registered"


def test_a_carrier_whose_connection_ended_in_mid_call_gets_its_bye_on_a_new_one(
    house: House, rich: Peer, carrier: TcpPeer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    carrier.answer(invite_of(carrier), 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    carrier.asked("ACK")
    carrier.sock.close()
    rich.send(rich.request("OPTIONS", f"sip:127.0.0.1:{rich.switch[1]}"))
    rich.told(200, "OPTIONS")
    rich.within("BYE", invite, ok)
    rich.told(200, "BYE")
    carrier.accept()
    carrier.answer(carrier.asked("BYE"), 200)
    assert house.switch.record(invite)["cause"] == "normal"


def test_nobody_listening_at_the_carrier_leads_to_the_next(house: House, rich: Peer, two: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    two.answer(two.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))
    assert [attempt[1] for attempt in house.switch.record(invite)["attempts"]] == [503, 486]


def test_a_message_longer_than_any_may_be_ends_the_connection_and_nothing_else(
    rich: Peer, phone: TcpPeer
) -> None:
    phone.send(b"INVITE sip:1@127.0.0.1 SIP/2.0\r\nContent-Length: 70000\r\n\r\n")
    phone.sock.settimeout(5)
    with suppress(ConnectionResetError):
        assert phone.sock.recv(65536) == b""
    rich.send(rich.request("OPTIONS", f"sip:127.0.0.1:{rich.switch[1]}"))
    rich.told(200)
