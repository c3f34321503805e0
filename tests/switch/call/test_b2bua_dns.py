"""Carriers that are named by a domain: which of their ways are tried, and when the next (RFC 3263 §4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.name_server import NameServer
from tests.support import free_port, wait_for
from tests.support_sip import Peer, TcpPeer, sdp
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

NUMBER = "49301234567"


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def spare() -> int:
    """The port of the second way to carrier `one`."""
    return free_port()


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, server: NameServer, spare: int) -> Iterator[House]:
    def change(office: Office) -> None:
        first = office.rows["trunks"][0][2]
        office.rows["trunks"][0][1:4] = ["carrier.example", 0, "auto"]
        office.settings["dnsservers"] = (server.address,)
        server.naptr("carrier.example", "SIP+D2U", "_sip._udp.carrier.example")
        server.srv("_sip._udp.carrier.example", "a.example", first, priority=10)
        server.srv("_sip._udp.carrier.example", "a.example", spare, priority=20)
        server.a("a.example", "127.0.0.1")
        server.a("gateway.example", "127.0.0.1")

    with opened(django_db_blocker, change=change) as found:
        yield found


@pytest.fixture
def second(house: House, spare: int) -> Iterator[Peer]:
    peer = Peer(house.switch.port, "one-b", port=spare)
    yield peer
    peer.close()


def up(rich: Peer, carrier: Peer) -> tuple[Any, Any, Any, Any]:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = carrier.asked("INVITE")
    answer = carrier.answer(out, 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    carrier.asked("ACK")
    return invite, ok, out, answer


def down(house: House, rich: Peer, carrier: Peer, invite: Any, ok: Any) -> Any:
    rich.within("BYE", invite, ok)
    carrier.answer(carrier.asked("BYE"), 200)
    rich.told(200, "BYE")
    return house.switch.record(invite)


def test_a_carrier_is_called_where_dns_says_and_by_its_domain(house: House, rich: Peer, one: Peer) -> None:
    invite, ok, out, _ = up(rich, one)
    assert out.uri == f"sip:{NUMBER}@carrier.example;user=phone"
    assert down(house, rich, one, invite, ok)["cause"] == "normal"


@pytest.mark.parametrize("failure", ["busy with repairs", "closed", "silent"])
def test_a_way_that_leads_nowhere_is_followed_by_the_next_to_the_same_carrier(
    django_db_setup: None, django_db_blocker: Any, failure: str
) -> None:
    server, spare = NameServer(), free_port()

    def change(office: Office) -> None:
        first = office.rows["trunks"][0][2]
        office.rows["trunks"][0][1:4] = ["carrier.example", 0, "udp"]
        office.settings["dnsservers"] = (server.address,)
        server.srv("_sip._udp.carrier.example", "a.example", first, priority=10)
        server.srv("_sip._udp.carrier.example", "a.example", spare, priority=20)
        server.a("a.example", "127.0.0.1")

    with opened(django_db_blocker, change=change) as house:
        rich, second = house.peer("rich"), Peer(house.switch.port, "one-b", port=spare)
        first = None if failure == "closed" else house.peer("one")
        invite = rich.invite(NUMBER)
        rich.send(invite)
        if failure == "busy with repairs":
            assert first is not None
            first.answer(first.asked("INVITE"), 503)
        answer = second.answer(second.asked("INVITE"), 200, body=sdp(41000))
        ok = rich.told(200)
        rich.ack(invite, ok)
        second.asked("ACK")
        attempts = down(house, rich, second, invite, ok)["attempts"]
        expected = {"busy with repairs": 503, "closed": 503, "silent": 408}[failure]
        assert [(one[0], one[1]) for one in attempts] == [
            (house.ids["one"], expected),
            (house.ids["one"], 200),
        ]
        again = rich.invite(NUMBER)
        rich.send(again)
        second.answer(second.asked("INVITE"), 486)
        rich.ack(again, rich.told(486))
        assert [one[1] for one in house.switch.record(again)["attempts"]] == [486], (
            "the broken way is tried last"
        )
        assert answer.status == 200
        for peer in (rich, second, *([first] if first else [])):
            peer.close()
    server.close()


def test_a_name_that_is_nowhere_leads_to_the_next_carrier(
    django_db_setup: None, django_db_blocker: Any
) -> None:
    server = NameServer()

    def change(office: Office) -> None:
        office.rows["trunks"][0][1:4] = ["gone.example", 0, "auto"]
        office.settings["dnsservers"] = (server.address,)

    with opened(django_db_blocker, change=change) as house:
        rich, two = house.peer("rich"), house.peer("two")
        invite = rich.invite(NUMBER)
        rich.send(invite)
        two.answer(two.asked("INVITE"), 486)
        rich.ack(invite, rich.told(486))
        assert [one[1] for one in house.switch.record(invite)["attempts"]] == [503, 486]
        rich.close()
        two.close()
    server.close()


def test_requests_inside_a_dialog_follow_a_contact_that_is_a_name(
    house: House, rich: Peer, one: Peer, second: Peer, server: NameServer, spare: int
) -> None:
    """The first request goes the way of the INVITE, while the name is looked up; what follows goes where it says."""
    one.contact = f"<sip:one@gateway.example:{spare}>"
    invite, ok, *_ = up(rich, one)
    wait_for(lambda: server.asked["A gateway.example"], 5, "the question for the name in the Contact")
    rich.send(rich.request("OPTIONS", f"sip:127.0.0.1:{rich.switch[1]}"))
    rich.told(200, "OPTIONS")
    rich.within("BYE", invite, ok)
    second.answer(second.asked("BYE"), 200)
    rich.told(200, "BYE")


def test_a_transport_that_only_dns_names_is_used(django_db_setup: None, django_db_blocker: Any) -> None:
    server = NameServer()

    def change(office: Office) -> None:
        port = office.rows["trunks"][0][2]
        office.rows["trunks"][0][1:4] = ["carrier.example", 0, "auto"]
        office.settings["dnsservers"] = (server.address,)
        server.naptr("carrier.example", "SIP+D2T", "_sip._tcp.carrier.example")
        server.srv("_sip._tcp.carrier.example", "a.example", port)
        server.a("a.example", "127.0.0.1")

    with opened(django_db_blocker, change=change) as house:
        rich = house.peer("rich")
        carrier = TcpPeer(house.switch.port, "one", port=house.ports["one"], listening=True)
        invite = rich.invite(NUMBER)
        rich.send(invite)
        carrier.accept()
        out = carrier.asked("INVITE")
        assert out.via.transport == "TCP" and out.uri == f"sip:{NUMBER}@carrier.example;user=phone"
        carrier.answer(out, 486)
        rich.ack(invite, rich.told(486))
        rich.close()
        carrier.close()
    server.close()
