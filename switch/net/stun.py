"""Answers to STUN binding requests on a SIP port: what a phone behind a NAT looks like from here (RFC 5389, RFC 5626 §4.4.2).

Pure: a datagram in, the answer out. Only this one question is answered; nothing is allocated, relayed or remembered.
"""

from __future__ import annotations

import struct
import zlib
from ipaddress import ip_address
from typing import Final

COOKIE: Final = 0x2112A442
_HEAD: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_REQUEST, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111
_ERROR_CODE, _UNKNOWN, _XOR_MAPPED, _FINGERPRINT = 0x0009, 0x000A, 0x0020, 0x8028
_UNDERSTOOD: Final = frozenset((0x0006, 0x0008, 0x0014, 0x0015, 0x0024, 0x0025))
"""USERNAME, MESSAGE-INTEGRITY, REALM, NONCE, PRIORITY, USE-CANDIDATE: harmless here, where nobody has to prove anything."""
_OPTIONAL: Final = 0x8000
_XOR: Final = 0x5354554E
LONGEST: Final = 548


def looks_like(data: bytes) -> bool:
    """Whether it may be STUN; SIP begins with a letter."""
    return len(data) >= _HEAD.size and data[0] < 2 and data[4:8] == b"\x21\x12\xa4\x42"


def answer(data: bytes, host: str, port: int) -> bytes | None:
    """The answer to a binding request from there; None for all that is none or is damaged."""
    if not looks_like(data) or len(data) > LONGEST:
        return None
    kind, length, _, transaction = _HEAD.unpack_from(data)
    if kind != _REQUEST or length % 4 or length + _HEAD.size != len(data):
        return None
    unknown = _check(data)
    if unknown is None:
        return None
    if unknown:
        codes = b"".join(struct.pack("!H", one) for one in unknown)
        return _message(_ERROR, transaction, (_ERROR_CODE, b"\0\0\4\x14Unknown Attribute"), (_UNKNOWN, codes))
    return _message(_SUCCESS, transaction, (_XOR_MAPPED, _mapped(host, port, transaction)))


def _check(data: bytes) -> list[int] | None:
    """Attributes that have to be understood and are not; None when the message is damaged."""
    unknown: list[int] = []
    place = _HEAD.size
    while place < len(data):
        kind, length = _ATTRIBUTE.unpack_from(data, place)
        end = place + _ATTRIBUTE.size + length
        if end > len(data):
            return None
        if kind == _FINGERPRINT and not _intact(data, place, length):
            return None
        if kind < _OPTIONAL and kind not in _UNDERSTOOD:
            unknown.append(kind)
        place = end + -length % 4
    return unknown


def _intact(data: bytes, place: int, length: int) -> bool:
    """The fingerprint is the last attribute, and right."""
    if length != 4 or place + 8 != len(data):
        return False
    return data[place + 4 :] == struct.pack("!I", zlib.crc32(data[:place]) ^ _XOR)


def _mapped(host: str, port: int, transaction: bytes) -> bytes:
    address = ip_address(host.partition("%")[0])
    key = struct.pack("!I", COOKIE) + transaction
    masked = bytes(one ^ other for one, other in zip(address.packed, key, strict=False))
    return struct.pack("!BBH", 0, 1 if address.version == 4 else 2, port ^ (COOKIE >> 16)) + masked


def _message(kind: int, transaction: bytes, *attributes: tuple[int, bytes]) -> bytes:
    body = b"".join(
        _ATTRIBUTE.pack(code, len(value)) + value + bytes(-len(value) % 4) for code, value in attributes
    )
    head = _HEAD.pack(kind, len(body) + 8, COOKIE, transaction) + body
    return head + _ATTRIBUTE.pack(_FINGERPRINT, 4) + struct.pack("!I", zlib.crc32(head) ^ _XOR)
