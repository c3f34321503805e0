"""STUN on the SIP port, by the test vectors of RFC 5769 and by what a stranger may send."""

from __future__ import annotations

import struct

import pytest

from switch.sip.stun import COOKIE, HEADER, answer, looks_like

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = HEADER.pack(0x0001, 0, COOKIE, TRANSACTION)


@pytest.mark.parametrize(
    ("host", "port", "attribute"),
    [
        ("192.0.2.1", 32853, "002000080001a147e112a643"),
        (
            "2001:db8:1234:5678:11:2233:4455:6677",
            32853,
            "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9",
        ),
    ],
)
def test_the_address_is_told_as_in_rfc_5769(host: str, port: int, attribute: str) -> None:
    found = answer(REQUEST, host, port)
    assert found is not None
    assert found[:20] == HEADER.pack(0x0101, len(attribute) // 2, COOKIE, TRANSACTION)
    assert found[20:].hex() == attribute


@pytest.mark.parametrize(
    "data",
    [
        HEADER.pack(0x0101, 0, COOKIE, TRANSACTION),
        HEADER.pack(0x0001, 4, COOKIE, TRANSACTION),
        HEADER.pack(0x0001, 3, COOKIE, TRANSACTION) + b"abc",
    ],
)
def test_nothing_else_is_answered(data: bytes) -> None:
    assert answer(data, "192.0.2.1", 5060) is None


def test_sip_and_short_things_are_not_taken_for_stun() -> None:
    assert looks_like(REQUEST)
    for data in (b"", b"\x00" * 30, REQUEST[:19], b"INVITE sip:a@b SIP/2.0\r\n\r\n", struct.pack("!I", 5)):
        assert not looks_like(data)
