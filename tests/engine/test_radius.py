"""RADIUS packets: what is written, and that nothing is believed that the server has not proved."""

from __future__ import annotations

import hashlib
import hmac
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.aaa.engine import radius as r
from apps.aaa.engine.radius import BadPacket, Code, Kind

SECRET = b"between-us"


def reply(
    request: bytes, code: int, body: bytes = b"", *, secret: bytes = SECRET, sign: bool = True
) -> bytes:
    """What a server answers, written apart from the code that reads it."""
    if sign:
        body = bytes((80, 18)) + bytes(16) + body
    head = struct.pack("!BBH", code, request[1], 20 + len(body))
    if sign:
        signature = hmac.digest(secret, head + request[4:20] + body, "md5")
        body = body[:2] + signature + body[18:]
    return head + hashlib.md5(head + request[4:20] + body + secret).digest() + body


def asked() -> bytes:
    return r.access_request(7, SECRET, r.text(Kind.USER_NAME, "1001"))


def test_an_access_request_begins_with_a_signature_over_all_of_it() -> None:
    packet = asked()
    assert packet[0] == 1 and packet[1] == 7 and int.from_bytes(packet[2:4], "big") == len(packet)
    assert packet[20:22] == bytes((80, 18))
    blank = packet[:22] + bytes(16) + packet[38:]
    assert packet[22:38] == hmac.digest(SECRET, blank, "md5")
    assert packet[38:] == b"\x01\x061001"
    assert asked()[4:20] != packet[4:20]


def test_an_accounting_request_proves_itself_by_its_authenticator() -> None:
    packet = r.accounting_request(9, SECRET, [r.number(Kind.ACCT_STATUS_TYPE, 2)])
    assert packet[4:20] == hashlib.md5(packet[:4] + bytes(16) + packet[20:] + SECRET).digest()
    assert packet[20:] == b"\x28\x06\x00\x00\x00\x02"


def test_an_answer_says_yes_or_no_and_for_how_long() -> None:
    request = asked()
    body = bytes((27, 6)) + struct.pack("!I", 600) + bytes((18, 5)) + b"one" + bytes((18, 5)) + b"two"
    found = r.read_reply(reply(request, 2, body), request, SECRET, signed=True)
    assert (found.code, found.number(Kind.SESSION_TIMEOUT), found.text(Kind.REPLY_MESSAGE)) == (
        Code.ACCESS_ACCEPT,
        600,
        "onetwo",
    )
    assert r.read_reply(reply(request, 3), request, SECRET, signed=True).code == Code.ACCESS_REJECT


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data, request: reply(request, 2, secret=b"somebody-else"),
        lambda data, request: reply(request, 2, sign=False),
        lambda data, request: data[:1] + bytes((data[1] ^ 1,)) + data[2:],
        lambda data, request: b"\x03" + data[1:],
        lambda data, request: data[:-1],
        lambda data, request: data[:10],
        lambda data, request: reply(asked(), 2),
        lambda data, request: reply(request, 5),
        lambda data, request: reply(request, 2, b"\x12\x01"),
        lambda data, request: reply(request, 2, b"\x12\xff"),
        lambda data, request: reply(request, 2, b"\x12"),
        lambda data, request: data + bytes(5000),
    ],
)
def test_what_the_server_has_not_proved_is_not_believed(spoil: object) -> None:
    request = asked()
    with pytest.raises(BadPacket):
        r.read_reply(spoil(reply(request, 2), request), request, SECRET, signed=True)  # type: ignore[operator]


def test_an_old_server_need_not_sign_but_a_wrong_signature_is_never_right() -> None:
    request = asked()
    assert (
        r.read_reply(reply(request, 2, sign=False), request, SECRET, signed=False).code == Code.ACCESS_ACCEPT
    )
    body = bytes((80, 18)) + bytes(16)
    with pytest.raises(BadPacket, match="wrong Message-Authenticator"):
        r.read_reply(reply(request, 2, body, sign=False), request, SECRET, signed=False)


def test_padding_after_the_packet_is_passed_over() -> None:
    request = asked()
    assert (
        r.read_reply(reply(request, 2) + b"padding", request, SECRET, signed=True).code == Code.ACCESS_ACCEPT
    )


def test_a_digest_is_written_as_each_dialect_wants_it() -> None:
    parts = {
        "realm": "mizu",
        "nonce": "abc",
        "method": "REGISTER",
        "uri": "sip:x",
        "qop": "",
        "nc": "00000001",
    }
    new, old = r.digest(parts, "f" * 32, draft=False), r.digest(parts, "f" * 32, draft=True)
    assert new[:3] == [(103, b"f" * 32), (104, b"mizu"), (105, b"abc")] and (108, b"REGISTER") in new
    assert old[:3] == [(206, b"f" * 32), (207, b"\x01\x06mizu"), (207, b"\x02\x05abc")]
    assert not any(kind == 110 for kind, _ in new)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    request = asked()
    with pytest.raises(BadPacket):
        r.read_reply(data, request, SECRET, signed=False)


@given(st.text(max_size=400), st.integers())
def test_no_text_or_number_breaks_the_writer(text: str, number: int) -> None:
    packet = r.access_request(
        1, SECRET, [*r.text(Kind.USER_NAME, text), r.number(Kind.SESSION_TIMEOUT, number)]
    )
    assert len(packet) == int.from_bytes(packet[2:4], "big") <= 4096
