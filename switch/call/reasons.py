"""Reason headers (RFC 3326): why a request or an answer came, read, and told to the other party."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from switch.call.causes import Cause, of_status
from switch.sip.fields import Message
from switch.sip.grammar import BadValue, parse_params, split_list, unquote

Q850, SIP = "Q.850", "SIP"
_RANGES = {Q850: range(1, 128), SIP: range(200, 700)}
MOST = 4
LONGEST_TEXT = 100


class Reason(NamedTuple):
    """One value of the header."""

    protocol: str
    cause: int
    text: str

    def __str__(self) -> str:
        text = f';text="{self.text}"' if self.text else ""
        return f"{self.protocol};cause={self.cause}{text}"


def reasons(message: Message) -> list[Reason]:
    """Those that can be understood; what a peer garbled counts as not said."""
    return [] if message.get("Reason") is None else understood(message.all("Reason"))


def understood(lines: Iterable[str]) -> list[Reason]:
    """The same of header values."""
    try:
        values = [value for line in lines for value in split_list(line)]
    except BadValue:
        return []
    return [found for value in values[:MOST] if (found := _reason(value)) is not None]


def _reason(value: str) -> Reason | None:
    name, semicolon, rest = value.partition(";")
    protocol = {"q.850": Q850, "sip": SIP}.get(name.strip().lower())
    try:
        params = parse_params(semicolon + rest)
    except BadValue:
        return None
    cause = params.get("cause") or ""
    if protocol is None or not (cause.isascii() and cause.isdigit()) or len(cause) > 3:
        return None
    if int(cause) not in _RANGES[protocol]:
        return None
    text = unquote(params.get("text") or "").replace("\\", "").replace('"', "")
    return Reason(protocol, int(cause), text[:LONGEST_TEXT] if text.isprintable() else "")


def line(found: Iterable[Reason]) -> str:
    """As one header value; "" for none."""
    return ", ".join(map(str, found))


def refined(cause: Cause, message: Message | None) -> Cause:
    """The cause with the Q.850 cause that the message names, if it names one."""
    if message is None or message.get("Reason") is None:
        return cause
    named = next((one.cause for one in reasons(message) if one.protocol == Q850), cause.q850)
    return cause._replace(q850=named)


def of_answer(status: int, response: Message | None) -> Cause:
    """The cause of a final answer of the far end, with what its Reason says."""
    return refined(of_status(status), response)


def changed(status: int, pairs: Iterable[str]) -> int:
    """The status that stands in place of this one (`changediscreason`: `408=480`), else the same."""
    for pair in pairs:
        old, _, new = pair.partition("=")
        if int(old) == status:
            return int(new)
    return status
