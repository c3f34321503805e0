"""Session descriptions: read, change what a switch must change, write back all else as it came (RFC 8866, RFC 3264)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from switch.sip.grammar import BadValue, number

MAX_SDP = 65_536
MAX_LINES = 2_000
MAX_MEDIA = 32
SENDRECV, SENDONLY, RECVONLY, INACTIVE = "sendrecv", "sendonly", "recvonly", "inactive"
DIRECTIONS = frozenset((SENDRECV, SENDONLY, RECVONLY, INACTIVE))
_REVERSED = {SENDRECV: SENDRECV, SENDONLY: RECVONLY, RECVONLY: SENDONLY, INACTIVE: INACTIVE}
_NOWHERE = frozenset(("0.0.0.0", "::"))  # noqa: S104 - not bound to: the old sign for "on hold"
_ICE = ("candidate:", "ice-", "end-of-candidates", "remote-candidates:")
_PLACE = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])|IP6 ", re.ASCII)
"""Something in an attribute that tells an address."""
_STANDARD = frozenset(
    (
        "rtpmap", "fmtp", "ptime", "maxptime", "rtcp", "rtcp-mux", "rtcp-fb", "rtcp-rsize", "sendrecv", "sendonly",
        "recvonly", "inactive", "crypto", "fingerprint", "setup", "mid", "ssrc", "ssrc-group", "msid", "label", "lang",
        "framerate", "imageattr", "extmap", "content", "silenceSupp", "rtcp-xr", "sctp-port", "max-message-size", "framesize",
        "tls-id",
    )
)  # fmt: skip
"""Attributes that mean something to the two ends of a stream (and those of T.38, which begin with "T38")."""
_ADDRESS = re.compile(r"[A-Za-z0-9.:\-_%]{1,255}")
_LINE = re.compile(r"[A-Za-z]=[^\r\n\x00]*")


class BadSdp(ValueError):
    """A body that is no usable session description; answer 400, or 488 when only the media cannot be used."""


@dataclass(frozen=True, slots=True)
class RtpMap:
    """What a payload type means: `a=rtpmap:8 PCMA/8000`."""

    payload: int
    encoding: str
    rate: int
    channels: str = ""


@dataclass(slots=True)
class Section:
    """Lines in order, as they came, without line ends. The session part, or one media part (whose first line is `m=`)."""

    lines: list[str]

    def first(self, prefix: str) -> str | None:
        """The rest of the first line that starts so."""
        return next((line[len(prefix) :] for line in self.lines if line.startswith(prefix)), None)

    def attributes(self, name: str) -> list[str]:
        """The values of `a=name:value` lines."""
        prefix = f"a={name}:"
        return [line[len(prefix) :] for line in self.lines if line.startswith(prefix)]

    def has(self, name: str) -> bool:
        """Whether the flag `a=name` is there."""
        return f"a={name}" in self.lines

    @property
    def own_direction(self) -> str | None:
        return next((line[2:] for line in self.lines if line[:2] == "a=" and line[2:] in DIRECTIONS), None)

    @property
    def own_address(self) -> str | None:
        """The address of this part's own c= line; without the TTL of multicast."""
        value = self.first("c=")
        return None if value is None else read_connection(value)

    def replace(self, prefix: str, line: str) -> bool:
        """Put `line` in the place of the first line that starts with `prefix`. False when there is none."""
        for place, old in enumerate(self.lines):
            if old.startswith(prefix):
                self.lines[place] = line
                return True
        return False

    def drop(self, *prefixes: str) -> None:
        self.lines = [line for line in self.lines if not line.startswith(prefixes)]

    def set_direction(self, direction: str) -> None:
        """One direction line, at the place of the old one or last."""
        line = f"a={direction}"
        places = [i for i, old in enumerate(self.lines) if old[:2] == "a=" and old[2:] in DIRECTIONS]
        if places:
            self.lines[places[0]] = line
            for place in reversed(places[1:]):
                del self.lines[place]
        else:
            self.lines.append(line)


