"""SIP by hand, over plain sockets: peers that do what no decent phone or carrier would do.

Nothing of the switch is used here, so that its own mistakes are not repeated by who looks for them.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import select
import socket
import time
from dataclasses import dataclass, field
from typing import Self

_numbers = itertools.count(1)
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6200 RTP/AVP 8\r\n"
Headers = dict[str, str]


def unique(word: str) -> str:
    """A new tag, branch or Call-ID."""
    return f"{word}{next(_numbers)}x{time.monotonic_ns():x}"


@dataclass(frozen=True, slots=True)
class Sip:
    """A message as text."""

    text: str

    @property
    def first(self) -> str:
        return self.text.split("\r\n", 1)[0]

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of a request its own, of a response that of its CSeq."""
        return self["CSeq"].split()[1]

    def all(self, name: str) -> list[str]:
        head = self.text.split("\r\n\r\n", 1)[0]
        return re.findall(rf"^{name}[ \t]*:[ \t]*(.*?)\r?$", head, re.IGNORECASE | re.MULTILINE)

    def __getitem__(self, name: str) -> str:
        found = self.all(name)
        assert found, f"no {name} in {self.text}"
        return found[0]

    @property
    def target(self) -> str:
        """The URI of its Contact."""
        return self["Contact"].partition("<")[2].partition(">")[0]


def request(method: str, uri: str, headers: Headers, body: str = "", type_: str = "application/sdp") -> str:
    """A request with these headers, Max-Forwards, and the length of its body."""
    lines = [f"{method} {uri} SIP/2.0", *(f"{name}: {value}" for name, value in headers.items())]
    if "Max-Forwards" not in headers:
        lines.append("Max-Forwards: 70")
    if body:
        lines.append(f"Content-Type: {type_}")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


