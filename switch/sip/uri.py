"""SIP, SIPS and tel URIs, and the name-addr form around them (RFC 3261 §19.1, §20.10; RFC 3966)."""

import re
from collections.abc import Mapping
from typing import Self
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from switch.sip.grammar import BLANKS, BadValue, is_token, number, parse_params, quote, unquote, write_params

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9.\-_]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]{2,45}\]")
_USER = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})*")
_PASSWORD = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*")
_TEL = re.compile(r"\+?[0-9A-Fa-f*#\-.()]+")
_FORBIDDEN = re.compile(r"[\s<>\"\x00-\x20\x7f]")
_USER_SAFE = "-_.!~*'()&=+$,;?/"
_BOTH_OR_NONE = ("user", "ttl", "method", "maddr")
MAX_URI = 4096
MAX_CACHED = 4096


class Uri:
    """A URI, not to be changed once made (see `replace`).

    `user` is unescaped; of a tel URI it is the number, of an unknown scheme the opaque rest. `host` is as written, IPv6 in brackets.
    """

    __slots__ = ("_text", "headers", "host", "params", "password", "port", "scheme", "user")

    def __init__(
        self,
        scheme: str,
        user: str,
        host: str,
        port: int | None = None,
        params: Mapping[str, str | None] | None = None,
        *,
        password: str = "",
        headers: str = "",
        text: str = "",
    ) -> None:
        self.scheme = scheme
        self.user = user
        self.host = host
        self.port = port
        self.params: Mapping[str, str | None] = params if params is not None else {}
        self.password = password
        self.headers = headers
        self._text = text

    @staticmethod
    def of(text: str) -> "Uri":
        """`parse`, remembered: Request-URI and To name the same one, From and Contact of a peer those of its last call."""
        known = _URIS.get(text)
        if known is None:
            known = Uri.parse(text)
            if len(text) <= 256:
                if len(_URIS) >= MAX_CACHED:
                    _URIS.clear()
                _URIS[text] = known
        return known

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI; BadValue when it is malformed. Unknown schemes are kept as opaque text."""
        scheme, colon, rest = text.partition(":")
        if not colon or not rest or len(text) > MAX_URI or _SCHEME.fullmatch(scheme) is None:
            raise BadValue("not a URI")
        if _FORBIDDEN.search(text):
            raise BadValue("blank, quote or bracket inside a URI")
        scheme = scheme.lower()
        if scheme in {"sip", "sips"}:
            return cls._parse_sip(scheme, rest, text)
        if scheme == "tel":
            return cls._parse_tel(rest, text)
        return cls(scheme, rest, "", text=text)

    @classmethod
    def _parse_sip(cls, scheme: str, rest: str, text: str) -> Self:
        userinfo, at, place = rest.rpartition("@")
        user, _, password = userinfo.partition(":")
        if at and (not user or _USER.fullmatch(user) is None or _PASSWORD.fullmatch(password) is None):
            raise BadValue("malformed user part of a SIP URI")
        place, _, headers = place.partition("?")
        place, semicolon, params = place.partition(";")
        host, port = parse_host_port(place)
        parsed = parse_params(semicolon + params) if semicolon else None
        return cls(scheme, unescape(user), host, port, parsed, password=password, headers=headers, text=text)

    @classmethod
    def _parse_tel(cls, rest: str, text: str) -> Self:
        digits, semicolon, params = rest.partition(";")
        if _TEL.fullmatch(digits) is None:
            raise BadValue("malformed number in a tel URI")
        return cls(
            "tel", digits, "", params=parse_params(semicolon + params) if semicolon else None, text=text
        )

    def __str__(self) -> str:
        if not self._text:
            self._text = self._write()
        return self._text

    def _write(self) -> str:
        if self.scheme not in {"sip", "sips"}:
            return f"{self.scheme}:{self.user}{write_params(self.params)}"
        user = percent_encode(self.user, safe=_USER_SAFE, errors="surrogateescape") if self.user else ""
        secret = f":{self.password}" if self.password else ""
        at = "@" if self.user else ""
        port = f":{self.port}" if self.port is not None else ""
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{secret}{at}{self.host}{port}{write_params(self.params)}{headers}"

    def __repr__(self) -> str:
        return f"Uri({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        """Equal when every part is written alike; for the equality of RFC 3261 use `same_as`."""
        return isinstance(other, Uri) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((self.scheme, self.user, self.host, self.port))

    def _parts(self) -> tuple[object, ...]:
        return self.scheme, self.user, self.password, self.host, self.port, dict(self.params), self.headers

    def param(self, name: str) -> str | None:
        """The unescaped value of a parameter; None when absent or a flag."""
        value = self.params.get(name)
        return None if value is None else unescape(value)

    @property
    def address(self) -> str:
        """The host without the brackets of an IPv6 address."""
        return self.host[1:-1] if self.host.startswith("[") else self.host

    @property
    def transport(self) -> str:
        """What the URI asks for, lower-case: "udp", "tcp", "tls", "ws"…; "" when it leaves it open."""
        return (self.params.get("transport") or "").lower()

    def replace(self, **changes: object) -> "Uri":
        """A copy with other values of: scheme, user, host, port, params, password, headers."""
        values: dict[str, object] = {name: getattr(self, name) for name in self.__slots__ if name != "_text"}
        values.update(changes)
        return Uri(**values)  # type: ignore[arg-type]

    def same_as(self, other: "Uri") -> bool:
        """Equivalence of RFC 3261 §19.1.4 (RFC 3966 §4 for tel): what a registrar means by the same contact."""
        if self.scheme != other.scheme:
            return False
        if self.scheme == "tel":
            return _tel_digits(self.user) == _tel_digits(other.user) and _lowered(self) == _lowered(other)
        if self.scheme not in {"sip", "sips"}:
            return self.user == other.user
        return (
            self.user == other.user
            and unescape(self.password) == unescape(other.password)
            and self.host.lower() == other.host.lower()
            and self.port == other.port
            and _same_params(_lowered(self), _lowered(other))
            and _header_set(self.headers) == _header_set(other.headers)
        )


_URIS: dict[str, Uri] = {}


def _tel_digits(text: str) -> str:
    return re.sub(r"[\-.()]", "", text).lower()


def _lowered(uri: Uri) -> dict[str, str]:
    return {name: unescape(value or "").lower() for name, value in uri.params.items()}


def _same_params(mine: dict[str, str], theirs: dict[str, str]) -> bool:
    if any((name in mine) != (name in theirs) for name in _BOTH_OR_NONE):
        return False
    return all(theirs[name] == value for name, value in mine.items() if name in theirs)


def _header_set(text: str) -> list[tuple[str, str]]:
    pairs = (piece.partition("=") for piece in text.split("&") if piece)
    return sorted((unescape(name).lower(), unescape(value)) for name, _, value in pairs)


def unescape(text: str) -> str:
    return percent_decode(text, errors="surrogateescape") if "%" in text else text


def parse_host_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:port` or `[v6]:port` as written; BadValue when it is none of them."""
    host, colon, port = text, "", ""
    if not text.endswith("]"):
        before, found, after = text.rpartition(":")
        if found:
            host, colon, port = before, found, after
    if len(host) > 255 or _HOST.fullmatch(host) is None:
        raise BadValue("malformed host")
    return host, number(port, 65535) if colon else None


