"""Header names, and the headers that route and order messages: Via and CSeq (RFC 3261 §7.3, §20)."""

from collections.abc import Mapping
from typing import Self

from switch.sip.grammar import BLANKS, BadValue, is_token, number, parse_params, write_params
from switch.sip.uri import parse_host_port

_COMPACT = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding",
    "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact", "n": "Identity-Info",
    "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity",
}  # fmt: skip
SPELLED = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Authentication-Info",
    "Authorization",
    "Call-Info",
    "Content-Disposition",
    "Content-Language",
    "CSeq",
    "Date",
    "Diversion",
    "Error-Info",
    "Expires",
    "History-Info",
    "In-Reply-To",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Path",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Remote-Party-ID",
    "Replaces",
    "Reply-To",
    "Require",
    "Retry-After",
    "Route",
    "RSeq",
    "Server",
    "Service-Route",
    "SIP-ETag",
    "SIP-If-Match",
    "Subscription-State",
    "Timestamp",
    "Unsupported",
    "User-Agent",
    "Warning",
    "WWW-Authenticate",
)
"""Names of headers that have their own spelling: those that somebody here knows."""

SINGLE = frozenset(
    [
        "Call-ID",
        "Content-Length",
        "Content-Type",
        "CSeq",
        "Event",
        "Expires",
        "From",
        "Max-Forwards",
        "Min-Expires",
        "RAck",
        "Refer-To",
        "Referred-By",
        "Replaces",
        "Session-Expires",
        "To",
    ]
)
"""Headers that may stand once only: twice with different values is a malformed message."""

LISTS = frozenset(
    [
        "Accept",
        "Alert-Info",
        "Allow",
        "Allow-Events",
        "Contact",
        "Path",
        "Record-Route",
        "Require",
        "Proxy-Require",
        "Route",
        "Service-Route",
        "Supported",
        "Unsupported",
        "Via",
        "P-Asserted-Identity",
        "History-Info",
        "Diversion",
    ]
)
"""Headers whose value may be a comma-separated list."""

MAX_CACHED = 4096
CSEQ_LIMIT = 2**31 - 1
_CANONICAL: dict[str, str] = {}
NAMES: dict[str, str] = {}
"""Every spelling met so far → the one canonical name (a shared string). Bounded."""

for _name in (*SPELLED, *_COMPACT.values()):
    _CANONICAL[_name.lower()] = _name
    NAMES.update({_name: _name, _name.lower(): _name, _name.upper(): _name, _name.title(): _name})
for _short, _name in _COMPACT.items():
    _CANONICAL[_short] = _name
    NAMES.update({_short: _name, _short.upper(): _name})


def canonical(spelling: str) -> str:
    """The one name of a header, however spelt: compact, any case, blanks before the colon. BadValue when it is no name."""
    known = NAMES.get(spelling)
    if known is not None:
        return known
    stripped = spelling.rstrip(BLANKS)
    if not is_token(stripped):
        raise BadValue("malformed header name")
    lower = stripped.lower()
    name = _CANONICAL.get(lower) or "-".join(part.capitalize() for part in lower.split("-"))
    if len(NAMES) < MAX_CACHED and len(spelling) < 64:
        NAMES[spelling] = name
    return name


def _phrases() -> dict[int, str]:
    phrases = {}
    own = """100 Trying;180 Ringing;181 Call Is Being Forwarded;182 Queued;183 Session Progress;199 Early Dialog Terminated;200 OK;202 Accepted;
    204 No Notification;300 Multiple Choices;301 Moved Permanently;302 Moved Temporarily;305 Use Proxy;380 Alternative Service;400 Bad Request;
    401 Unauthorized;402 Payment Required;403 Forbidden;404 Not Found;405 Method Not Allowed;406 Not Acceptable;407 Proxy Authentication Required;
    408 Request Timeout;410 Gone;412 Conditional Request Failed;413 Request Entity Too Large;414 Request-URI Too Long;415 Unsupported Media Type;
    416 Unsupported URI Scheme;420 Bad Extension;421 Extension Required;422 Session Interval Too Small;423 Interval Too Brief;
    428 Use Identity Header;429 Provide Referrer Identity;430 Flow Failed;433 Anonymity Disallowed;437 Unsupported Credential;
    438 Invalid Identity Header;439 First Hop Lacks Outbound Support;469 Bad INFO Package;480 Temporarily Unavailable;
    481 Call/Transaction Does Not Exist;482 Loop Detected;483 Too Many Hops;484 Address Incomplete;485 Ambiguous;486 Busy Here;
    487 Request Terminated;488 Not Acceptable Here;489 Bad Event;491 Request Pending;493 Undecipherable;494 Security Agreement Required;
    500 Server Internal Error;501 Not Implemented;502 Bad Gateway;503 Service Unavailable;504 Server Time-out;505 Version Not Supported;
    513 Message Too Large;580 Precondition Failure;600 Busy Everywhere;603 Decline;604 Does Not Exist Anywhere;606 Not Acceptable;607 Unwanted;
    608 Rejected"""
    for line in own.split(";"):
        code, _, phrase = line.strip().partition(" ")
        phrases[int(code)] = phrase
    return phrases


