"""The few pieces of RFC 3261 §25 that every header shares: tokens, quoted strings, comma lists, parameters."""

import re
from collections.abc import Mapping

Params = dict[str, str | None]
"""Parameters in order, lower-case names; a value stays as written (quotes included), a flag has none."""

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_PARAM_VALUE = re.compile(r"[^\s;,\"<>]+|\"(?:[^\"\\]|\\.)*\"", re.S)
_PLAIN_PARAMS = re.compile(r"(?:;[a-z0-9\-]+(?:=[A-Za-z0-9\-.!%*_+`'~:\[\]]+)?)+")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"", re.S)
_QUOTED_PAIR = re.compile(r"\\(.)", re.S)
_OUTSIDE_QUOTES = re.compile(r"\"(?:[^\"\\]|\\.)*\"|<[^>]*>|[,;\"<]", re.S)
MAX_PARAMS = 100
BLANKS = " \t"


class BadValue(ValueError):
    """A header value, URI or body that does not follow its grammar; the text says what is wrong."""


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def number(text: str, limit: int) -> int:
    """A decimal number from 0 to `limit`, ASCII digits only; anything else is a BadValue."""
    if not (text.isascii() and text.isdigit()) or len(text) > 20:
        raise BadValue(f"not a number: {text[:20]!r}")
    value = int(text)
    if value > limit:
        raise BadValue(f"number above {limit}")
    return value


def split_outside(text: str, separator: str) -> list[str]:
    """Cut at `separator` ("," or ";") where it stands outside quotes and angle brackets; pieces are stripped."""
    if '"' not in text and "<" not in text:
        return [piece.strip(BLANKS) for piece in text.split(separator)]
    pieces, start = [], 0
    for match in _OUTSIDE_QUOTES.finditer(text):
        found = match.group()
        if found == separator:
            pieces.append(text[start : match.start()].strip(BLANKS))
            start = match.end()
        elif found in {'"', "<"}:
            raise BadValue("unbalanced quote or bracket")
    pieces.append(text[start:].strip(BLANKS))
    return pieces


def split_list(text: str) -> list[str]:
    """The members of a comma-separated header value; empty members are skipped (RFC 3261 §7.3.1)."""
    if "," not in text:
        return [text] if text else []
    return [piece for piece in split_outside(text, ",") if piece]


def parse_params(text: str) -> Params:
    """`;a=1;b` as a mapping. Empty and repeated parameters are a BadValue (RFC 3261 §7.3.1)."""
    params: Params = {}
    if not text:
        return params
    if _PLAIN_PARAMS.fullmatch(text) is not None:
        pieces = text[1:].split(";")
        for piece in pieces:
            name, equals, value = piece.partition("=")
            params[name] = value if equals else None
        if len(params) == len(pieces) <= MAX_PARAMS:
            return params
        raise BadValue("repeated parameter, or too many")
    return _parse_odd_params(text)


def _parse_odd_params(text: str) -> Params:
    """Parameters with blanks, quotes, capitals, or faults."""
    params: Params = {}
    if text[0] != ";":
        raise BadValue("text where parameters should start")
    pieces = text[1:].split(";") if '"' not in text else split_outside(text[1:], ";")
    if len(pieces) > MAX_PARAMS:
        raise BadValue("too many parameters")
    for piece in pieces:
        name, equals, value = piece.partition("=")
        name = name.strip(BLANKS).lower()
        value = value.strip(BLANKS)
        if _TOKEN.fullmatch(name) is None or name in params:
            raise BadValue("empty, malformed or repeated parameter")
        if not equals:
            params[name] = None
        elif _PARAM_VALUE.fullmatch(value) is None:
            raise BadValue(f"malformed value of parameter {name[:30]!r}")
        else:
            params[name] = value
    return params


def write_params(params: Mapping[str, str | None]) -> str:
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params.items()])


def unquote(text: str) -> str:
    """The content of a quoted string; text without quotes is returned as it is."""
    match = _QUOTED.fullmatch(text)
    if match is None:
        return text
    inner = match.group(1)
    return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner


def quote(text: str) -> str:
    """A quoted string; line ends cannot be quoted and become blanks."""
    safe = text.replace("\r", " ").replace("\n", " ")
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'