class NameAddr:
    """`"Bell" <sip:bell@example.com>;tag=1` or the bare form, as in From, To, Contact, Route. Not to be changed once made."""

    __slots__ = ("_uri", "display", "params", "tag", "uri_text")

    def __init__(
        self, uri: str | Uri, display: str = "", params: Mapping[str, str | None] | None = None
    ) -> None:
        self.uri_text = str(uri)
        self._uri = uri if isinstance(uri, Uri) else None
        self.display = display
        self.params: Mapping[str, str | None] = params if params is not None else {}
        self.tag = self.params.get("tag")

    @property
    def uri(self) -> Uri:
        """The URI, parsed on first touch; BadValue when malformed."""
        if self._uri is None:
            self._uri = Uri.of(self.uri_text)
        return self._uri

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one name-addr or addr-spec; in the bare form parameters belong to the header (RFC 3261 §20.10)."""
        match = _PLAIN.fullmatch(text)
        if match is not None:
            quoted, words, uri, tail = match.groups()
            display = words.rstrip(BLANKS) if quoted is None else quoted
            return cls(uri, display, parse_params(tail.strip(BLANKS)) if tail else None)
        if text.startswith('"') or "<" in text:
            return cls._parse_bracketed(text)
        uri, semicolon, tail = text.partition(";")
        uri = uri.rstrip(BLANKS)
        if "?" in uri or "," in uri or ":" not in uri or _FORBIDDEN.search(uri):
            raise BadValue("an address with blanks, commas or headers needs angle brackets")
        return cls(uri, "", parse_params(semicolon + tail))

    @classmethod
    def _parse_bracketed(cls, text: str) -> Self:
        match = _BRACKETED.fullmatch(text)
        if match is None:
            raise BadValue("malformed name-addr")
        quoted, words, uri, tail = match.groups()
        if words and not all(is_token(word) for word in words.split()):
            raise BadValue("a display name with special characters needs quotes")
        if _FORBIDDEN.search(uri) or ":" not in uri:
            raise BadValue("blank or quote inside a URI")
        display = unquote(quoted) if quoted else " ".join(words.split())
        return cls(uri, display, parse_params(tail.strip(BLANKS)))

    def __str__(self) -> str:
        name = f"{quote(self.display)} " if self.display else ""
        return f"{name}<{self.uri_text}>{write_params(self.params)}"

    def __repr__(self) -> str:
        return f"NameAddr({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NameAddr) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self.uri_text)


_PLAIN = re.compile(
    r"(?:\"([^\"\\]*)\"[ \t]*|([A-Za-z0-9\-._ ]*))<(sips?:[^<>\s\"\x00-\x20\x7f]+)>((?:;[^\"]*)?)"
)
_BRACKETED = re.compile(r"(?:(\"(?:[^\"\\]|\\.)*\")|([^<\"]*))[ \t]*<([^<>]*)>[ \t]*((?:;.*)?)", re.S)
