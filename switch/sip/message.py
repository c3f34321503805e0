"""SIP messages: bytes → `Request` or `Response` → bytes (RFC 3261 §7), and the answers to requests.

Cheap by design: one `partition` and one `split` per message; a header's value is parsed on first touch and kept. Text is UTF-8 with
`surrogateescape`, so that any byte survives. Content-Length is no header of the list: `len(body)` is the truth and `encode` writes it.
"""

import re
from collections.abc import Iterable
from operator import methodcaller

from switch.sip.fields import BadMessage, Header, Message, seconds
from switch.sip.grammar import BLANKS, BadValue, is_token, number, split_list
from switch.sip.headers import NAMES, REASONS, SINGLE, Via, canonical
from switch.sip.uri import Uri

__all__ = [
    "BadMessage",
    "Header",
    "Message",
    "Request",
    "Response",
    "parse",
    "response_to",
    "seconds",
    "stamp_via",
]

MAX_MESSAGE = 65_536
MAX_HEADERS = 256
MAX_TARGET = 4_096

_CUT = methodcaller("split", ":", 1)
_FOLD = re.compile(r"[ \t]*\r\n[ \t]+")
_BAD_TARGET = re.compile(r"[<>\"\x00-\x20\x7f]")
_METHODS = frozenset(
    [
        "INVITE",
        "ACK",
        "BYE",
        "CANCEL",
        "REGISTER",
        "OPTIONS",
        "INFO",
        "UPDATE",
        "PRACK",
        "SUBSCRIBE",
        "NOTIFY",
        "REFER",
        "MESSAGE",
        "PUBLISH",
    ]
)
_ANSWER_HEADERS = frozenset(("Via", "From", "To", "Call-ID", "CSeq"))
_DIALOG_HEADERS = _ANSWER_HEADERS | {"Record-Route"}


class Request(Message):
    """A request; `uri` is the Request-URI as written, `target` the same parsed."""

    __slots__ = ("_target", "method", "uri")

    def __init__(self, method: str, uri: str, headers: Iterable[Header] = (), body: bytes = b"") -> None:
        self.method = method
        self.uri = uri
        self.headers = headers if type(headers) is list else list(headers)
        self.body = body
        self._forget()
        self._target: Uri | None = None

    @property
    def target(self) -> Uri:
        """The Request-URI. BadMessage 416 for a scheme that is neither sip, sips nor tel (RFC 3261 §8.2.2.1), 400 when malformed."""
        if self._target is None:
            try:
                target = Uri.of(self.uri)
            except BadValue as error:
                raise self._bad("Request-URI", error) from error
            if target.scheme not in {"sip", "sips", "tel"}:
                raise self.refuse(416, REASONS[416])
            if target.headers:
                raise self._bad("Request-URI", BadValue("headers are not allowed here"))
            self._target = target
        return self._target

    def retarget(self, uri: str) -> None:
        """Another Request-URI."""
        self.uri = uri
        self._target = None

    @property
    def answerable(self) -> bool:
        return self.method != "ACK"

    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Request) and (self.method, self.uri, self.headers, self.body) == (
            other.method, other.uri, other.headers, other.body,
        )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]


class Response(Message):
    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str | None = None, headers: Iterable[Header] = (), body: bytes = b""
    ) -> None:
        self.status = status
        self.reason = REASONS.get(status, "") if reason is None else reason
        self.headers = headers if type(headers) is list else list(headers)
        self.body = body
        self._forget()

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Response) and (self.status, self.reason, self.headers, self.body) == (
            other.status, other.reason, other.headers, other.body,
        )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]


# --- from bytes -------------------------------------------------------------------------------------------------------------------


def parse(data: bytes) -> Request | Response:
    """Read one datagram, or one message framed by `stream`. Raises BadMessage and nothing else.

    1. Cut at the first empty line; decode; join folded lines; cut into lines.
    2. Read the start line; name each header canonically; refuse a second From, To, Call-ID, CSeq… with another value.
    3. The body is what Content-Length says: more bytes are ignored, fewer are an error (RFC 3261 §18.3).
    4. Via, From, To, Call-ID and CSeq must be there and well formed, for without them there is no transaction. All else stays raw.
    """
    too_long = len(data) > MAX_MESSAGE
    head, empty_line, body = (data[:MAX_MESSAGE] if too_long else data).partition(b"\r\n\r\n")
    text = head.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    headers = _read_known_headers(lines)
    if headers is None:
        text = _FOLD.sub(" ", text)
        lines = text.split("\r\n")
    ends = len(lines) - 1
    message, version = _read_start(lines[0])
    fault = _read_odd_headers(message, lines) if headers is None else _note_headers(message, headers)
    if too_long:
        raise message.refuse(513, REASONS[513])
    if text.count("\n") != ends or text.count("\r") != ends:
        fault = "bare line end"
        message.headers = [
            (name, value.replace("\n", " ").replace("\r", " ")) for name, value in message.headers
        ]
        message._forget()
    if fault or not empty_line:
        raise message.refuse(400, fault or "no end of headers")
    if isinstance(message, Request):
        _check_start(message, version)
    _cut_body(message, body)
    message.read()
    method = message.cseq.method
    if isinstance(message, Request) and method != message.method:
        raise message.refuse(400, "CSeq names another method")
    return message


