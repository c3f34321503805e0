"""A scripted SIP peer on a real UDP socket, and a real worker process with a world of its own."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from switch.call.board import bracketed
from switch.sip.digest import MD5, SHA256, authorize, choose, make_ha1
from switch.sip.message import Request, Response, parse, response_to
from switch.sip.stream import Framer
from switch.sip.uri import Uri
from tests.support import free_port, free_ports, wait_for
from tests.websocket import TEXT, frame, unframe, upgrade

WAIT = 8.0
REALM = "mizu"
_numbers = itertools.count(1)

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8 0\r\n"
    b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)


def sdp(port: int = 40000, *, direction: str = "sendrecv") -> bytes:
    return (SDP % port).replace(b"sendrecv", direction.encode())


class Peer:
    """One user agent: says what it is told to, and fails the test when something else comes than it expects."""

    transport = "UDP"

    def __init__(self, switch: int, user: str = "peer", *, port: int = 0, host: str = "127.0.0.1") -> None:
        six = ":" in host
        self.switch = ("::1" if six else "127.0.0.1", switch)
        self.user = user
        self.sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.host = host
        self.port: int = self.sock.getsockname()[1]
        self.heard: list[Request | Response] = []
        self.contact = f"<sip:{user}@{bracketed(host)}:{self.port}>"
        self.source: dict[int, tuple[str, int]] = {}

    def close(self) -> None:
        self.sock.close()

    def now(self) -> float:
        """The time that this peer waits by."""
        return time.monotonic()

    # --- out ---

    def via(self) -> str:
        return f"SIP/2.0/{self.transport} {bracketed(self.host)}:{self.port};rport;branch=z9hG4bK{next(_numbers)}x{self.port}"

    def request(
        self,
        method: str,
        uri: str,
        *,
        call_id: str = "",
        to: str = "",
        from_: str = "",
        cseq: int = 1,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
        hops: int = 70,
    ) -> Request:
        content = (("Content-Type", "application/sdp"),) if body else ()
        return Request(
            method,
            uri,
            [
                ("Via", self.via()),
                ("Max-Forwards", str(hops)),
                ("From", from_ or f"<sip:{self.user}@127.0.0.1>;tag=t{next(_numbers)}"),
                ("To", to or f"<{uri}>"),
                ("Call-ID", call_id or f"call{next(_numbers)}-{self.port}@127.0.0.1"),
                ("CSeq", f"{cseq} {method}"),
                ("Contact", self.contact),
                *content,
                *headers,
            ],
            body,
        )

    def invite(self, called: str, **fields: Any) -> Request:
        fields.setdefault("body", sdp())
        return self.request("INVITE", f"sip:{called}@127.0.0.1:{self.switch[1]}", **fields)

    def send(self, message: Request | Response | bytes, to: tuple[str, int] | None = None) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        if to is None and isinstance(message, Response):
            via = message.via
            to = (via.host.strip("[]"), int(via.params.get("rport") or via.port or 5060))
        self.sock.sendto(data, to or self.switch)

    def answer(
        self, request: Request, status: int, *, body: bytes = b"", tag: str = "", headers: Any = ()
    ) -> Response:
        response = response_to(request, status, None, (tag or f"a{self.port}") if status > 100 else None)
        response.headers.append(("Contact", self.contact))
        if body:
            response.headers.append(("Content-Type", "application/sdp"))
        response.headers.extend(headers)
        response.body = body
        self.send(response)
        return response

    def ack(self, invite: Request, response: Response, *, body: bytes = b"") -> None:
        """The ACK: of a 2xx to its Contact, of a failure on the way of the INVITE."""
        contact = response.contact
        made = self.request(
            "ACK",
            contact.uri_text if contact and response.status < 300 else invite.uri,
            call_id=invite.call_id,
            to=response.get("To") or "",
            from_=invite.get("From") or "",
            cseq=invite.cseq.number,
            body=body,
        )
        if response.status >= 300:
            made.set("Via", invite.get("Via") or "")
            self.send(made)
        else:
            self.send(made, _place(made.uri))

    def within(
        self,
        method: str,
        invite: Request,
        response: Response,
        *,
        cseq: int = 2,
        body: bytes = b"",
        headers: Any = (),
    ) -> Request:
        """The next request of the caller in its dialog."""
        contact = response.contact
        assert contact is not None
        made = self.request(
            method,
            contact.uri_text,
            call_id=invite.call_id,
            to=response.get("To") or "",
            from_=invite.get("From") or "",
            cseq=cseq,
            body=body,
            headers=headers,
        )
        self.send(made, _place(made.uri))
        return made

    def back(
        self,
        method: str,
        invite: Request,
        answer: Response,
        *,
        cseq: int = 1,
        body: bytes = b"",
        headers: Any = (),
    ) -> Request:
        """The next request of the called in its dialog."""
        contact = invite.contact
        assert contact is not None
        made = self.request(
            method,
            contact.uri_text,
            call_id=invite.call_id,
            to=invite.get("From") or "",
            from_=answer.get("To") or "",
            cseq=cseq,
            body=body,
            headers=headers,
        )
        self.send(made, _place(made.uri))
        return made

    def cancel(self, invite: Request) -> None:
        kept = [h for h in invite.headers if h[0] in {"Via", "From", "To", "Call-ID", "Max-Forwards"}]
        self.send(Request("CANCEL", invite.uri, [*kept, ("CSeq", f"{invite.cseq.number} CANCEL")]))

    # --- in ---

    def receive(self, seconds: float = WAIT) -> Request | Response:
        self.sock.settimeout(max(0.001, seconds))
        data, source = self.sock.recvfrom(65536)
        message = parse(data)
        self.heard.append(message)
        self.source[id(message)] = source
        return message

    def _next(self, wanted: Any, what: str, seconds: float) -> Any:
        deadline = self.now() + seconds
        skipped = []
        while True:
            try:
                message = self.receive(deadline - self.now())
            except TimeoutError:
                raise AssertionError(f"{self.user} waited {seconds} s for {what}; came: {skipped}") from None
            if wanted(message):
                return message
            skipped.append(message)

    def asked(self, method: str, seconds: float = WAIT) -> Request:
        """The next request of this method."""
        found: Request = self._next(lambda m: isinstance(m, Request) and m.method == method, method, seconds)
        return found

    def told(self, status: int, method: str = "", seconds: float = WAIT) -> Response:
        """The next response of this status."""
        found: Response = self._next(
            lambda m: isinstance(m, Response) and m.status == status and method in ("", m.cseq.method),
            str(status),
            seconds,
        )
        return found

    def silent(self, seconds: float = 0.4) -> None:
        """Nobody asks for anything; answers to what was asked before do not count."""
        deadline = self.now() + seconds
        while True:
            try:
                message = self.receive(deadline - self.now())
            except TimeoutError:
                return
            if isinstance(message, Request):
                raise AssertionError(f"{self.user} heard {message} and expected nothing")

    # --- together ---

    def register(self, password: str, **fields: Any) -> Response:
        """REGISTER with digest; the final response."""
        self._prove(password, **fields)
        final: Response = self._next(lambda m: isinstance(m, Response) and m.status != 401, "an answer", WAIT)
        return final

    def refused(self, password: str, **fields: Any) -> None:
        """REGISTER with a digest that is wrong: the password is asked for again."""
        sent = self._prove(password, **fields)
        answer = self._next(lambda m: (m.call_id, m.cseq) == (sent.call_id, sent.cseq), "an answer", WAIT)
        assert answer.status == 401, answer

    def _prove(self, password: str, *, expires: int = 300, algorithm: str = SHA256, **fields: Any) -> Request:
        """REGISTER, and once more with what the challenge asks for; the second."""
        uri = f"sip:127.0.0.1:{self.switch[1]}"
        to = f"<sip:{self.user}@127.0.0.1>"
        first = self.request("REGISTER", uri, to=to, from_=f"{to};tag=r{next(_numbers)}", **fields)
        first.headers.append(("Expires", str(expires)))
        self.send(first)
        challenge = self.told(401)
        again = Request("REGISTER", uri, list(first.headers))
        again.set("Via", self.via())
        again.set("CSeq", f"{first.cseq.number + 1} REGISTER")
        again.headers.append(("Authorization", self.proof(challenge, "REGISTER", uri, password, algorithm)))
        self.send(again)
        return again

    def proof(
        self, challenge: Response, method: str, uri: str, password: str, algorithm: str = SHA256, nc: int = 1
    ) -> str:
        name = "WWW-Authenticate" if challenge.status == 401 else "Proxy-Authenticate"
        asked = choose(v for v in challenge.all(name) if f"algorithm={algorithm}" in v)
        assert asked is not None
        name = unquote(self.user)  # which URIs may have to escape
        ha1 = make_ha1(name, REALM, password, algorithm)
        return authorize(asked, method=method, uri=uri, username=name, ha1=ha1, nc=nc)


class TcpPeer(Peer):
    """The same on one TCP connection: to the switch, or (`listening`) the one that the switch opens."""

    transport = "TCP"

    def __init__(self, switch: int, user: str = "peer", *, port: int = 0, listening: bool = False) -> None:
        self.switch = ("127.0.0.1", switch)
        self.user, self.host = user, "127.0.0.1"
        self.heard, self.source = [], {}
        self.door: socket.socket | None = None
        self.ready: list[bytes] = []
        self.framer = Framer()
        if listening:
            self.door = socket.create_server(("127.0.0.1", port))
            self.port = self.door.getsockname()[1]
        else:
            self.connect()
        self.contact = f"<sip:{user}@127.0.0.1:{self.port};transport=tcp>"

    def connect(self) -> None:
        """A (new) connection to the switch."""
        self.framer = Framer()
        self.sock = socket.create_connection(self.switch)
        self.port = self.sock.getsockname()[1]

    def accept(self, seconds: float = WAIT) -> None:
        """The next connection that the switch opens."""
        assert self.door is not None
        self.door.settimeout(seconds)
        self.framer = Framer()
        self.sock, _ = self.door.accept()

    def close(self) -> None:
        if hasattr(self, "sock"):
            self.sock.close()
        if self.door is not None:
            self.door.close()

    def send(self, message: Request | Response | bytes, to: tuple[str, int] | None = None) -> None:
        self.sock.sendall(message if isinstance(message, bytes) else message.encode())

    def receive(self, seconds: float = WAIT) -> Request | Response:
        self.sock.settimeout(max(0.001, seconds))
        while not self.ready:
            data = self.sock.recv(65536)
            assert data, f"the switch closed the connection of {self.user}"
            self.ready += self.framer.feed(data)
        message = parse(self.ready.pop(0))
        self.heard.append(message)
        return message


class TlsPeer(TcpPeer):
    """The same over TLS: `context` says whom it believes, and what it shows."""

    transport = "TLS"

    def __init__(self, switch: int, user: str, context: ssl.SSLContext, **where: Any) -> None:
        self.context = context
        super().__init__(switch, user, **where)
        self.contact = f"<sip:{user}@127.0.0.1:{self.port};transport=tls>"

    def connect(self) -> None:
        self.framer = Framer()
        plain = socket.create_connection(self.switch)
        self.port = plain.getsockname()[1]
        self.sock = self.context.wrap_socket(plain, server_hostname="sip.example.net")

    def accept(self, seconds: float = WAIT) -> None:
        assert self.door is not None
        self.door.settimeout(seconds)
        self.framer = Framer()
        plain, _ = self.door.accept()
        plain.settimeout(seconds)
        self.sock = self.context.wrap_socket(plain, server_side=True)


class WsPeer(TcpPeer):
    """A page's user agent (RFC 7118): text frames, and a Contact that nobody can resolve."""

    transport = "WS"

    def __init__(self, switch: int, user: str, origin: str = "https://phone.example.com") -> None:
        self.origin = origin
        super().__init__(switch, user)
        self.contact = f"<sip:{user}@df7jal23ls0d.invalid;transport=ws>"

    def via(self) -> str:
        return f"SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK{next(_numbers)}w{self.port}"

    def connect(self) -> None:
        super().connect()
        self.sock.sendall(upgrade(origin=self.origin))
        self.sock.settimeout(WAIT)
        answer = self.sock.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101"), answer

    def send(self, message: Request | Response | bytes, to: tuple[str, int] | None = None) -> None:
        self.sock.sendall(frame(message if isinstance(message, bytes) else message.encode()))

    def receive(self, seconds: float = WAIT) -> Request | Response:
        self.sock.settimeout(max(0.001, seconds))
        while not self.ready:
            data = self.sock.recv(65536)
            assert data, f"the switch closed the connection of {self.user}"
            self.ready += [payload for kind, payload in unframe(data) if kind == TEXT]
        message = parse(self.ready.pop(0))
        self.heard.append(message)
        return message


