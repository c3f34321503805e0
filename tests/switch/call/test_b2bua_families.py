"""IPv4 and IPv6 at once, several workers, and calls that leave by another address of ours."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from tests.certificates import Authority
from tests.support import free_port
from tests.support_sip import Peer, TcpPeer, TlsPeer, sdp
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

NUMBER = "49301234567"


@pytest.fixture(scope="module")
def side_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def house(
    django_db_setup: None, django_db_blocker: Any, side_port: int, authority: Authority
) -> Iterator[House]:
    certificate = authority.issue("sip.example.net")

    def change(office: Office) -> None:
        office.settings |= {"tlscertfile": (str(certificate),), "tlsclientca": str(authority.path)}
        relayed = next(row[0] for row in office.rows["accounts"] if row[1] == "relayed")
        office.rows["overrides"].append([relayed, "tlspeernames", ["trunk.example.org"]])
        one, two = office.rows["trunks"]
        one[1] = "::1"
        office.address(next(row[0] for row in office.rows["accounts"] if row[1] == "rich"), "::1", 0)
        office.settings["secondarybind"] = (f"127.0.0.2:{side_port}", f"[::1]:{side_port}")
        office.rows["overrides"].append([two[0], "interface", 1])

    both = {"MIZU_SIP_BIND": "127.0.0.1,::1"}
    with opened(django_db_blocker, change=change, workers=2, env=both) as found:
        yield found


@pytest.fixture
def carrier(house: House) -> Iterator[Peer]:
    """Carrier `one`, on IPv6."""
    peer = Peer(house.switch.port, "one", port=house.ports["one"], host="::1")
    yield peer
    peer.close()


@pytest.mark.req("sip-072")
def test_a_call_from_ipv4_goes_to_a_carrier_on_ipv6(house: House, rich: Peer, carrier: Peer) -> None:
    for _ in range(6):  # of both workers
        invite = rich.invite(NUMBER)
        rich.send(invite)
        out = carrier.asked("INVITE")
        assert out.via.host == "[::1]" and out.uri == f"sip:{NUMBER}@[::1]:{carrier.port};user=phone"
        assert out.contact is not None and out.contact.uri.host == "[::1]"
        answer = carrier.answer(out, 200, body=sdp(41000))
        ok = rich.told(200)
        assert ok.contact is not None and ok.contact.uri.host == "127.0.0.1"
        rich.ack(invite, ok)
        carrier.asked("ACK")
        carrier.back("BYE", out, answer)
        rich.answer(rich.asked("BYE"), 200)
        carrier.told(200, "BYE")


def test_calls_inside_ipv6_and_their_dialogs_find_the_right_worker(house: House, carrier: Peer) -> None:
    """Requests of the dialog come to the shared port, where the kernel gives them to either worker."""
    trunk = Peer(house.switch.port, "trunk", host="::1")
    for _ in range(6):
        invite = trunk.invite(NUMBER)
        trunk.send(invite)
        ringing = carrier.asked("INVITE")
        answer = carrier.answer(ringing, 200, body=sdp(41000))
        ok = trunk.told(200)
        assert ok.contact is not None and ok.contact.uri.host == "[::1]"
        ack = trunk.request(
            "ACK",
            ok.contact.uri_text,
            call_id=invite.call_id,
            to=ok.get("To") or "",
            from_=invite.get("From") or "",
        )
        trunk.send(ack, trunk.switch)
        carrier.asked("ACK")
        bye = carrier.request(
            "BYE", ringing.contact.uri_text, call_id=ringing.call_id,  # type: ignore[union-attr]
            to=ringing.get("From") or "", from_=answer.get("To") or "",
        )  # fmt: skip
        carrier.send(bye, carrier.switch)
        trunk.answer(trunk.asked("BYE"), 200)
        carrier.told(200, "BYE")
    trunk.close()


def test_a_phone_on_ipv6_over_tcp_registers(house: House) -> None:
    phone = TcpPeer(house.switch.port, "1002")
    phone.sock.close()
    phone.sock = socket.create_connection(("::1", house.switch.port))
    assert phone.register("secret-1002").status == 200
    phone.close()


@pytest.mark.req("sip-099", "sip-100")
def test_calls_to_a_carrier_leave_by_the_address_that_its_interface_names(
    house: House, rich: Peer, two: Peer, side_port: int
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)  # nobody is at carrier `one`
    out = two.asked("INVITE")
    assert two.source[id(out)] == ("127.0.0.2", side_port)
    assert out.via.sent_by == f"127.0.0.2:{side_port}"
    assert out.contact is not None and out.contact.uri_text == f"sip:mizu@127.0.0.2:{side_port}"
    answer = two.answer(out, 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    assert two.source[id(two.asked("ACK"))] == ("127.0.0.2", side_port)
    two.back("BYE", out, answer)
    rich.answer(rich.asked("BYE"), 200)
    two.told(200, "BYE")


@pytest.mark.req("sip-103")
def test_who_calls_a_secondary_address_is_answered_from_there(house: House, side_port: int) -> None:
    caller = Peer(house.switch.port, "caller", port=0)
    caller.switch = ("127.0.0.2", side_port)
    options = caller.request("OPTIONS", f"sip:127.0.0.2:{side_port}")
    caller.send(options)
    assert caller.source[id(caller.told(200))] == ("127.0.0.2", side_port)
    caller.close()


def test_calls_of_one_tls_trunk_are_spread_over_the_workers_and_each_knows_its_certificate(
    house: House, authority: Authority, carrier: Peer
) -> None:
    context = ssl.create_default_context(cafile=str(authority.path))
    context.load_cert_chain(authority.issue("trunk.example.org"))
    trunk = TlsPeer(house.switch.tls_port, "trunk", context)
    labels = set()
    for _ in range(40):  # the Call-ID decides; one of them is at the other worker
        invite = trunk.invite(NUMBER)
        trunk.send(invite)
        out = carrier.asked("INVITE")
        labels.add(out.via.branch.split("-")[1])
        answer = carrier.answer(out, 200, body=sdp(41000))
        trunk.ack(invite, trunk.told(200))
        carrier.asked("ACK")
        carrier.back("BYE", out, answer)
        trunk.answer(trunk.asked("BYE"), 200)
        carrier.told(200, "BYE")
        assert house.switch.record(invite)["caller"] == house.ids["relayed"]
        if len(labels) == 2:
            break
    assert labels == {"w1", "w2"}
    trunk.close()
