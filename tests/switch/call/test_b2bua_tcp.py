"""Calls of parties on TCP: phones, carriers, connections that end (RFC 3261 §18)."""

from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture(scope="module")
def carrier(house: House) -> Iterator[TcpPeer]:
    """Carrier `one`, which the switch connects to once for all calls."""
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
def test_a_phone_on_tcp_calls_a_carrier_on_tcp_and_either_hangs_up(
    house: House, phone: TcpPeer, carrier: TcpPeer
) -> None:
    uri = f"sip:{NUMBER}@127.0.0.1:{phone.switch[1]}"
    house.office.rows  # noqa: B018 - the phone has no money: its first call is refused, the connection stays
    invite = phone.request("INVITE", uri, body=sdp(), from_="<sip:1001@127.0.0.1>;tag=p1")
    phone.send(invite)
    asked = phone.told(407)
    phone.ack(invite, asked)
    again = phone.request(
        "INVITE", uri, body=sdp(), from_="<sip:1001@127.0.0.1>;tag=p1", cseq=2, call_id=invite.call_id
    )
    again.headers.append(("Proxy-Authorization", phone.proof(asked, "INVITE", uri, "secret-1001")))
    phone.send(again)
    refused = phone.told(403)
    phone.ack(again, refused)
    assert house.switch.record(again)["cause"] == "no_price"


def test_a_call_from_udp_to_a_carrier_on_tcp_and_its_bye_by_the_carrier(
    house: House, carrier: TcpPeer
) -> None:
    rich = house.peer("rich")
    for hangs_up in (rich, carrier):
        invite = rich.invite(NUMBER)
        rich.send(invite)
        out = invite_of(carrier)
        assert out.via.transport == "TCP" and "transport=tcp" in out.uri
        assert out.contact is not None and "transport=tcp" in out.contact.uri_text
        answer = carrier.answer(out, 200, body=sdp(41000))
        ok = rich.told(200)
        rich.ack(invite, ok)
        carrier.asked("ACK")
        if hangs_up is rich:
            rich.within("BYE", invite, ok)
            carrier.answer(carrier.asked("BYE"), 200)
        else:
            carrier.back("BYE", out, answer)
            rich.answer(rich.asked("BYE"), 200)
            carrier.told(200, "BYE")
        record = house.switch.record(invite)
        assert record["by"] == ("caller" if hangs_up is rich else "called")
    rich.close()


@pytest.mark.parametrize("who", ["caller", "phone"])
def test_a_phone_on_tcp_is_called_back_on_its_own_connection(house: House, phone: TcpPeer, who: str) -> None:
    phone.contact = "<sip:1001@192.0.2.77:5060;transport=tcp>"  # as from behind a NAT: nothing can be sent there
    assert phone.register("secret-1001").status == 200
    rich = house.peer("rich")
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
    rich.close()


def test_a_phone_whose_connection_has_ended_is_not_registered_any_more(house: House, phone: TcpPeer) -> None:
    assert phone.register("secret-1001").status == 200
    phone.sock.close()
    wait_for(lambda: house.switch.log().count("closed") > 0, 5, "the end of the connection")
    rich = house.peer("rich")
    invite = rich.invite("1001")
    rich.send(invite)
    rich.ack(invite, rich.told(480))
    assert house.switch.record(invite)["cause"] == "not_registered"
    rich.close()


def test_a_carrier_whose_connection_ended_in_mid_call_gets_its_bye_on_a_new_one(
    house: House, carrier: TcpPeer
) -> None:
    rich = house.peer("rich")
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
    rich.close()


def test_nobody_listening_at_the_carrier_leads_to_the_next(house: House, carrier: TcpPeer) -> None:
    carrier.close()
    rich, two = house.peer("rich"), house.peer("two")
    invite = rich.invite(NUMBER)
    rich.send(invite)
    two.answer(two.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))
    assert [attempt[1] for attempt in house.switch.record(invite)["attempts"]] == [503, 486]
    rich.close()
    two.close()


def test_a_message_longer_than_any_may_be_ends_the_connection_and_nothing_else(
    house: House, phone: TcpPeer
) -> None:
    other = Peer(house.switch.port, "rich", port=house.ports["rich"])
    phone.send(b"INVITE sip:1@127.0.0.1 SIP/2.0\r\nContent-Length: 70000\r\n\r\n")
    phone.sock.settimeout(5)
    while phone.sock.recv(65536):
        pass
    other.send(other.request("OPTIONS", f"sip:127.0.0.1:{other.switch[1]}"))
    other.told(200)
    other.close()