def _read_start(line: str) -> tuple[Request | Response, str]:
    """The message with its start line only, and the version of a request (checked once its headers are known)."""
    if line.startswith("SIP/2.0 "):
        code, _, reason = line[8:].partition(" ")
        if len(code) != 3 or not (code.isascii() and code.isdigit()) or not "100" <= code <= "699":
            raise BadMessage(0, "status code out of range")
        return Response(int(code), reason), "SIP/2.0"
    method, _, rest = line.partition(" ")
    uri, _, version = rest.rpartition(" ")
    if method not in _METHODS and not is_token(method):
        raise BadMessage(0, "not SIP")
    return Request(method, uri), version


def _check_start(request: Request, version: str) -> None:
    if version != "SIP/2.0" and version.upper() != "SIP/2.0":
        wrong_version = version[:4].upper() == "SIP/"
        raise request.refuse(
            505 if wrong_version else 400, REASONS[505] if wrong_version else "malformed request line"
        )
    if len(request.uri) > MAX_TARGET:
        raise request.refuse(414, REASONS[414])
    if ":" not in request.uri or _BAD_TARGET.search(request.uri):
        raise request.refuse(400, "malformed Request-URI")


def _read_known_headers(lines: list[str]) -> list[Header] | None:
    """The headers, when every line is one with a name met before; None when a line needs a closer look (a fold, a new name, a fault)."""
    try:
        return [(NAMES[spelling], value.strip(BLANKS)) for spelling, value in map(_CUT, lines[1:])]
    except (KeyError, ValueError):
        return None


def _read_odd_headers(message: Message, lines: list[str]) -> str:
    """Line by line; returns what was wrong, "" when nothing. Goes on after a bad line: an answer needs the good ones."""
    fault = ""
    headers: list[Header] = []
    for line in lines[1 : MAX_HEADERS + 2]:
        spelling, colon, value = line.partition(":")
        try:
            if not colon:
                raise BadValue("header without a colon")
            headers.append((canonical(spelling), value.strip(BLANKS)))
        except BadValue as error:
            fault = str(error)
    return _note_headers(message, headers) or fault


def _note_headers(message: Message, headers: list[Header]) -> str:
    """Give the message its headers, at most `MAX_HEADERS`; returns what is wrong with them, "" when nothing."""
    message.headers = headers
    if len(headers) > MAX_HEADERS:
        message.headers = headers[:MAX_HEADERS]
        return "too many headers"
    index = dict(headers)
    if len(index) == len(headers):
        message._index = index
        return ""
    return _second_values(headers)


def _second_values(headers: list[Header]) -> str:
    """The first header that stands twice with different values though it may stand once only."""
    seen: dict[str, str] = {}
    for name, value in headers:
        if name in SINGLE and seen.setdefault(name, value) != value:
            return f"more than one {name}"
    return ""


def _cut_body(message: Message, body: bytes) -> None:
    """Set the body by Content-Length and drop that header from the list."""
    text = message.get("Content-Length")
    if text is None:
        message.body = body
        return
    try:
        length = number(text, MAX_MESSAGE)
    except BadValue as error:
        raise message.refuse(400, f"Bad Content-Length: {error}") from error
    if length > len(body):
        raise message.refuse(400, "body shorter than Content-Length")
    message.body = body if length == len(body) else body[:length]
    headers = message.headers
    if headers[-1][0] == "Content-Length" and message._index is not None:
        headers.pop()
        del message._index["Content-Length"]
    else:
        message.headers = [header for header in headers if header[0] != "Content-Length"]
        message._index = None


# --- answering --------------------------------------------------------------------------------------------------------------------


def response_to(
    request: Request, status: int, reason: str | None = None, to_tag: str | None = None
) -> Response:
    """A response with what RFC 3261 §8.2.6.2 wants copied: all Via, From, To (with our tag), Call-ID, CSeq; Record-Route where it
    may make a dialog (§12.1.1). Copies what is there: it serves for a request that could be read in part only.
    """
    wanted = _DIALOG_HEADERS if 100 < status < 300 else _ANSWER_HEADERS
    headers = [header for header in request.headers if header[0] in wanted]
    if to_tag is not None and not _has_tag(request):
        headers = [(n, f"{v};tag={to_tag}") if n == "To" else (n, v) for n, v in headers]
    return Response(status, reason, headers)


def _has_tag(request: Request) -> bool:
    try:
        return request.to.tag is not None
    except BadMessage:
        return True


def stamp_via(request: Request, host: str, port: int) -> None:
    """Note in the top Via where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4). Called once, by who received it."""
    via = request.via
    if "rport" not in via.params and via.host.strip("[]").lower() == host:
        return
    params = dict(via.params)
    params["received"] = host
    if "rport" in params:
        params["rport"] = str(port)
    stamped = Via(via.transport, via.sent_by, params)
    headers = request.headers
    place = 0 if headers[0][0] == "Via" else next(i for i, (name, _) in enumerate(headers) if name == "Via")
    text = str(stamped)
    if "," in headers[place][1]:
        text = ", ".join([text, *split_list(headers[place][1])[1:]])
    headers[place] = ("Via", text)
    if request._index is not None:
        request._index["Via"] = text
    request._via = stamped
