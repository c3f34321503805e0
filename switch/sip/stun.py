"""Answers to STUN Binding requests on the SIP port: a phone with outbound keeps its flow over UDP alive by them (RFC 5626 §3.5.2).

Only what RFC 8489 calls a basic server: no authentication, no attributes but where the request came from.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address

BINDING_REQUEST, BINDING_RESPONSE = 0x0001, 0x0101
COOKIE = 0x2112A442
XOR_MAPPED_ADDRESS = 0x0020
HEADER = struct.Struct("!HHI12s")
IPV4, IPV6 = 1, 2


def looks_like(data: bytes) -> bool:
    """Whether it may be STUN and cannot be SIP, which begins with a letter (RFC 8489 §5)."""
    return len(data) >= HEADER.size and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


def answer(data: bytes, host: str, port: int) -> bytes | None:
    """The answer to a Binding request that came from there; None for anything else."""
    kind, length, cookie, transaction = HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or cookie != COOKIE or length != len(data) - HEADER.size or length % 4:
        return None
    address = ip_address(host.partition("%")[0])
    size = len(address.packed)
    mask = (struct.pack("!I", COOKIE) + transaction)[:size]
    hidden = bytes(one ^ other for one, other in zip(address.packed, mask, strict=True))
    family = IPV4 if address.version == 4 else IPV6
    value = struct.pack("!BBH", 0, family, port ^ COOKIE >> 16) + hidden
    attribute = struct.pack("!HH", XOR_MAPPED_ADDRESS, len(value)) + value
    return HEADER.pack(BINDING_RESPONSE, len(attribute), COOKIE, transaction) + attribute