class Media(Section):
    """One media part: a view on its lines."""

    __slots__ = ("session",)

    def __init__(self, lines: list[str], session: Section) -> None:
        super().__init__(lines)
        self.session = session

    def check(self) -> None:
        """Touch all that later readers touch, so that a hostile body is refused at once. BadSdp."""
        self.own_address, self.port, self.rtpmaps  # noqa: B018
        if self.port:
            self.address, self.rtcp_port  # noqa: B018

    def _fields(self) -> list[str]:
        fields = self.lines[0][2:].split()
        if len(fields) < 4:
            raise BadSdp("m= needs media, port, protocol and formats")
        return fields

    @property
    def kind(self) -> str:
        """ "audio", "video", "image"…"""
        return self._fields()[0].lower()

    @property
    def port(self) -> int:
        """0 means that the stream is refused or ended."""
        return _number(self._fields()[1].partition("/")[0], 65535, "port")

    @property
    def protocol(self) -> str:
        """As written: "RTP/AVP", "RTP/SAVPF"…"""
        return self._fields()[2]

    @property
    def formats(self) -> list[str]:
        """Payload types, in order of preference."""
        return self._fields()[3:]

    @property
    def rtpmaps(self) -> dict[int, RtpMap]:
        return {found.payload: found for found in map(_read_rtpmap, self.attributes("rtpmap"))}

    @property
    def address(self) -> str:
        """Where the peer wants the media: its own c= line, else the session's. BadSdp when there is none."""
        address = self.own_address or self.session.own_address
        if address is None:
            raise BadSdp("no c= line")
        return address

    @property
    def is_rtp(self) -> bool:
        """RTP of any profile; T.38 over UDPTL and data channels are not."""
        return "RTP" in self.protocol.upper()

    @property
    def is_datagrams(self) -> bool:
        """Whether the stream goes over UDP: what goes over TCP (MSRP, BFCP, T.38 over TCP) a relay of datagrams cannot carry."""
        return not self.protocol.upper().startswith(("TCP", "TLS"))

    @property
    def is_secure(self) -> bool:
        """SRTP (RFC 3711), or keys for it offered beside plain RTP (RFC 8643)."""
        protocol = self.protocol.upper()
        return "SAVP" in protocol or bool(self.attributes("crypto")) or self.fingerprint is not None

    @property
    def fingerprint(self) -> str | None:
        """Of the certificate for DTLS, of the stream or of the session."""
        own = self.first("a=fingerprint:")
        return own if own is not None else self.session.first("a=fingerprint:")

    @property
    def rtcp_port(self) -> int:
        """From a=rtcp (RFC 3605), else the next port; the same port with a=rtcp-mux."""
        if self.has("rtcp-mux"):
            return self.port
        for value in self.attributes("rtcp"):
            return _number(value.split(" ", 1)[0], 65535, "RTCP port")
        return min(self.port + 1, 65535)

    @property
    def direction(self) -> str:
        return self.own_direction or self.session.own_direction or SENDRECV

    @property
    def held(self) -> bool:
        """The peer put us on hold: it does not want to hear us (RFC 3264 §8.4; 0.0.0.0 is the way of RFC 2543)."""
        return self.direction in {SENDONLY, INACTIVE} or self.address in _NOWHERE

    def set_port(self, port: int) -> None:
        fields = self._fields()
        self.lines[0] = "m=" + " ".join([fields[0], str(port), *fields[2:]])

    def set_formats(self, formats: list[str]) -> None:
        """Keep these payload types, and no rtpmap, fmtp or rtcp-fb of others."""
        if not formats:
            raise BadSdp("a stream needs a format")
        dropped = set(self.formats) - set(formats)
        self.lines[0] = "m=" + " ".join([*self._fields()[:3], *formats])
        kept = self.lines[:1]
        for line in self.lines[1:]:
            name, _, value = line.partition(":")
            if name in {"a=rtpmap", "a=fmtp", "a=rtcp-fb"} and value.split(" ", 1)[0] in dropped:
                continue
            kept.append(line)
        self.lines = kept

    def add_format(self, payload: str, *lines: str) -> None:
        """One more payload type, the last, with its attributes."""
        self.lines[0] += f" {payload}"
        self.lines.extend(f"a={line}" for line in lines)

    def move(self, address: str, port: int, rtcp_port: int | None = None) -> None:
        """Let the media go to a relay: c= of this part (when it has one), m= and a=rtcp. A refused stream stays refused, port 0 refuses it."""
        if self.own_address is not None and self.own_address not in _NOWHERE:
            self.replace("c=", f"c={_network(address)}")
        if self.port == 0:
            return
        # With a=rtcp-mux this line is where RTCP goes if the other end does not want it (RFC 5761 §5.1.1).
        beside = self.attributes("rtcp")
        if beside and rtcp_port is None:
            same = beside[0].split(" ", 1)[0] == str(self.port)
            rtcp_port = port if same else port + 1
        self.set_port(port)
        if beside:
            self.replace("a=rtcp:", f"a=rtcp:{rtcp_port}")

    def correct(self, address: str) -> None:
        """Name another address for this stream, its ports stay: the one that the party is reached at from outside (RFC 3605 §2.1)."""
        if not self.replace("c=", f"c={_network(address)}"):
            self.lines.insert(1, f"c={_network(address)}")
        if beside := self.attributes("rtcp"):
            self.replace("a=rtcp:", f"a=rtcp:{beside[0].split(' ', 1)[0]}")

    def refuse(self) -> None:
        """Answer this stream with port 0 (RFC 3264 §6)."""
        self.set_port(0)


