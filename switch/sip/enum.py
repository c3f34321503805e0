"""ENUM: from a telephone number to where its owner can be called (RFC 6116). Pure: names and records in, URIs out.

A record's regular expression comes from whoever owns the number's zone, so only a small kind is obeyed, which cannot take long:
literal digits, `+`, `.`, `.*`, one group `(.*)`, all of it between `^` and `$`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from switch.sip.grammar import BadValue
from switch.sip.locate import Naptr
from switch.sip.uri import Uri

SERVICES = frozenset(("e2u+sip", "sip+e2u"))
"""RFC 6116 §3.4.3; the second is the order of the words in RFC 2916."""
LONGEST = 255
_PATTERN = re.compile(r"\^(?:\\?\+|[0-9]|\.\*?|\(\.\*\)|\(\[0-9\][+*]\)|\(\\?\+?\.\*\)){1,20}\$\Z")
_REPLACEMENT = re.compile(
    r"[A-Za-z0-9._~%!$&'*+,;=:@/?\[\]()-]*(?:\\[0-9][A-Za-z0-9._~%!$&'*+,;=:@/?\[\]()-]*)*\Z"
)


def domain_of(number: str, suffix: str) -> str:
    """The name that is asked for: the digits from the last to the first, then the suffix (RFC 6116 §3.2)."""
    return ".".join([*reversed(number), suffix.strip(".")])


def uris(records: Iterable[Naptr], number: str) -> list[Uri]:
    """Where the number can be called by SIP, best first; records that make no sense, or ask for something else, are passed over."""
    terminal = [one for one in records if one.flags.lower() == "u" and one.service.lower() in SERVICES]
    found = []
    for record in sorted(terminal, key=lambda one: (one.order, one.preference)):
        text = apply(record.regexp, f"+{number}")
        try:
            uri = Uri.parse(text) if text else None
        except BadValue:
            continue
        if uri is not None and uri.scheme in {"sip", "sips"} and uri.host:
            found.append(uri)
    return found


def apply(expression: str, number: str) -> str:
    """What the substitution makes of the number (RFC 3402 §3.2): "" when it does not match, or is of no kind that is obeyed."""
    if not expression or len(expression) > LONGEST or not expression.isascii():
        return ""
    mark = expression[0]
    if mark.isalnum() or mark == "\\":
        return ""
    parts = expression[1:].split(mark)
    if len(parts) != 3 or parts[2] not in {"", "i"}:
        return ""
    pattern, replacement = parts[0], parts[1]
    if not _PATTERN.match(pattern) or not _REPLACEMENT.match(replacement):
        return ""
    if "+" in pattern and "\\+" not in pattern and "[0-9]+" not in pattern:
        pattern = pattern.replace("+", "\\+")
    try:
        match = re.fullmatch(pattern, number)
        return match.expand(replacement) if match is not None else ""
    except (re.error, IndexError):
        return ""
