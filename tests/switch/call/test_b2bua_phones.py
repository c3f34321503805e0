"""Phones: registration, calls between two of them, forking, relayed media, and what a worker answers to strangers."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from switch.sip.digest import MD5, SHA256
from switch.sip.message import Request
from tests.support_sip import Peer, sdp
from tests.switch.call.conftest import House

NUMBER = "49301234567"


@pytest.fixture
def phone(peers: Callable[[str], Peer]) -> Peer:
    return peers("1001")


@pytest.fixture
def other(peers: Callable[[str], Peer]) -> Peer:
    return peers("1002")


def forget(*phones: Peer) -> None:
    for one in phones:
        one.contact = "*"
        assert one.register(f"secret-{one.user}", expires=0).status == 200


@pytest.mark.req("registrar-014")
@pytest.mark.parametrize("algorithm", [MD5, SHA256])
def test_a_phone_registers_by_either_algorithm_and_unregisters(phone: Peer, algorithm: str) -> None:
    ok = phone.register("secret-1001", expires=120, algorithm=algorithm)
    assert ok.status == 200
    contact = ok.contact
    assert contact is not None and contact.uri_text == phone.contact.strip("<>")
    assert 110 <= int(contact.params["expires"] or 0) <= 120
    phone.contact += ";expires=0"
    assert phone.register("secret-1001").get("Contact") is None


def test_a_wrong_password_is_asked_again_and_binds_nothing(phone: Peer) -> None:
    uri = f"sip:127.0.0.1:{phone.switch[1]}"
    to = "<sip:1001@127.0.0.1>"
    first = phone.request("REGISTER", uri, to=to, from_=f"{to};tag=w")
    phone.send(first)
    challenge = phone.told(401)
    again = phone.request("REGISTER", uri, to=to, from_=f"{to};tag=w", cseq=2, call_id=first.call_id)
    again.headers.append(("Authorization", phone.proof(challenge, "REGISTER", uri, "wrong")))
    phone.send(again)
    assert phone.told(401).get("Contact") is None


def test_a_proof_that_was_used_is_not_good_again(phone: Peer) -> None:
    uri = f"sip:127.0.0.1:{phone.switch[1]}"
    to = "<sip:1001@127.0.0.1>"
    first = phone.request("REGISTER", uri, to=to, from_=f"{to};tag=w")
    phone.send(first)
    proof = phone.proof(phone.told(401), "REGISTER", uri, "secret-1001")
    for cseq, status in ((2, 200), (3, 401)):
        again = phone.request("REGISTER", uri, to=to, from_=f"{to};tag=w", cseq=cseq, call_id=first.call_id)
        again.headers.append(("Authorization", proof))
        phone.send(again)
        answer = phone.told(status)
    assert "stale=true" in (answer.get("WWW-Authenticate") or "")
    forget(phone)


def test_nobody_registers_for_somebody_else(phone: Peer) -> None:
    uri = f"sip:127.0.0.1:{phone.switch[1]}"
    to = "<sip:1002@127.0.0.1>"
    first = phone.request("REGISTER", uri, to=to)
    phone.send(first)
    again = phone.request("REGISTER", uri, to=to, cseq=2, call_id=first.call_id)
    again.headers.append(("Authorization", phone.proof(phone.told(401), "REGISTER", uri, "secret-1001")))
    phone.send(again)
    phone.told(403)


def test_too_short_a_registration_is_told_the_least(phone: Peer) -> None:
    brief = phone.register("secret-1001", expires=5)
    assert (brief.status, brief.get("Min-Expires")) == (423, "60")


def test_a_phone_calls_another_phone(house: House, phone: Peer, other: Peer) -> None:
    assert other.register("secret-1002").status == 200
    uri = f"sip:1002@127.0.0.1:{phone.switch[1]}"
    invite = phone.request("INVITE", uri, body=sdp(), from_="<sip:1001@127.0.0.1>;tag=p")
    phone.send(invite)
    asked = phone.told(407)
    phone.ack(invite, asked)
    again = phone.request(
        "INVITE", uri, body=sdp(), from_="<sip:1001@127.0.0.1>;tag=p", cseq=2, call_id=invite.call_id
    )
    again.headers.append(("Proxy-Authorization", phone.proof(asked, "INVITE", uri, "secret-1001")))
    phone.send(again)
    ringing = other.asked("INVITE")
    assert ringing.uri == other.contact.strip("<>")
    other.answer(ringing, 180)
    phone.told(180)
    answer = other.answer(ringing, 200, body=sdp(41000))
    ok = phone.told(200)
    phone.ack(again, ok)
    other.asked("ACK")
    other.back("BYE", ringing, answer)
    phone.answer(phone.asked("BYE"), 200)
    record = house.switch.record(again)
    assert (record["caller"], record["called_account"]) == (house.ids["1001"], house.ids["1002"])
    assert record["payers"] == [] and record["by"] == "called"
    forget(other)


@pytest.mark.req("pbx-018", "sip-040")
def test_all_phones_of_a_subscriber_ring_and_the_first_answer_wins(
    house: House, rich: Peer, peers: Callable[[str], Peer]
) -> None:
    first, second = house.peer("1002"), house.peer("1002")
    for one in (first, second):
        assert one.register("secret-1002").status == 200
    invite = rich.invite("1002")
    rich.send(invite)
    here, there = first.asked("INVITE"), second.asked("INVITE")
    for one, asked in ((first, here), (second, there)):
        one.answer(asked, 180)
        rich.told(180)
    second.answer(there, 200, body=sdp())
    ok = rich.told(200)
    rich.ack(invite, ok)
    second.asked("ACK")
    first.answer(first.asked("CANCEL"), 200)
    first.answer(here, 487)
    first.asked("ACK")
    rich.within("BYE", invite, ok)
    second.answer(second.asked("BYE"), 200)
    assert house.switch.record(invite)["called_account"] == house.ids["1002"]
    forget(first)
    first.close()
    second.close()


def test_a_subscriber_without_a_phone_is_not_available(house: House, rich: Peer) -> None:
    invite = rich.invite("1002")
    rich.send(invite)
    rich.ack(invite, rich.told(480))
    assert house.switch.record(invite)["cause"] == "not_registered"


def test_relayed_media_goes_both_ways_and_is_counted(
    house: House, peers: Callable[[str], Peer], one: Peer
) -> None:
    caller = peers("relayed")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b,
    ):
        for end in (a, b):
            end.bind(("127.0.0.1", 0))
            end.settimeout(5)
        invite = caller.invite(NUMBER, body=sdp(a.getsockname()[1]))
        caller.send(invite)
        out = one.asked("INVITE")
        port = _audio_port(out.body)
        assert port != a.getsockname()[1]
        one.answer(out, 200, body=sdp(b.getsockname()[1]))
        ok = caller.told(200)
        back = _audio_port(ok.body)
        caller.ack(invite, ok)
        one.asked("ACK")
        packet = bytes([0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7]) + b"x" * 160
        a.sendto(packet, ("127.0.0.1", back))
        assert b.recv(2000) == packet
        b.sendto(packet, ("127.0.0.1", port))
        assert a.recv(2000) == packet
        caller.within("BYE", invite, ok)
        one.answer(one.asked("BYE"), 200)
    record = house.switch.record(invite)
    assert (record["rtp"][:2], record["media"], record["codec"]) == ([1, 1], "relay", "PCMA")


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_refused_offer_moves_no_relayed_media(peers: Callable[[str], Peer], one: Peer, method: str) -> None:
    caller = peers("relayed")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b,
    ):
        for end in (a, b):
            end.bind(("127.0.0.1", 0))
            end.settimeout(5)
        invite = caller.invite(NUMBER, body=sdp(a.getsockname()[1]))
        caller.send(invite)
        out = one.asked("INVITE")
        port = _audio_port(out.body)
        one.answer(out, 200, body=sdp(b.getsockname()[1]))
        ok = caller.told(200)
        caller.ack(invite, ok)
        one.asked("ACK")
        again = caller.within(method, invite, ok, body=sdp(9))  # nobody listens at the discard port
        one.answer(one.asked(method), 488)
        refusal = caller.told(488, method)
        if method == "INVITE":
            caller.ack(again, refusal)
        packet = bytes([0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7]) + b"x" * 160
        b.sendto(packet, ("127.0.0.1", port))
        assert a.recv(2000) == packet
        caller.within("BYE", invite, ok, cseq=3)
        one.answer(one.asked("BYE"), 200)


def _audio_port(body: bytes) -> int:
    return int(body.partition(b"m=audio ")[2].split()[0])


def test_options_are_answered_with_what_is_allowed(rich: Peer) -> None:
    rich.send(rich.request("OPTIONS", f"sip:127.0.0.1:{rich.switch[1]}"))
    assert "INVITE" in (rich.told(200).get("Allow") or "")


def test_an_unknown_method_gets_405(rich: Peer) -> None:
    rich.send(rich.request("NONSENSE", f"sip:x@127.0.0.1:{rich.switch[1]}"))
    assert "INVITE" in (rich.told(405).get("Allow") or "")


def test_an_extension_that_is_required_and_unknown_gets_420(rich: Peer) -> None:
    invite = rich.invite(NUMBER, headers=(("Require", "telepathy"),))
    rich.send(invite)
    bad = rich.told(420)
    assert bad.get("Unsupported") == "telepathy"
    rich.ack(invite, bad)


def test_no_hops_left_gets_483(rich: Peer) -> None:
    invite = rich.invite(NUMBER, hops=0)
    rich.send(invite)
    rich.ack(invite, rich.told(483))


def test_the_same_invite_on_another_way_gets_482(rich: Peer, one: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = one.asked("INVITE")
    merged = Request("INVITE", invite.uri, list(invite.headers), invite.body)
    merged.set("Via", rich.via())
    rich.send(merged)
    rich.ack(merged, rich.told(482))
    one.answer(out, 486)
    rich.ack(invite, rich.told(486))


def test_an_unknown_scheme_gets_416(rich: Peer) -> None:
    invite = rich.request("INVITE", "http://example.com/", body=sdp())
    rich.send(invite)
    rich.ack(invite, rich.told(416))


def test_a_body_that_is_no_session_description_gets_415(rich: Peer) -> None:
    invite = rich.invite(NUMBER, body=b"", headers=(("Content-Type", "text/plain"),))
    invite.body = b"hello"
    rich.send(invite)
    rich.ack(invite, rich.told(415))


@pytest.mark.parametrize(
    "garbage",
    [b"\x00" * 100, b"INVITE", b"SIP/2.0 200 OK\r\n\r\n", b"A" * 60000],
)
def test_garbage_is_survived_in_silence(rich: Peer, garbage: bytes) -> None:
    rich.send(garbage)
    rich.send(rich.request("OPTIONS", f"sip:127.0.0.1:{rich.switch[1]}"))
    rich.told(200)


def test_a_bad_session_description_is_refused_where_it_must_be_relayed(peers: Callable[[str], Peer]) -> None:
    caller = peers("relayed")
    invite = caller.invite(NUMBER, body=b"this is no session description")
    caller.send(invite)
    caller.ack(invite, caller.told(488))
