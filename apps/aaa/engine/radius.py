"""RADIUS packets as a client writes and reads them (RFC 2865, RFC 2866, RFC 3579 §3.2; digests: RFC 5090 and what came before it).

Pure: bytes in, bytes out; who sends them and waits is somebody else. Every Access-Request is signed by a Message-Authenticator,
because without one an answer can be forged by whoever sits between (CVE-2024-3596).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address

Attribute = tuple[int, bytes]
LONGEST = 4096
LONGEST_VALUE = 253
_HEADER = struct.Struct("!BBH16s")


class Code(IntEnum):
    """What a packet is (RFC 2865 §3, RFC 2866 §3)."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5


class Kind(IntEnum):
    """Attributes that we write or read (RFC 2865 §5, RFC 2866 §5, RFC 2869 §5)."""

    USER_NAME = 1
    NAS_IP_ADDRESS = 4
    SERVICE_TYPE = 6
    REPLY_MESSAGE = 18
    SESSION_TIMEOUT = 27
    CALLED_STATION_ID = 30
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    ACCT_STATUS_TYPE = 40
    ACCT_DELAY_TIME = 41
    ACCT_SESSION_ID = 44
    ACCT_SESSION_TIME = 46
    ACCT_TERMINATE_CAUSE = 49
    EVENT_TIMESTAMP = 55
    NAS_IPV6_ADDRESS = 95
    MESSAGE_AUTHENTICATOR = 80


class Status(IntEnum):
    """Acct-Status-Type (RFC 2866 §5.1)."""

    START = 1
    STOP = 2
    INTERIM = 3


#: Service-Type (RFC 2865 §5.6): a call is asked about without a password; somebody logs in.
CALL_CHECK, LOGIN = 10, 1
#: Acct-Terminate-Cause (RFC 2866 §5.10).
USER_REQUEST, LOST_SERVICE, SESSION_TIMEOUT_CAUSE, ADMIN_RESET, NAS_ERROR = 1, 3, 5, 6, 9

#: A part of a digest → its attribute by RFC 5090 §3, and its number within attribute 207 of the draft before it, which FreeRADIUS reads.
DIGEST_PARTS: Mapping[str, tuple[int, int]] = {
    "realm": (104, 1),
    "nonce": (105, 2),
    "method": (108, 3),
    "uri": (109, 4),
    "qop": (110, 5),
    "algorithm": (111, 6),
    "cnonce": (113, 8),
    "nc": (114, 9),
    "username": (115, 10),
}
_DIGEST_RESPONSE, _DRAFT_RESPONSE, _DRAFT_ATTRIBUTES = 103, 206, 207


class BadPacket(ValueError):
    """What came is no answer of that server to that request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is proved to be the server's."""

    code: Code
    attributes: tuple[Attribute, ...]

    def text(self, kind: int) -> str:
        """All values of a kind, joined; "" without any."""
        return b"".join(value for one, value in self.attributes if one == kind).decode("utf-8", "replace")

    def number(self, kind: int) -> int | None:
        """The first value of a kind as a number."""
        found = next((value for one, value in self.attributes if one == kind), b"")
        return int.from_bytes(found, "big") if len(found) == 4 else None


def text(kind: int, value: str) -> list[Attribute]:
    """A text as attributes; none for "", and cut where a value ends."""
    data = value.encode("utf-8", "replace")[:LONGEST_VALUE]
    return [(kind, data)] if data else []


def number(kind: int, value: int) -> Attribute:
    """A number of 32 bits; larger ones are cut to the largest there is."""
    return kind, struct.pack("!I", max(0, min(value, 2**32 - 1)))


def address(value: str) -> Attribute:
    """Our own address as the attribute for its IP version."""
    found = ip_address(value)
    kind = Kind.NAS_IP_ADDRESS if found.version == 4 else Kind.NAS_IPV6_ADDRESS
    return kind, found.packed


