"""Writes files in MaxMind's format, by its published specification (MaxMind DB 2.0): a search tree over addresses, then the records."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"
STRING, UINT16, UINT32, MAP, UINT64, ARRAY = 2, 5, 6, 7, 9, 11
BUILT = 1_790_000_000
SEPARATOR = 16


def write(
    path: Path,
    records: Mapping[str, Any],
    *,
    version: int = 6,
    kind: str = "Test-Country",
    built: int = BUILT,
    size: int = 24,
) -> Path:
    """Networks and their records, in a tree with records of `size` bits. A country's two letters stand for the record that MaxMind gives it."""
    nodes: list[list[int | None]] = [[None, None]]
    data, places = bytearray(), {}
    ends: list[tuple[int, int, int]] = []  # node, side, place in the data
    for text, told in records.items():
        record = {"country": {"iso_code": told}} if isinstance(told, str) else told
        encoded = bytes(_encoded(record))
        if encoded not in places:
            places[encoded] = len(data)
            data += encoded
        node, side = _walk(nodes, _bits(text, version))
        ends.append((node, side, places[encoded]))
    count = len(nodes)
    tree = bytearray()
    told_at = {(node, side): count + SEPARATOR + place for node, side, place in ends}
    for number, sides in enumerate(nodes):
        left, right = (
            told_at.get((number, side), count if following is None else following)
            for side, following in enumerate(sides)
        )
        tree += _node(left, right, size)
    metadata = {
        "node_count": (UINT32, count), "record_size": (UINT16, size), "ip_version": (UINT16, version), "database_type": kind,
        "languages": ["en"], "binary_format_major_version": (UINT16, 2), "binary_format_minor_version": (UINT16, 0),
        "build_epoch": (UINT64, built), "description": {"en": "made by a test"},
    }  # fmt: skip
    path.write_bytes(bytes(tree) + bytes(SEPARATOR) + bytes(data) + MARKER + bytes(_encoded(metadata)))
    return path


def _node(left: int, right: int, size: int) -> bytes:
    """Of 28 bits the upper four of both sides share the byte in the middle."""
    if size == 28:
        middle = left >> 24 << 4 | right >> 24
        return (left & 0xFFFFFF).to_bytes(3, "big") + bytes([middle]) + (right & 0xFFFFFF).to_bytes(3, "big")
    return left.to_bytes(size // 8, "big") + right.to_bytes(size // 8, "big")


def _bits(text: str, version: int) -> str:
    """The path to a network; those of IPv4 lie at ::/96 of a file for both."""
    network = ip_network(text)
    bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
    return "0" * 96 + bits if version == 6 and network.version == 4 else bits


def _walk(nodes: list[list[int | None]], bits: str) -> tuple[int, int]:
    at = 0
    for bit in bits[:-1]:
        following = nodes[at][int(bit)]
        if following is None:
            nodes.append([None, None])
            following = nodes[at][int(bit)] = len(nodes) - 1
        at = following
    return at, int(bits[-1])


def _encoded(value: Any) -> bytearray:
    if isinstance(value, tuple):
        kind, number = value
        content = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return _head(kind, len(content)) + content
    if isinstance(value, str):
        content = value.encode()
        return _head(STRING, len(content)) + content
    if isinstance(value, list):
        return _head(ARRAY, len(value)) + b"".join(map(_encoded, value))
    found = _head(MAP, len(value))
    for key, told in value.items():
        found += _encoded(key) + _encoded(told)
    return found


def _head(kind: int, size: int) -> bytearray:
    """Kinds above 7 stand in a byte of their own; nothing here is longer than 284."""
    first, rest = (kind << 5, b"") if kind <= MAP else (0, bytes([kind - MAP]))
    inline, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytearray([first | inline]) + rest + more
