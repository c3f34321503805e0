"""Header rules at work (`apps.signalling.models.HeaderRule`): what is passed on, dropped, added, set, rewritten in SIP messages.

Rules of an account touch the messages of its parties, as values; rules without one that drop headers or replace text touch every
message as it is on the wire. An account without rules has none to ask: `World.header_rules` answers None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import re2

from switch.sip.grammar import BadValue
from switch.sip.headers import SPELLED, canonical
from switch.sip.message import Header, Message, Request
from switch.sip.uri import NameAddr, Uri

if TYPE_CHECKING:
    from switch.world.settings import Settings

MOST_HEADERS = 128
LONGEST_VALUE = 2048
_ADDRESSES = frozenset(("From", "To", "Request-Uri"))
_REQUEST_URI = "Request-Uri"
_NEVER_ALONG = frozenset(
    ("Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Contact", "Content-Length", "Content-Type", "Route", "Record-Route",
     "RSeq", "RAck", "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate", "Require", "Proxy-Require",
     "Supported", "Allow", "Session-Expires", "Min-SE", "Path", "Privacy", "P-Asserted-Identity", "P-Preferred-Identity",
     "Remote-Party-ID", "Diversion", "History-Info")
)  # fmt: skip
"""What each side has of its own, or is passed on by rules of its own (`identity`, `history`, `session_timer`)."""
_KNOWN = frozenset(SPELLED) | _NEVER_ALONG


class Rule(NamedTuple):
    """One rule, ready to be applied."""

    account: int | None
    direction: str
    kind: str
    method: str
    action: str
    header: str
    pattern: Any
    value: str
    condition: str

    def fits(self, message: Message, method: str, place: str) -> bool:
        """Whether the message is one of those that it is for."""
        if self.kind != "any" and (self.kind == "request") is not isinstance(message, Request):
            return False
        if self.method and self.method != method:
            return False
        return not self.condition or self.condition == place or _mentions(message, self.condition)


def header_rule(row: Sequence[Any]) -> Rule | None:
    """From a row of the snapshot; None for one that cannot be used (the office refuses such)."""
    account, direction, kind, method, action, header, pattern, value, condition = row
    if action == "rewrite":
        pattern = _compiled(pattern)
        if pattern is None:
            return None
    if header and not header.endswith("*"):
        header = canonical(header)
    return Rule(account, direction, kind, method, action, header, pattern, value, condition)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def _mentions(message: Message, text: str) -> bool:
    return text in message.start_line() or any(text in f"{name}: {value}" for name, value in message.headers)


class Rules:
    """Those of one account. `unknown`: headers that nobody knows are passed on (the guide's fwdunknownheaders)."""

    __slots__ = ("_incoming", "_outgoing", "_passes", "unknown")

    def __init__(self, rules: Iterable[Rule], *, unknown: bool = False) -> None:
        found = list(rules)
        edits = [one for one in found if one.action != "pass"]
        self._incoming = tuple(one for one in edits if one.direction == "in")
        self._outgoing = tuple(one for one in edits if one.direction == "out")
        self._passes = tuple(one for one in found if one.action == "pass")
        self.unknown = unknown

    def heard(self, message: Message, place: str, *, beginning: bool = False) -> bool:
        """Change a message that the party sent; whether anything was. `beginning`: it is the INVITE that begins a call."""
        return bool(self._incoming) and _apply(self._incoming, message, place, beginning)

    def said(self, message: Message, place: str, *, beginning: bool = False) -> bool:
        """Change a message that it will get."""
        return bool(self._outgoing) and _apply(self._outgoing, message, place, beginning)

    def passes(self, message: Message, place: str, direction: str) -> list[Header]:
        """The headers of a message that the rules of this side pass on."""
        method = _method(message)
        wanted = [
            one.header
            for one in self._passes
            if one.direction == direction and one.fits(message, method, place)
        ]
        unknown = self.unknown and direction == "in"
        return [
            (name, value)
            for name, value in message.headers
            if name not in _NEVER_ALONG and (_named(name, wanted) or (unknown and name not in _KNOWN))
        ]


def along(
    message: Message, source: Rules | None, place: str, target: Rules | None, other: str
) -> list[Header]:
    """What goes on from one party's message to the other's by the rules of both sides."""
    if source is None and target is None:
        return []
    found = source.passes(message, place, "in") if source is not None else []
    more = target.passes(message, other, "out") if target is not None else []
    return [*found, *(one for one in more if one not in found)][:MOST_HEADERS]


def _named(name: str, wanted: Iterable[str]) -> bool:
    lower = name.lower()
    return any(lower.startswith(one[:-1].lower()) if one.endswith("*") else name == one for one in wanted)


def _method(message: Message) -> str:
    return message.method if isinstance(message, Request) else message.cseq.method


def _apply(rules: Sequence[Rule], message: Message, place: str, beginning: bool) -> bool:
    method, changed = _method(message), False
    for rule in rules:
        if rule.fits(message, method, place):
            changed = _change(rule, message, beginning) or changed
    return changed


def _change(rule: Rule, message: Message, beginning: bool) -> bool:
    if rule.header in _ADDRESSES:
        return (
            beginning
            and rule.action == "rewrite"
            and isinstance(message, Request)
            and _readdress(rule, message)
        )
    if rule.action == "drop":
        names = {name for name, _ in message.headers if _named(name, (rule.header,))}
        for name in names:
            message.remove(name)
        return bool(names)
    if rule.action == "set":
        message.set(rule.header, rule.value)
        return True
    if rule.action == "add":
        if len(message.headers) < MOST_HEADERS:
            message.add(rule.header, rule.value)
        return True
    return _rewrite(rule, message)


def _rewrite(rule: Rule, message: Message) -> bool:
    values = message.all(rule.header)
    found = [_replaced(rule, value) for value in values]
    if found == values:
        return False
    message.remove(rule.header)
    for value in found:
        message.add(rule.header, value)
    return True


def _replaced(rule: Rule, value: str) -> str:
    """The value after the rule; as it was where bytes that are no text, or too much of it, would come of it."""
    if len(value) > LONGEST_VALUE or not value.isprintable():
        return value
    found = str(rule.pattern.sub(rule.value, value))
    return found if len(found) <= 2 * LONGEST_VALUE and found.isprintable() else value


def _readdress(rule: Rule, request: Request) -> bool:
    """Rewrite From, To or the Request-URI, if an address of the same dialog comes of it."""
    if rule.header == _REQUEST_URI:
        found = _replaced(rule, request.uri)
        if found == request.uri or not _is_uri(found):
            return False
        request.retarget(found)
        return True
    value = request.get(rule.header) or ""
    found = _replaced(rule, value)
    try:
        before, after = NameAddr.parse(value), NameAddr.parse(found)
        after.uri  # noqa: B018 - parsed here or not at all
    except BadValue:
        return False
    if found == value or before.tag != after.tag:
        return False
    request.set(rule.header, found)
    return True


def _is_uri(text: str) -> bool:
    try:
        return Uri.parse(text).scheme in {"sip", "sips", "tel"}
    except BadValue:
        return False


# --- on the wire ----------------------------------------------------------------------------------------------------------------


class Wire:
    """Rules for everybody's messages, as bytes (guide 13841-13859)."""

    __slots__ = (
        "_agent",
        "_dated",
        "_disposition",
        "_drops",
        "_hidden",
        "_incoming",
        "_minutes",
        "_outgoing",
    )

    def __init__(
        self, rules: Iterable[Rule], settings: Settings, hidden: frozenset[str] = frozenset()
    ) -> None:
        """`hidden`: names that Allow and Supported shall not have."""
        self._agent = settings.agent.encode()
        self._dated = settings.usedateheader
        self._minutes = settings.gmtdiff
        how = settings.addcontentdispoztion
        self._disposition = b"" if how == "no" else b"session;handling=" + how.encode()
        self._hidden = hidden
        found = [
            one for one in rules if one.action == "raw" or (one.action == "drop" and one.direction == "out")
        ]
        self._incoming = tuple(one for one in found if one.direction == "in" and one.action == "raw")
        self._outgoing = tuple(one for one in found if one.direction == "out" and one.action == "raw")
        self._drops = tuple(one for one in found if one.action == "drop")

    def __bool__(self) -> bool:
        own = self._agent or self._dated or self._disposition or self._hidden
        return bool(self._incoming or self._outgoing or self._drops or own)

    def incoming(self, data: bytes, host: str) -> bytes:
        """What has come from there, as it shall be read."""
        return _raw(self._incoming, data, host) if self._incoming else data

    def outgoing(self, data: bytes, host: str, wall: float) -> bytes:
        """What goes there: with our name and the date where they are wanted, then changed as the rules say. `wall`: epoch seconds."""
        if self._agent:
            data = _with(data, b"Server" if data.startswith(b"SIP/2.0 ") else b"User-Agent", self._agent)
        if self._dated:
            # RFC 3261 §20.17 wants GMT; a phone that shows it as it is wants its own time (gmtdiff).
            date = formatdate(wall + 60 * self._minutes, usegmt=True)
            data = _with(data, b"Date", date.encode())
        if self._disposition and b"\r\nContent-Type: application/sdp\r\n" in data:
            data = _with(data, b"Content-Disposition", self._disposition)  # RFC 3261 §20.11
        if self._hidden:
            data = _less(data, self._hidden)
        for rule in self._drops:
            data = _without(rule, data, host)
        return _raw(self._outgoing, data, host) if self._outgoing else data


def _with(data: bytes, name: bytes, value: bytes) -> bytes:
    """With that header, unless it is there."""
    head, empty, body = data.partition(b"\r\n\r\n")
    if b"\r\n" + name + b": " in head:
        return data
    return b"%b\r\n%b: %b%b%b" % (head, name, value, empty, body)


_LISTING = re.compile(rb"\r\n(Allow|Supported): ([^\r\n]*)")


def _less(data: bytes, hidden: frozenset[str]) -> bytes:
    """Without these names in Allow and Supported."""

    def kept(match: re.Match[bytes]) -> bytes:
        names = [one for one in match[2].decode().split(", ") if one not in hidden]
        return b"\r\n%b: %b" % (match[1], ", ".join(names).encode())

    head, empty, body = data.partition(b"\r\n\r\n")
    return _LISTING.sub(kept, head) + empty + body


def _raw(rules: Sequence[Rule], data: bytes, host: str) -> bytes:
    for rule in rules:
        find = rule.pattern.encode()
        if find in data and _holds(rule, data, host) and _of_kind(rule, data):
            data = _framed(data.replace(find, rule.value.encode()), data)
    return data


def _holds(rule: Rule, data: bytes, host: str) -> bool:
    return not rule.condition or rule.condition == host or rule.condition.encode() in data


def _of_kind(rule: Rule, data: bytes) -> bool:
    answer = data.startswith(b"SIP/2.0 ")
    if rule.kind != "any" and (rule.kind == "response") is not answer:
        return False
    return not rule.method or (not answer and data.startswith(rule.method.encode() + b" "))


def _framed(data: bytes, before: bytes) -> bytes:
    """With the Content-Length that its body has now."""
    head, empty, body = data.partition(b"\r\n\r\n")
    old = before.partition(b"\r\n\r\n")[2]
    if not empty or len(body) == len(old):
        return data
    lines = [
        b"Content-Length: %d" % len(body)
        if line.lower().startswith((b"content-length", b"l:", b"l :"))
        else line
        for line in head.split(b"\r\n")
    ]
    return b"\r\n".join(lines) + empty + body


def _without(rule: Rule, data: bytes, host: str) -> bytes:
    """Without the header lines of that name. What we send is never folded."""
    if not _holds(rule, data, host) or not _of_kind(rule, data):
        return data
    head, empty, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    kept = [
        line
        for line in lines[1:]
        if not _named(line.partition(b":")[0].decode("utf-8", "replace"), (rule.header,))
    ]
    return b"\r\n".join([lines[0], *kept]) + empty + body if len(kept) + 1 < len(lines) else data
