"""Calls over TLS and WebSocket: who is known by a certificate, where answers go, what a sips call keeps to."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from switch.sip.message import Request
from tests.certificates import Authority
from tests.support import wait_for
from tests.support_sip import Peer, TlsPeer, WsPeer, sdp
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

NUMBER = "49301234567"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, authority: Authority) -> Iterator[House]:
    certificate = authority.issue("sip.example.net", file="switch.pem")

    def change(office: Office) -> None:
        office.rows["trunks"][0][3] = "tls"
        office.settings |= {
            "tlscertfile": (str(certificate),),
            "tlsclientca": str(authority.path),
            "tlscarrierca": str(authority.path),
            "websocketorigins": ("https://phone.example.com",),
        }
        poor = next(row[0] for row in office.rows["accounts"] if row[1] == "relayed")
        office.rows["overrides"].append([poor, "tlspeernames", ["trunk.example.org"]])
        phone = next(row[0] for row in office.rows["accounts"] if row[1] == "1001")
        office.rows["overrides"].append([phone, "stricttransport", "secure"])

    with opened(django_db_blocker, change=change) as found:
        yield found


def believing(authority: Authority, show: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.path))
    if show is not None:
        context.load_cert_chain(show)
    return context


@pytest.fixture
def connect(house: House, authority: Authority) -> Iterator[Callable[..., TlsPeer]]:
    made: list[TlsPeer] = []

    def make(user: str, show: Path | None = None) -> TlsPeer:
        made.append(TlsPeer(house.switch.tls_port, user, believing(authority, show)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def serve(house: House, authority: Authority) -> Iterator[Callable[[str], TlsPeer]]:
    """Carrier `one`, with a certificate for that name."""
    made: list[TlsPeer] = []

    def make(name: str) -> TlsPeer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.issue(name, file="carrier.pem"))
        made.append(TlsPeer(house.switch.port, "one", context, port=house.ports["one"], listening=True))
        return made[-1]

    yield make
    for one in made:
        one.close()


def page(house: House, user: str) -> WsPeer:
    return WsPeer(house.switch.ws_port, user)


def invite_at(carrier: TlsPeer) -> Request:
    if not hasattr(carrier, "sock"):
        carrier.accept()
    return carrier.asked("INVITE")


@pytest.mark.req("sip-098")
def test_a_call_goes_to_a_carrier_over_tls_after_it_has_proved_its_name(
    house: House, rich: Peer, serve: Callable[[str], TlsPeer]
) -> None:
    carrier = serve("127.0.0.1")
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = invite_at(carrier)
    assert out.via.transport == "TLS"
    assert out.contact is not None
    assert f":{house.switch.tls_port};transport=tls" in out.contact.uri_text
    answer = carrier.answer(out, 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    carrier.asked("ACK")
    carrier.back("BYE", out, answer)
    rich.answer(rich.asked("BYE"), 200)
    carrier.told(200, "BYE")
    assert house.switch.record(invite)["cause"] == "normal"


def test_a_carrier_with_a_certificate_for_another_name_is_passed_over(
    house: House, rich: Peer, two: Peer, serve: Callable[[str], TlsPeer]
) -> None:
    carrier = serve("somebody.example")
    invite = rich.invite(NUMBER)
    rich.send(invite)
    with suppress(ssl.SSLError, ConnectionResetError):
        carrier.accept()
    two.answer(two.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))
    assert [one[1] for one in house.switch.record(invite)["attempts"]] == [503, 486]


def test_a_trunk_is_known_by_the_name_that_its_certificate_proves(
    house: House, connect: Callable[..., TlsPeer], two: Peer, authority: Authority
) -> None:
    trunk = connect("anybody", authority.issue("trunk.example.org"))
    invite = trunk.invite(NUMBER)
    trunk.send(invite)
    two.answer(two.asked("INVITE"), 486)
    trunk.ack(invite, trunk.told(486))
    assert house.switch.record(invite)["caller"] == house.ids["relayed"]


@pytest.mark.parametrize("shows", ["nothing", "another name"])
def test_who_proves_no_such_name_is_asked_for_a_password(
    house: House, connect: Callable[..., TlsPeer], authority: Authority, shows: str
) -> None:
    stranger = connect("anybody", authority.issue("else.example.org") if shows == "another name" else None)
    invite = stranger.invite(NUMBER)
    stranger.send(invite)
    stranger.ack(invite, stranger.told(407))


def test_a_phone_registered_over_tls_is_called_on_its_connection_and_sips_stays_sips(
    house: House, rich: Peer, connect: Callable[..., TlsPeer]
) -> None:
    phone = connect("1001")
    phone.contact = f"<sips:1001@127.0.0.1:{phone.port}>"
    assert phone.register("secret-1001").status == 200
    invite = rich.invite("1001")
    rich.send(invite)
    ringing = phone.asked("INVITE")
    assert ringing.uri == f"sips:1001@127.0.0.1:{phone.port}" and ringing.via.transport == "TLS"
    assert ringing.contact is not None
    assert ringing.contact.uri_text == f"sips:mizu@127.0.0.1:{house.switch.tls_port}"
    phone.answer(ringing, 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    phone.asked("ACK")
    rich.within("BYE", invite, ok)
    phone.answer(phone.asked("BYE"), 200)
    rich.told(200, "BYE")


def test_an_account_that_is_secure_only_is_refused_on_udp(house: House, peers: Callable[[str], Peer]) -> None:
    phone, other = peers("1001"), peers("1002")
    assert phone.register("secret-1001").status == 403
    assert other.register("secret-1002").status == 200
    uri = f"sip:{NUMBER}@127.0.0.1:{house.switch.port}"
    fields = {"body": sdp(), "from_": "<sip:1001@127.0.0.1>;tag=u1"}
    first = phone.request("INVITE", uri, **fields)
    phone.send(first)
    asked = phone.told(407)
    phone.ack(first, asked)
    again = phone.request("INVITE", uri, cseq=2, call_id=first.call_id, **fields)
    again.headers.append(("Proxy-Authorization", phone.proof(asked, "INVITE", uri, "secret-1001")))
    phone.send(again)
    phone.ack(again, phone.told(403))


@pytest.mark.req("sip-072")
def test_a_page_registers_is_called_and_calls(house: House, rich: Peer, two: Peer) -> None:
    browser = page(house, "1002")
    assert browser.register("secret-1002").status == 200
    invite = rich.invite("1002")
    rich.send(invite)
    ringing = browser.asked("INVITE")
    assert ringing.uri == "sip:1002@df7jal23ls0d.invalid;transport=ws" and ringing.via.transport == "WS"
    answer = browser.answer(ringing, 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    browser.asked("ACK")
    browser.back("BYE", ringing, answer)
    rich.answer(rich.asked("BYE"), 200)
    browser.told(200, "BYE")
    assert house.switch.record(invite)["called_account"] == house.ids["1002"]

    uri = f"sip:1001@127.0.0.1:{house.switch.port}"
    fields = {"body": sdp(), "from_": "<sip:1002@127.0.0.1>;tag=w1"}
    first = browser.request("INVITE", uri, **fields)
    browser.send(first)
    asked = browser.told(407)
    browser.ack(first, asked)
    again = browser.request("INVITE", uri, cseq=2, call_id=first.call_id, **fields)
    again.headers.append(("Proxy-Authorization", browser.proof(asked, "INVITE", uri, "secret-1002")))
    browser.send(again)
    refused = browser._next(lambda m: not isinstance(m, Request) and m.status >= 300, "an answer", 8)
    assert refused.status == 480
    browser.ack(again, refused)
    browser.close()


def test_a_page_that_goes_away_is_not_registered_any_more(house: House, rich: Peer) -> None:
    browser = page(house, "1002")
    assert browser.register("secret-1002").status == 200
    port = browser.port
    browser.close()
    wait_for(lambda: f":{port} ws: closed" in house.switch.log(), 5, "the end of the connection")
    invite = rich.invite("1002")
    rich.send(invite)
    rich.ack(invite, rich.told(480))


def test_a_page_from_elsewhere_cannot_connect(house: House) -> None:
    with pytest.raises(AssertionError, match="403"):
        WsPeer(house.switch.ws_port, "1002", origin="https://evil.example")