def _place(uri: str) -> tuple[str, int]:
    place = Uri.parse(uri)
    return place.address, place.port or 5060


def credential(username: str, password: str, account: int) -> list[Any]:
    """A row as `apps.users.snapshot.credentials` gives it."""
    return [
        username,
        account,
        REALM,
        make_ha1(username, REALM, password, MD5),
        make_ha1(username, REALM, password, SHA256),
    ]


class Switch:
    """A worker process, or several that share a port, with a directory of its own."""

    def __init__(
        self, var: Path, database: str, redis_url: str = "", *, workers: int = 1, **extra: str
    ) -> None:
        self.var = var
        self.port = free_port()
        self.own_port = free_ports(workers)
        self.tls_port, self.ws_port = free_port(), free_port()
        self.workers = workers
        rtp = free_ports(200)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("MIZU_")} | {
            "MIZU_VAR": str(var),
            "MIZU_SIP_BIND": "127.0.0.1",
            "MIZU_SIP_PORT": str(self.port),
            "MIZU_SIP_WORKER_PORTS": str(self.own_port),
            "MIZU_SIP_TLS_PORT": str(self.tls_port),
            "MIZU_SIP_WS_PORT": str(self.ws_port),
            "MIZU_SWITCH_WORKERS": str(workers),
            "MIZU_RTP_PORTS": f"{rtp}-{rtp + 199}",
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            **extra,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.others: list[subprocess.Popen[bytes]] = []
        self.log_path = var / "worker.log"

    def start(self, *, bank: bool = True) -> None:
        made = [self._worker(number) for number in range(1, self.workers + 1)]
        self.process, *self.others = made
        ready = [self.var / "run" / f"worker-{number}.ready" for number in range(1, self.workers + 1)]
        wait_for(
            lambda: all(one.exists() for one in ready) or any(one.poll() is not None for one in made),
            20,
            "the workers",
        )
        assert all(one.poll() is None for one in made), self.log()
        if not bank:
            return
        try:
            wait_for(lambda: self.log().count("Balances can be asked for") >= self.workers, 5, "the bank")
        except AssertionError as error:
            raise AssertionError(self.log()) from error

    def _worker(self, number: int) -> subprocess.Popen[bytes]:
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "switch", "worker", str(number)],
                env=self.env,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> int:
        """SIGTERM; the worst exit code."""
        assert self.process is not None
        processes = [self.process, *self.others]
        for one in processes:
            one.send_signal(signal.SIGTERM)
        return max(one.wait(15) for one in processes)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """Everything in the journal but signs of life, in order."""
        found = []
        for path in sorted((self.var / "spool").glob("*/*.log")):
            found += [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1] if line]
        return [line for line in found if line["k"] != "alive"]

    def records(self, sip_call_id: str) -> list[dict[str, Any]]:
        """The merged records of a caller's Call-ID that have ended."""
        ups: dict[str, dict[str, Any]] = {}
        for line in self.lines():
            if line["k"] == "up":
                ups.setdefault(line["id"], {}).update(line)
        ends = [line for line in self.lines() if line["k"] == "end"]
        merged = [{**ups.get(line["id"], {}), **line} for line in ends]
        return [one for one in merged if one.get("sip_call_id") == sip_call_id]

    def record(self, invite: Request) -> dict[str, Any]:
        """The one record of an INVITE."""
        found = wait_for(lambda: self.records(invite.call_id), 5, "the record")
        assert len(found) == 1, found
        return found[0]