def digest(parts: Mapping[str, str], response: str, *, draft: bool) -> list[Attribute]:
    """A digest to be checked by the server: as RFC 5090 has it, or as the draft before it."""
    found: list[Attribute] = []
    for name, (kind, inner) in DIGEST_PARTS.items():
        data = parts.get(name, "").encode("utf-8", "replace")[: LONGEST_VALUE - 2]
        if data and draft:
            found.append((_DRAFT_ATTRIBUTES, bytes((inner, len(data) + 2)) + data))
        elif data:
            found.append((kind, data))
    return [*text(_DRAFT_RESPONSE if draft else _DIGEST_RESPONSE, response), *found]


def access_request(identifier: int, secret: bytes, attributes: Iterable[Attribute]) -> bytes:
    """An Access-Request with a random authenticator, signed (RFC 3579 §3.2). The signature stands first."""
    given = [(int(Kind.MESSAGE_AUTHENTICATOR), bytes(16)), *attributes]
    packet = _packet(Code.ACCESS_REQUEST, identifier, os.urandom(16), given)
    signature = hmac.digest(secret, packet, "md5")
    return packet[: _HEADER.size + 2] + signature + packet[_HEADER.size + 18 :]


def accounting_request(identifier: int, secret: bytes, attributes: Iterable[Attribute]) -> bytes:
    """An Accounting-Request; its authenticator is a hash of it with the secret (RFC 2866 §3)."""
    packet = _packet(Code.ACCOUNTING_REQUEST, identifier, bytes(16), list(attributes))
    proof = hashlib.md5(packet + secret, usedforsecurity=False).digest()
    return packet[:4] + proof + packet[20:]


def read_reply(data: bytes, request: bytes, secret: bytes, *, signed: bool) -> Reply:
    """The server's answer to that request. `signed`: one without a Message-Authenticator is not believed. Raises BadPacket."""
    if len(data) < _HEADER.size or len(data) > LONGEST:
        raise BadPacket("an answer of impossible size")
    code, identifier, length, proof = _HEADER.unpack_from(data)
    if identifier != request[1] or not _HEADER.size <= length <= len(data):
        raise BadPacket("an answer to something else")
    data, asked = data[:length], request[4:20]
    expected = hashlib.md5(data[:4] + asked + data[20:] + secret, usedforsecurity=False).digest()
    if not hmac.compare_digest(proof, expected):
        raise BadPacket("an answer of somebody who does not know the secret")
    attributes = tuple(_attributes(data))
    _check_signature(data, asked, secret, attributes, wanted=signed)
    wanted = {
        Code.ACCESS_REQUEST: (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT),
        Code.ACCOUNTING_REQUEST: (Code.ACCOUNTING_RESPONSE,),
    }[Code(request[0])]
    if code not in wanted:
        raise BadPacket(f"an answer of code {code}")
    return Reply(Code(code), attributes)


def _check_signature(
    data: bytes, asked: bytes, secret: bytes, attributes: Sequence[Attribute], *, wanted: bool
) -> None:
    if not any(kind == Kind.MESSAGE_AUTHENTICATOR for kind, _ in attributes):
        if wanted:
            raise BadPacket("an answer without a Message-Authenticator")
        return
    place = _HEADER.size
    for kind, value in attributes:
        if kind == Kind.MESSAGE_AUTHENTICATOR:
            break
        place += 2 + len(value)
    blank = data[:4] + asked + data[20 : place + 2] + bytes(16) + data[place + 18 :]
    if not hmac.compare_digest(data[place + 2 : place + 18], hmac.digest(secret, blank, "md5")):
        raise BadPacket("an answer with a wrong Message-Authenticator")


def _packet(code: Code, identifier: int, authenticator: bytes, attributes: Sequence[Attribute]) -> bytes:
    body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in attributes)
    length = _HEADER.size + len(body)
    if length > LONGEST:
        raise ValueError("a packet has at most 4096 bytes")
    return _HEADER.pack(code, identifier, length, authenticator) + body


def _attributes(data: bytes) -> Iterable[Attribute]:
    place = _HEADER.size
    while place < len(data):
        if place + 2 > len(data):
            raise BadPacket("half an attribute")
        kind, length = data[place], data[place + 1]
        if length < 2 or place + length > len(data):
            raise BadPacket("an attribute of impossible size")
        yield kind, data[place + 2 : place + length]
        place += length
