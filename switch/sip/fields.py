"""The header fields of a SIP message: raw values in order, typed values parsed on first touch and kept (RFC 3261 §7.3, §20)."""

from switch.sip.grammar import BLANKS, BadValue, number, split_list
from switch.sip.headers import CSEQS, NAMES, CSeq, Via, canonical
from switch.sip.uri import NameAddr

MAX_EXPIRES = 2**32 - 1
MAX_CACHED = 4096
Header = tuple[str, str]
_ADDRESSES: dict[str, NameAddr] = {}


class BadMessage(Exception):
    """A message that cannot be used.

    `status` is the answer that the RFC names, 0 when the message is to be dropped in silence (a response, an ACK, no Via to answer to).
    `partial` is the request as far as it could be read: enough for `response_to`.
    """

    def __init__(self, status: int, reason: str, partial: "Message | None" = None) -> None:
        super().__init__(f"{status or 'drop'}: {reason}")
        self.status = status
        self.reason = reason
        self.partial = partial


class Message:
    """What requests and responses share. `headers` holds (canonical name, raw value) in order; change it by the methods below.

    Via, From, To, Call-ID and CSeq are read some twenty times in a message's life: `read` parses them at once, where a message came.
    """

    __slots__ = ("_call_id", "_cseq", "_from", "_index", "_to", "_via", "body", "headers")

    def __init__(self, headers: list[Header], body: bytes) -> None:
        self.headers = headers
        self.body = body
        self._forget()

    def _forget(self) -> None:
        self._index: dict[str, str] | None = None
        self._call_id: str | None = None
        self._via: Via | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._cseq: CSeq | None = None

    # --- raw values ---------------------------------------------------------------------------------------------------------------

    def get(self, name: str) -> str | None:
        """The raw value of the first header of that name (canonical spelling is fastest)."""
        index = self._index
        if index is None:
            index = self._index = dict(reversed(self.headers))
        value = index.get(name)
        if value is None and NAMES.get(name) != name:
            return index.get(canonical(name))
        return value

    def all(self, name: str) -> list[str]:
        """The raw values of all headers of that name, one per header line."""
        name = NAMES.get(name) or canonical(name)
        return [value for key, value in self.headers if key == name]

    def members(self, name: str) -> list[str]:
        """The members of a comma-separated header over all its lines. BadMessage when its quotes do not match."""
        first = self.get(name)
        try:
            if self._index is not None and len(self._index) == len(self.headers):  # no header stands twice
                return split_list(first) if first else []
            return [member for value in self.all(name) for member in split_list(value)]
        except BadValue as error:
            raise self._bad(name, error) from error

    def set(self, name: str, value: str) -> None:
        """Replace all headers of that name by one, at the place of the first."""
        name = NAMES.get(name) or canonical(name)
        place = next((i for i, (key, _) in enumerate(self.headers) if key == name), len(self.headers))
        kept = [(i, header) for i, header in enumerate(self.headers) if header[0] != name]
        self.headers = [h for i, h in kept if i < place] + [(name, value)] + [h for i, h in kept if i > place]
        self._forget()

    def add(self, name: str, value: str, *, first: bool = False) -> None:
        """One more header of that name: last of all, or first of all (as a Via wants it)."""
        self.headers.insert(0 if first else len(self.headers), (NAMES.get(name) or canonical(name), value))
        self._forget()

    def remove(self, name: str) -> None:
        name = NAMES.get(name) or canonical(name)
        self.headers = [header for header in self.headers if header[0] != name]
        self._forget()

    def refuse(self, status: int, reason: str) -> BadMessage:
        """The error for this message: with an answer when it is a request that may be answered, else to be dropped."""
        if self.answerable and self.get("Via"):
            return BadMessage(status, reason, self)
        return BadMessage(0, reason)

    @property
    def answerable(self) -> bool:
        """Whether the RFC lets anybody answer this message: a request other than ACK."""
        return False

    def _bad(self, what: str, error: BadValue) -> BadMessage:
        return self.refuse(400, f"Bad {what}: {error}")

    def _required(self, name: str) -> str:
        value = self.get(name)
        if not value:
            raise self._bad(name, BadValue("missing"))
        return value

    # --- typed values: parsed on first touch; BadMessage when malformed -----------------------------------------------------------

    def read(self) -> None:
        """Parse what every message must have, so that no later reader meets a bad one."""
        index = self._index
        if index is None:
            index = self._index = dict(reversed(self.headers))
        self._via = self._read_via()
        self._from = _ADDRESSES.get(index.get("From", "")) or self._address("From")
        self._to = _ADDRESSES.get(index.get("To", "")) or self._address("To")
        self._call_id = index.get("Call-ID") or self._required("Call-ID")
        self._cseq = CSEQS.get(index.get("CSeq", "")) or self._read_cseq()

    @property
    def via(self) -> Via:
        """The topmost Via."""
        if self._via is None:
            self._via = self._read_via()
        return self._via

    @property
    def from_(self) -> NameAddr:
        if self._from is None:
            self._from = self._address("From")
        return self._from

    @property
    def to(self) -> NameAddr:
        if self._to is None:
            self._to = self._address("To")
        return self._to

    @property
    def call_id(self) -> str:
        if self._call_id is None:
            self._call_id = self._required("Call-ID")
        return self._call_id

    @property
    def cseq(self) -> CSeq:
        if self._cseq is None:
            self._cseq = self._read_cseq()
        return self._cseq

    def _read_via(self) -> Via:
        try:
            text = self._required("Via")
            return Via.parse((split_list(text) or [""])[0] if "," in text else text)
        except BadValue as error:
            raise self._bad("Via", error) from error

    def _address(self, name: str) -> NameAddr:
        text = self._required(name)
        try:
            return _ADDRESSES.get(text) or _shared_address(text)
        except BadValue as error:
            raise self._bad(name, error) from error

    def _read_cseq(self) -> CSeq:
        try:
            return CSeq.parse(self._required("CSeq"))
        except BadValue as error:
            raise self._bad("CSeq", error) from error

    @property
    def contacts(self) -> list[NameAddr] | None:
        """The Contact addresses; None stands for `*`, an empty list for no Contact."""
        if self.get("Contact") == "*":
            return None
        return self.addresses("Contact")

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact address."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def routes(self) -> list[NameAddr]:
        return self.addresses("Route")

    @property
    def record_routes(self) -> list[NameAddr]:
        return self.addresses("Record-Route")

    def addresses(self, name: str) -> list[NameAddr]:
        """Every address of a header such as Contact, Route, P-Asserted-Identity."""
        try:
            found = [_ADDRESSES.get(member) or _shared_address(member) for member in self.members(name)]
            for address in found:
                address.uri  # noqa: B018 - a malformed URI shows here, not in the middle of a call
        except BadValue as error:
            raise self._bad(name, error) from error
        return found

    @property
    def expires(self) -> int | None:
        """Seconds; None when absent or malformed, which the RFC lets us ignore; too large counts as the largest (RFC 3261 §20.19)."""
        return seconds(self.get("Expires"))

    @property
    def max_forwards(self) -> int | None:
        text = self.get("Max-Forwards")
        if text is None:
            return None
        try:
            return number(text, 255)
        except BadValue as error:
            raise self._bad("Max-Forwards", error) from error

    @property
    def content_type(self) -> str:
        """Lower-case media type without parameters; "" when there is no body."""
        return (self.get("Content-Type") or "").partition(";")[0].strip(BLANKS).lower()

    # --- to bytes -----------------------------------------------------------------------------------------------------------------

    def start_line(self) -> str:
        raise NotImplementedError

    def encode(self) -> bytes:
        """The message as it goes over the wire. ValueError when a value holds a line end (nobody may smuggle in a header)."""
        lines = "\r\n".join(map(": ".join, self.headers))
        text = f"{self.start_line()}\r\n{lines}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        ends = len(self.headers) + 3
        if text.count("\n") != ends or text.count("\r") != ends:
            raise ValueError("line end inside a header value")
        return text.encode("utf-8", "surrogateescape") + self.body

    def __repr__(self) -> str:
        return f"<{self.start_line()}>"


def _shared_address(text: str) -> NameAddr:
    """Parsed once: the same From, To and Contact come with every message of a call. BadValue."""
    address = NameAddr.parse(text)
    if len(text) <= 256:
        if len(_ADDRESSES) >= MAX_CACHED:
            _ADDRESSES.clear()
        _ADDRESSES[text] = address
    return address


def seconds(text: str | None) -> int | None:
    """Delta-seconds of Expires, a Contact's `expires`, Retry-After…; None when malformed, at most 2^32 - 1."""
    if text is None:
        return None
    digits = text.partition("(")[0].partition(";")[0].strip(BLANKS)
    if not (digits.isascii() and digits.isdigit()):
        return None
    return MAX_EXPIRES if len(digits) > 10 else min(int(digits), MAX_EXPIRES)
