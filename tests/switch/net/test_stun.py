"""STUN on the SIP port: the vectors of RFC 5769, damage, and a real socket."""

from __future__ import annotations

import os
import socket
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.net.stun import answer
from tests.switch.loop import Loop
from tests.switch.net.conftest import Start

COOKIE = b"\x21\x12\xa4\x42"
SAMPLE = bytes.fromhex(  # RFC 5769 §2.1, of an ICE agent: SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, MESSAGE-INTEGRITY, FINGERPRINT
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
    "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249"
    "c1b571a280280004e57a3bcf"
)
ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")


def request(*attributes: bytes, kind: int = 1, identity: bytes = ID) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HH", kind, len(body)) + COOKIE + identity + body


def mapped(data: bytes) -> tuple[str, int]:
    """The address in an answer, read as RFC 5389 §15.2 says; the answer's form is checked on the way."""
    kind, length = struct.unpack("!HH", data[:4])
    assert kind == 0x0101 and length == len(data) - 20 and data[4:8] == COOKIE
    assert data[-8:-4] == b"\x80\x28\0\4"
    assert data[-4:] == struct.pack("!I", zlib.crc32(data[:-8]) ^ 0x5354554E)
    code, size, _, family, port = struct.unpack("!HHBBH", data[20:28])
    assert code == 0x0020
    raw = bytes(one ^ other for one, other in zip(data[28 : 24 + size], data[4:20], strict=False))
    return socket.inet_ntop(socket.AF_INET if family == 1 else socket.AF_INET6, raw), port ^ 0x2112


def test_the_sample_of_the_rfc_is_answered_with_the_bytes_of_the_rfc() -> None:
    """RFC 5769 §2.2 and §2.3 have the XOR of 192.0.2.1:32853 and [2001:db8:1234:5678:11:2233:4455:6677]:32853."""
    four = answer(SAMPLE, "192.0.2.1", 32853)
    assert four is not None and bytes.fromhex("002000080001a147e112a643") in four
    six = answer(SAMPLE, "2001:db8:1234:5678:11:2233:4455:6677", 32853)
    assert six is not None
    assert bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9") in six
    assert mapped(four) == ("192.0.2.1", 32853)
    assert mapped(six) == ("2001:db8:1234:5678:11:2233:4455:6677", 32853)


def test_an_attribute_that_must_be_understood_and_is_not_gets_420() -> None:
    got = answer(request(b"\x00\x03\x00\x04\0\0\0\6"), "192.0.2.1", 5060)  # CHANGE-REQUEST of the old RFC
    assert got is not None and got[:2] == b"\x01\x11"
    assert b"\x00\x09\x00\x15\0\0\x04\x14" in got and b"\x00\x0a\x00\x02\x00\x03" in got


@pytest.mark.parametrize(
    "data",
    [
        b"",
        request()[:19],
        request() + b"\0\0\0\0",
        request(kind=0x0101),
        request(kind=0x0011),
        request(kind=0x0003),
        request().replace(COOKIE, b"\0\0\0\0"),
        request(b"\x00\x06\x00\x20abcd"),
        SAMPLE[:-1] + b"\0",
        request(b"\x80\x28\x00\x04\0\0\0\0"),
        request(b"\x80\x22\x00\x00" * 200),
    ],
)
def test_what_is_no_binding_request_or_damaged_gets_no_answer(data: bytes) -> None:
    assert answer(data, "192.0.2.1", 5060) is None


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_make_it_fail(noise: bytes, framed: bool) -> None:
    noise = noise[: len(noise) // 4 * 4] if framed else noise
    answer(request(noise) if framed else noise, "192.0.2.1", 5060)


def test_a_phone_learns_its_address_from_either_port_and_sip_is_not_disturbed(
    loop: Loop, start: Start
) -> None:
    worker, phone = start(binds=("127.0.0.1", "::1")), loop.udp()
    for address in (worker.shared, worker.own):
        phone.sendto(request(identity=os.urandom(12)), address)
        assert mapped(loop.receive(phone)) == phone.getsockname()
    six = loop.udp("::1")
    six.sendto(request(), ("::1", worker.config.shared_port))
    assert mapped(loop.receive(six)) == six.getsockname()[:2]
    phone.sendto(b"\x00" * 40, worker.shared)
    phone.sendto(b"OPTIONS sip:a@example.net SIP/2.0", worker.shared)
    loop.until(lambda: worker.heard, "the message")
    assert len(worker.heard) == 1 and worker.net.metrics()["stun_answered"] == 3


@pytest.mark.req("sip-085")
def test_an_oversized_datagram_is_refused_at_once_when_fragments_are_forbidden(
    loop: Loop, start: Start
) -> None:
    """Loopback takes 65,536 bytes, so the option itself is looked at: DF is what the kernel does with it (ip(7))."""
    worker = start(binds=("127.0.0.1", "::1"))

    def options() -> set[int]:
        socks = [one._sock for one in worker.net._udp.values()]
        return {
            one.getsockopt(socket.IPPROTO_IPV6, 23)
            if one.family == socket.AF_INET6
            else one.getsockopt(socket.IPPROTO_IP, 10)
            for one in socks
        }

    worker.net.dont_fragment(True)
    assert options() == {2}
    worker.net.dont_fragment(False)
    assert options() == {0, 1}