REASONS = _phrases()
"""Status code → reason phrase (RFC 3261 §21 and the registry of response codes)."""

_PROTOCOLS = {f"SIP/2.0/{name}": name for name in ("UDP", "TCP", "TLS", "WS", "WSS", "SCTP", "TLS-SCTP")}
_PLACES: dict[str, tuple[str, int | None]] = {}


def _place(sent_by: str) -> tuple[str, int | None]:
    """Host and port of a sent-by, put into `_PLACES`: a switch has few neighbours."""
    host, colon, port = sent_by.partition("]:") if sent_by.startswith("[") else sent_by.partition(":")
    bracket = "]" if colon == "]:" else ""
    joined = f"{host.rstrip(BLANKS)}{bracket}:{port.strip(BLANKS)}" if colon else sent_by.strip(BLANKS)
    place = parse_host_port(joined)
    if len(_PLACES) >= MAX_CACHED:
        _PLACES.clear()
    _PLACES[sent_by] = place
    return place


class Via:
    """One Via value (RFC 3261 §20.42, RFC 3581). `branch` is "" when missing; `port` None when not written."""

    __slots__ = ("branch", "host", "params", "port", "sent_by", "transport")

    def __init__(self, transport: str, sent_by: str, params: Mapping[str, str | None]) -> None:
        self.transport = transport
        self.sent_by = sent_by
        self.host, self.port = _PLACES.get(sent_by) or _place(sent_by)
        self.params = params
        self.branch = params.get("branch") or ""

    @classmethod
    def parse(cls, text: str) -> Self:
        head, semicolon, tail = text.partition(";")
        protocol, _, sent_by = head.partition(" ")
        transport = _PROTOCOLS.get(protocol)
        if transport is None:
            transport, sent_by = cls._loose(head)
        return cls(transport, sent_by.strip(BLANKS), parse_params(semicolon + tail))

    @staticmethod
    def _loose(head: str) -> tuple[str, str]:
        """Blanks may stand around the slashes of sent-protocol; other transports are tokens."""
        name, _, rest = head.partition("/")
        version, slash2, rest = rest.partition("/")
        words = rest.strip(BLANKS).split(None, 1)
        if (
            not slash2
            or len(words) != 2
            or (name.strip(BLANKS).upper(), version.strip(BLANKS)) != ("SIP", "2.0")
        ):
            raise BadValue("malformed Via")
        if not is_token(words[0]):
            raise BadValue("malformed transport in Via")
        return words[0].upper(), words[1]

    @property
    def received(self) -> str | None:
        """The address that the neighbour saw the request come from."""
        return self.params.get("received")

    @property
    def rport(self) -> int | None:
        """The port that the neighbour saw (RFC 3581); None when absent, asked for only, or malformed."""
        value = self.params.get("rport")
        return int(value) if value and value.isascii() and value.isdigit() and len(value) <= 5 else None

    @property
    def reply_to(self) -> tuple[str, int]:
        """Where a response over an unreliable transport goes (RFC 3261 §18.2.2, RFC 3581 §4), brackets removed."""
        host = self.params.get("maddr") or self.params.get("received") or self.host
        default = 5061 if self.transport in {"TLS", "WSS"} else 5060
        port = None if "maddr" in self.params else self.rport
        return host.strip("[]"), port or self.port or default

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{write_params(self.params)}"

    def __repr__(self) -> str:
        return f"Via({str(self)!r})"


class CSeq:
    """The number and method of a CSeq header (RFC 3261 §20.16); the number is below 2^31. Not to be changed once made."""

    __slots__ = ("method", "number")

    def __init__(self, number: int, method: str) -> None:
        self.number = number
        self.method = method

    @staticmethod
    def parse(text: str) -> "CSeq":
        """Cached: nearly all messages of a switch have one of few values."""
        cseq = CSEQS.get(text)
        if cseq is None:
            words = text.split()
            if len(words) != 2 or not is_token(words[1]):
                raise BadValue("malformed CSeq")
            cseq = CSeq(number(words[0], CSEQ_LIMIT), words[1])
            if len(text) < 64:
                if len(CSEQS) >= MAX_CACHED:
                    CSEQS.clear()
                CSEQS[text] = cseq
        return cseq

    def __str__(self) -> str:
        return f"{self.number} {self.method}"

    def __repr__(self) -> str:
        return f"CSeq({self.number}, {self.method!r})"


CSEQS: dict[str, CSeq] = {}
"""Those that have been parsed."""