class Sdp:
    """A session description. Lines that are not understood are kept; `encode` of an unchanged one gives the same lines."""

    __slots__ = ("media", "session")

    def __init__(self, session: Section, media: list[Media]) -> None:
        self.session = session
        self.media = media

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a body. BadSdp and nothing else, when it is too long, no SDP, or has a malformed m= or c= line."""
        if len(body) > MAX_SDP:
            raise BadSdp("too long")
        text = body.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        lines = text.rstrip("\n").split("\n")
        if len(lines) > MAX_LINES:
            raise BadSdp("too many lines")
        if lines[0] != "v=0":
            raise BadSdp("does not begin with v=0")
        if not all(_LINE.fullmatch(line) for line in lines):
            raise BadSdp("a line that is no letter, equals sign and text")
        sdp = cls._cut(lines)
        sdp.session.own_address  # noqa: B018
        for media in sdp.media:
            media.check()
        return sdp

    @classmethod
    def _cut(cls, lines: list[str]) -> Self:
        starts = [i for i, line in enumerate(lines) if line.startswith("m=")]
        if len(starts) > MAX_MEDIA:
            raise BadSdp("too many streams")
        session = Section(lines[: starts[0]] if starts else lines)
        ends = [*starts[1:], len(lines)] if starts else []
        return cls(session, [Media(lines[a:b], session) for a, b in zip(starts, ends, strict=True)])

    def encode(self) -> bytes:
        parts: Iterator[Section] = iter([self.session, *self.media])
        return "".join(f"{line}\r\n" for part in parts for line in part.lines).encode(
            "utf-8", "surrogateescape"
        )

    @property
    def audio(self) -> Media | None:
        """The first audio stream that is not refused."""
        return next((m for m in self.media if m.kind == "audio" and m.port), None)

    @property
    def held(self) -> bool:
        """Every stream that is not refused is on hold."""
        running = [m for m in self.media if m.port]
        return bool(running) and all(m.held for m in running)

    def move_session(self, address: str) -> None:
        """The session's own c= and the address in o= become the relay's; 0.0.0.0 stays, for it means hold."""
        if self.session.own_address is not None and self.session.own_address not in _NOWHERE:
            self.session.replace("c=", f"c={_network(address)}")
        origin = (self.session.first("o=") or "").split()
        if len(origin) == 6:
            self.session.replace("o=", "o=" + " ".join([*origin[:3], _network(address)]))

    def relay(self, address: str, ports: list[int]) -> None:
        """All media over a relay: one port per stream in order (0 refuses it), RTCP on the next one.

        ICE goes, it would lead past the relay, and so does BUNDLE: each stream has ports of its own here.
        """
        if len(ports) != len(self.media):
            raise ValueError("one port per stream is needed")
        self.move_session(address)
        for media, port in zip(self.media, ports, strict=True):
            media.move(address, port)
        self.strip_ice()
        self.session.drop("a=group:BUNDLE")
        for media in self.media:
            media.drop("a=bundle-only")

    def hide(self, *, unknown: bool = False) -> None:
        """Drop attributes that tell an address, keys in the clear, contacts of people; with `unknown` all that have no known meaning."""
        self.session.drop("e=", "p=", "u=", "k=")
        for part in (self.session, *self.media):
            part.drop("k=")
            part.lines = [line for line in part.lines if not _tells(line, unknown)]

    def strip_ice(self) -> None:
        prefixes = tuple(f"a={name}" for name in _ICE)
        for part in (self.session, *self.media):
            part.drop(*prefixes)

    def set_origin(self, user: str, session_id: int, version: int, address: str) -> None:
        """Our own o= line: a back-to-back user agent that changes the far side must not change its identity (RFC 3264 §8)."""
        self.session.replace("o=", f"o={user} {session_id} {version} {_network(address)}")


def _tells(line: str, unknown: bool) -> bool:
    if not line.startswith("a=") or line.startswith("a=rtcp:"):
        return False
    name = line[2:].partition(":")[0]
    return _PLACE.search(line) is not None or (
        unknown and name not in _STANDARD and not name.startswith(("T38", "group"))
    )


def answer_direction(offered: str, wanted: str = SENDRECV) -> str:
    """The direction of an answer: what we want, as far as the offer allows it (RFC 3264 §6.1)."""
    allowed = _REVERSED[offered]
    send = allowed in {SENDRECV, SENDONLY} and wanted in {SENDRECV, SENDONLY}
    receive = allowed in {SENDRECV, RECVONLY} and wanted in {SENDRECV, RECVONLY}
    return {
        (True, True): SENDRECV,
        (True, False): SENDONLY,
        (False, True): RECVONLY,
        (False, False): INACTIVE,
    }[send, receive]


def read_connection(value: str) -> str:
    """The address of `IN IP4 192.0.2.1/127`."""
    fields = value.split()
    if len(fields) != 3 or fields[0].upper() != "IN" or fields[1].upper() not in {"IP4", "IP6"}:
        raise BadSdp("malformed c= line")
    address = fields[2].partition("/")[0]
    if _ADDRESS.fullmatch(address) is None:
        raise BadSdp("malformed address in c=")
    return address


def _network(address: str) -> str:
    return f"IN {'IP6' if ':' in address else 'IP4'} {address}"


def _number(text: str, limit: int, what: str) -> int:
    try:
        return number(text, limit)
    except BadValue as error:
        raise BadSdp(f"malformed {what}: {error}") from error


def _read_rtpmap(value: str) -> RtpMap:
    payload, _, rest = value.partition(" ")
    encoding, slash, rate = rest.strip().partition("/")
    rate, _, channels = rate.partition("/")
    if not slash or not encoding:
        raise BadSdp("malformed rtpmap")
    return RtpMap(
        _number(payload, 127, "payload type"), encoding, _number(rate, 10_000_000, "clock rate"), channels
    )