class Peer:
    """A UDP socket of 127.0.0.1 that talks to the switch at `server`."""

    def __init__(self, server: int, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.server = ("127.0.0.1", server)
        self.heard: list[Sip] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    @property
    def via(self) -> str:
        return f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{unique('b')}"

    def send(self, data: str | bytes, to: tuple[str, int] | None = None, times: int = 1) -> None:
        raw = data if isinstance(data, bytes) else data.encode()
        for _ in range(times):
            self.socket.sendto(raw, to or self.server)

    def listen(self, seconds: float) -> Sip | None:
        """The next message, or None."""
        if not select.select([self.socket], [], [], max(0.0, seconds))[0]:
            return None
        message = Sip(self.socket.recv(1 << 16).decode(errors="replace"))
        self.heard.append(message)
        return message

    def wait(self, method: str = "", status: int = 0, call: str = "", seconds: float = 5) -> Sip:
        """The next message of that kind (a request if no status is given); others are only noted."""
        deadline = time.monotonic() + seconds
        while message := self.listen(deadline - time.monotonic()):
            wanted = message.status == status and message.method == (method or message.method)
            if wanted and call in {"", message["Call-ID"]}:
                return message
        seen = [one.first for one in self.heard]
        raise AssertionError(
            f"no {method} {status or 'request'} came within {seconds} s; of {len(seen)} messages the last: {seen[-20:]}"
        )

    def quiet(self, seconds: float) -> list[Sip]:
        """Everything that comes within so many seconds."""
        found, deadline = [], time.monotonic() + seconds
        while message := self.listen(deadline - time.monotonic()):
            found.append(message)
        return found

    def reply(self, asked: Sip, status: int, *, tag: str = "called", body: str = "", times: int = 1) -> None:
        """Answer a request that came, to where its top Via says."""
        lines = [f"SIP/2.0 {status} Because", *(f"Via: {via}" for via in asked.all("Via"))]
        to = asked["To"] if "tag=" in asked["To"] else f"{asked['To']};tag={tag}"
        lines += [f"From: {asked['From']}", f"To: {to}", f"Call-ID: {asked['Call-ID']}"]
        lines += [f"CSeq: {asked['CSeq']}", f"Contact: <sip:carrier@127.0.0.1:{self.port}>"]
        if body:
            lines.append("Content-Type: application/sdp")
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        host, port = asked["Via"].split()[1].partition(";")[0].split(":")
        self.send(text, (host, int(port)), times)


@dataclass(slots=True)
class Dialling:
    """A call that a peer makes, message by message."""

    peer: Peer
    number: str
    call: str = field(default_factory=lambda: unique("call"))
    tag: str = field(default_factory=lambda: unique("tag"))
    via: str = ""
    answer: Sip | None = None

    def __post_init__(self) -> None:
        self.via = self.via or self.peer.via

    @property
    def uri(self) -> str:
        return f"sip:{self.number}@127.0.0.1:{self.peer.server[1]}"

    def headers(self, method: str, *, via: str = "", to: str = "") -> Headers:
        return {
            "Via": via or self.via,
            "From": f"<sip:442079461111@127.0.0.1>;tag={self.tag}",
            "To": to or f"<{self.uri}>",
            "Call-ID": self.call,
            "CSeq": f"{2 if method == 'BYE' else 1} {method}",
            "Contact": f"<sip:caller@127.0.0.1:{self.peer.port}>",
        }

    def invite(self, **more: str) -> str:
        return request("INVITE", self.uri, self.headers("INVITE") | more, SDP)

    def cancel(self) -> str:
        return request("CANCEL", self.uri, self.headers("CANCEL"))

    def refusal_ack(self, refusal: Sip) -> str:
        """The ACK to an answer other than 2xx."""
        return request("ACK", self.uri, self.headers("ACK", to=refusal["To"]))

    def ack(self, answer: Sip) -> str:
        self.answer = answer
        return request("ACK", answer.target, self.headers("ACK", via=self.peer.via, to=answer["To"]))

    def bye(self) -> str:
        assert self.answer is not None
        headers = self.headers("BYE", via=self.peer.via, to=self.answer["To"])
        return request("BYE", self.answer.target, headers)

    def hang_up(self) -> None:
        self.to_dialog(self.bye())
        self.peer.wait("BYE", 200, self.call)

    def to_dialog(self, text: str, times: int = 1) -> None:
        """Send where the answer's Contact says."""
        assert self.answer is not None
        host, port = self.answer.target.rpartition("@")[2].partition(";")[0].split(":")
        self.peer.send(text, (host, int(port)), times)


def whole_call(caller: Peer, carrier: Peer, number: str) -> None:
    """A call as it should be, from INVITE to BYE."""
    dialling = Dialling(caller, number)
    caller.send(dialling.invite())
    asked = carrier.wait("INVITE")
    carrier.reply(asked, 180)
    carrier.reply(asked, 200, body=SDP)
    answer = caller.wait("INVITE", 200, dialling.call)
    dialling.ack(answer)
    dialling.to_dialog(dialling.ack(answer))
    carrier.wait("ACK")
    dialling.to_dialog(dialling.bye())
    carrier.reply(carrier.wait("BYE"), 200)
    caller.wait("BYE", 200, dialling.call)


def digest(challenge: str, method: str, uri: str, username: str, password: str) -> str:
    """The Authorization that answers a challenge by MD5 (RFC 7616 §3.4)."""
    realm, nonce = (_quoted(challenge, name) for name in ("realm", "nonce"))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    middle = f"{nonce}:00000001:abc:auth"
    proof = md5(f"{md5(f'{username}:{realm}:{password}')}:{middle}:{md5(f'{method}:{uri}')}")
    return (
        f'Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{proof}", '
        'algorithm=MD5, qop=auth, cnonce="abc", nc=00000001'
    )


def _quoted(challenge: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', challenge)
    assert found, challenge
    return found.group(1)


class Phone(Peer):
    """A subscriber's phone."""

    def __init__(self, server: int, username: str, password: str) -> None:
        super().__init__(server)
        self.username, self.password = username, password
        self.call, self.sequence = unique("reg"), itertools.count(1)

    def register(self, authorization: str = "", expires: int = 300) -> str:
        """A REGISTER."""
        aor = f"sip:{self.username}@127.0.0.1"
        headers = {
            "Via": self.via,
            "From": f"<{aor}>;tag={unique('t')}",
            "To": f"<{aor}>",
            "Call-ID": self.call,
            "CSeq": f"{next(self.sequence)} REGISTER",
            "Contact": f"<sip:{self.username}@127.0.0.1:{self.port}>",
            "Expires": str(expires),
        } | ({"Authorization": authorization} if authorization else {})
        return request("REGISTER", "sip:127.0.0.1", headers)

    def challenge(self) -> str:
        """The MD5 challenge that the switch sends."""
        self.send(self.register())
        refusal = self.wait("REGISTER", 401)
        return next(one for one in refusal.all("WWW-Authenticate") if "MD5" in one.replace("SHA-256", ""))

    def proof(self, challenge: str) -> str:
        return digest(challenge, "REGISTER", "sip:127.0.0.1", self.username, self.password)

    def log_on(self) -> None:
        """Register as it should be."""
        self.send(self.register(self.proof(self.challenge())))
        self.wait("REGISTER", 200)
