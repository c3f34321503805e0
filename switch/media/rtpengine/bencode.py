"""Bencoding (BEP 3), which rtpengine's ng protocol speaks: integers, byte strings, lists, dictionaries."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 32


class BadBencode(ValueError):
    """Bytes that are no bencoded value."""


def encode(value: Any) -> bytes:
    """Strings as UTF-8 (what came from an SDP goes back as it was), True and False as 1 and 0, dictionaries by sorted key."""
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, str):
        return encode(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, list | tuple):
        return b"l" + b"".join(map(encode, value)) + b"e"
    if isinstance(value, dict):
        pairs = sorted((key.encode(), one) for key, one in value.items())
        return b"d" + b"".join(encode(key) + encode(one) for key, one in pairs) + b"e"
    raise TypeError(f"{type(value).__name__} cannot be bencoded")


def decode(data: bytes) -> Any:
    """The value; byte strings stay bytes, keys become text. Raises BadBencode."""
    value, end = _value(data, 0, 0)
    if end != len(data):
        raise BadBencode("something follows the value")
    return value


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise BadBencode("nested too deep")
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.find(b"e", at)
        return _number(data[at + 1 : end] if end > 0 else b""), end + 1
    if kind == b"l":
        return _items(data, at + 1, depth)
    if kind == b"d":
        items, end = _items(data, at + 1, depth)
        if len(items) % 2 or not all(isinstance(key, bytes) for key in items[::2]):
            raise BadBencode("a dictionary without pairs of key and value")
        keys = (key.decode("utf-8", "replace") for key in items[::2])
        return dict(zip(keys, items[1::2], strict=True)), end
    colon = data.find(b":", at, at + 12)
    size = _number(data[at:colon]) if colon > 0 else -1
    if size < 0 or colon + 1 + size > len(data):
        raise BadBencode("no value where one is expected")
    return data[colon + 1 : colon + 1 + size], colon + 1 + size


def _items(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    found = []
    while data[at : at + 1] != b"e":
        one, at = _value(data, at, depth + 1)
        found.append(one)
    return found, at + 1


def _number(text: bytes) -> int:
    if len(text) > 20 or not text.removeprefix(b"-").isdigit():
        raise BadBencode("a malformed number")
    return int(text)
