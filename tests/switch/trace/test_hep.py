"""HEP3 packets, read back as a capture server reads them."""

from __future__ import annotations

import socket
from struct import unpack

import pytest

from switch.trace.hep import packet


def chunks(data: bytes) -> dict[int, bytes]:
    """Type → value; every length must fit."""
    assert data[:4] == b"HEP3" and unpack("!H", data[4:6])[0] == len(data)
    found, place = {}, 6
    while place < len(data):
        vendor, kind, length = unpack("!HHH", data[place : place + 6])
        assert vendor == 0 and length >= 6
        found[kind] = data[place + 6 : place + length]
        place += length
    return found


def test_an_ipv4_message_names_both_ends_time_and_call() -> None:
    found = chunks(
        packet(
            b"OPTIONS sip:a SIP/2.0\r\n\r\n",
            source=("192.0.2.1", 5060),
            target=("198.51.100.2", 5080),
            reliable=False,
            at=1_790_000_000.25,
            capture_id=7,
            password="word",
            correlation="0193",
        )
    )
    assert (found[1], found[2], found[0x0B]) == (b"\x02", b"\x11", b"\x01")
    assert socket.inet_ntop(socket.AF_INET, found[3]) == "192.0.2.1"
    assert socket.inet_ntop(socket.AF_INET, found[4]) == "198.51.100.2"
    assert unpack("!HH", found[7] + found[8]) == (5060, 5080)
    assert unpack("!II", found[9] + found[10]) == (1_790_000_000, 250_000)
    assert (unpack("!I", found[12])[0], found[14], found[17]) == (7, b"word", b"0193")
    assert found[15].startswith(b"OPTIONS")


@pytest.mark.parametrize(("reliable", "protocol"), [(True, 6), (False, 17)])
def test_an_ipv6_message_has_its_own_kind_of_addresses(reliable: bool, protocol: int) -> None:
    found = chunks(
        packet(
            b"x",
            source=("::1", 1),
            target=("2001:db8::2", 2),
            reliable=reliable,
            at=0,
            capture_id=1,
            password="",
        )
    )
    assert found[1] == b"\x0a" and found[2] == bytes([protocol])
    assert socket.inet_ntop(socket.AF_INET6, found[6]) == "2001:db8::2"
    assert 3 not in found and 14 not in found and 17 not in found
