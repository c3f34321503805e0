"""SIP over WebSocket (RFC 7118): the codec alone, then browsers' connections on real sockets."""

from __future__ import annotations

import base64
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.net import Reason, TlsFiles
from switch.net.codec import PING, PONG, BadFrames
from switch.net.websocket import LONGEST_UPGRADE, MOST_FRAGMENTS, WebSocket, allows
from tests.certificates import Authority
from tests.support import free_port
from tests.switch.loop import Loop
from tests.switch.net.conftest import Start, Worker
from tests.switch.net.test_tls import believing, call
from tests.websocket import BINARY, CLOSE, PING_FRAME, PONG_FRAME, TEXT, frame, unframe, upgrade

REGISTER = b"REGISTER sip:example.net SIP/2.0\r\n\r\n"


def opened(**options: Any) -> WebSocket:
    codec = WebSocket(**{"longest": 1000} | options)
    assert codec.feed(upgrade()) == []
    assert codec.replies().startswith(b"HTTP/1.1 101 ")
    return codec


# -- the codec


def test_the_upgrade_chooses_sip_and_proves_that_it_was_understood() -> None:
    codec = WebSocket(longest=1000)
    request = upgrade(protocol="chat, sip").replace(b"GET / ", b"GET /ws?x=1 ")
    key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    for byte in request[:-1]:
        assert codec.feed(bytes([byte])) == [] and not codec.open and codec.waiting
    codec.feed(request[-1:])
    import hashlib

    proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    answer = codec.replies().lower()
    assert (
        b"sec-websocket-accept: " + proof.lower() in answer and b"sec-websocket-protocol: sip\r\n" in answer
    )
    assert codec.open and not codec.waiting


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (upgrade(protocol=""), b"400"),
        (upgrade(protocol="chat"), b"400"),
        (upgrade(origin="https://evil.example"), b"403"),
        (upgrade(origin="null"), b"403"),
        (upgrade().replace(b"GET", b"POST"), b"400"),
        (upgrade().replace(b"Version: 13", b"Version: 8"), b"426"),
        (upgrade().replace(b"Upgrade: websocket\r\n", b""), b"400"),
        (upgrade().replace(b"Host: sip.example.net", b"Host: \xff\xfe"), b""),
        (b"REGISTER sip:example.net SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\xff" * 10 + b"\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * LONGEST_UPGRADE, b""),
    ],
)
def test_who_does_not_ask_properly_is_refused(request_: bytes, status: bytes) -> None:
    codec = WebSocket(longest=1000, origins=frozenset({"https://phone.example.com"}))
    with pytest.raises(BadFrames) as refusal:
        codec.feed(request_)
    assert refusal.value.answer.split(b" ")[1:2] == ([status] if status else [])
    assert not codec.open and not codec.replies()


@pytest.mark.parametrize(
    ("allowed", "origin", "good"),
    [
        ([], "https://anybody.example", True),
        (["https://phone.example.com"], "https://phone.example.com", True),
        (["https://phone.example.com"], "HTTPS://Phone.Example.com", True),
        (["https://phone.example.com"], "http://phone.example.com", False),
        (["https://phone.example.com"], "https://phone.example.com:8443", False),
        (["phone.example.com"], "https://phone.example.com:8443", True),
        (["*.example.com"], "https://a.b.example.com", True),
        (["*.example.com"], "https://example.com", False),
        (["*.example.com"], "https://evilexample.com", False),
        (["*.0.0.1"], "http://127.0.0.1", False),
        (["phone.example.com"], "null", False),
        (["phone.example.com"], None, True),
    ],
)
def test_the_origin_decides_which_pages_may_connect(
    allowed: list[str], origin: str | None, good: bool
) -> None:
    assert allows(allowed, origin) is good


@given(st.binary(min_size=1, max_size=600), st.integers(1, 50), st.integers(1, 97))
def test_a_message_comes_out_whole_however_it_was_cut(message: bytes, piece: int, step: int) -> None:
    codec = opened()
    parts = [message[place : place + piece] for place in range(0, len(message), piece)]
    wire = b"".join(
        frame(part, BINARY if not place else 0, last=place == len(parts) - 1)
        for place, part in enumerate(parts)
    )
    got = [one for place in range(0, len(wire), step) for one in codec.feed(wire[place : place + step])]
    empty = not message.strip(b"\r\n") and message != PING
    assert got == ([] if empty else [message])
    assert not codec.waiting


@pytest.mark.parametrize(
    "wire",
    [
        frame(b"x" * 1001),
        frame(b"x" * 600, last=False) + frame(b"x" * 600, 0),
        frame(b"", last=False) + frame(b"", 0, last=False) * (MOST_FRAGMENTS + 1),
        frame(b"\xff\xfe"),
        frame(REGISTER, masked=False),
        frame(b"x", 3),
        frame(b"x" * 126, PING_FRAME),
        b"\xf1" + frame(REGISTER)[1:],
        frame(b"x", 0),
    ],
    ids=[
        "long",
        "long in parts",
        "no end",
        "no UTF-8",
        "no mask",
        "no opcode",
        "long ping",
        "bits",
        "no beginning",
    ],
)
def test_what_is_no_websocket_or_too_long_ends_it_with_a_reason(wire: bytes) -> None:
    codec = opened()
    with pytest.raises(BadFrames) as end:
        codec.feed(wire)
    [(kind, reason)] = unframe(end.value.answer)
    assert kind == CLOSE and int.from_bytes(reason[:2], "big") in {1002, 1007, 1009}
    assert not codec.open


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail_otherwise_than_it_says(noise: bytes) -> None:
    for codec in (WebSocket(longest=100), opened(longest=100)):
        try:
            codec.feed(noise)
        except BadFrames:
            continue


def test_pings_are_answered_and_text_is_sent_as_text() -> None:
    codec = opened()
    assert codec.feed(frame(b"who", PING_FRAME) + frame(REGISTER)) == [REGISTER]
    assert unframe(codec.replies()) == [(PONG_FRAME, b"who")]
    assert unframe(codec.frame("SIP/2.0 200 Où".encode())) == [(TEXT, "SIP/2.0 200 Où".encode())]
    assert unframe(codec.frame(b"SIP/2.0 200 \xff")) == [(BINARY, b"SIP/2.0 200 \xff")]


# -- connections


class Browser:
    """A page's WebSocket on a real socket."""

    def __init__(self, loop: Loop, sock: socket.socket, **fields: Any) -> None:
        self.loop, self.sock = loop, sock
        sock.send(upgrade(**fields))
        self.answer = loop.receive(sock, "the answer to the upgrade")

    def send(self, payload: bytes, kind: int = TEXT) -> None:
        self.sock.send(frame(payload, kind))

    def receive(self) -> list[tuple[int, bytes]]:
        return unframe(self.loop.receive(self.sock))


def listening(start: Start, **given: Any) -> Worker:
    return start(ws_port=free_port(), **given)


def browse(loop: Loop, worker: Worker, **fields: Any) -> Browser:
    return Browser(loop, loop.tcp(("127.0.0.1", worker.config.ws_port)), **fields)


def test_a_browser_registers_and_is_reached_over_its_own_connection(loop: Loop, start: Start) -> None:
    worker = listening(start)
    page = browse(loop, worker)
    page.send(REGISTER)
    loop.until(lambda: worker.heard, "the message")
    data, flow = worker.heard[0]
    assert data == REGISTER
    assert (flow.transport, flow.reliable) == ("ws", True)
    assert worker.net.local_address(flow) == ("127.0.0.1", worker.config.ws_port)
    worker.net.send(flow, b"INVITE sip:page@df7jal23ls0d.invalid SIP/2.0")
    assert page.receive() == [(TEXT, b"INVITE sip:page@df7jal23ls0d.invalid SIP/2.0")]
    page.send(PING)
    assert page.receive() == [(TEXT, PONG)]


def test_a_browser_speaks_over_tls(loop: Loop, start: Start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    worker = start(wss_port=free_port(), tls_port=free_port())
    worker.net.secure(TlsFiles((authority.issue("sip.example.net"),)))
    sock = loop.tcp(("127.0.0.1", worker.config.wss_port))
    from tests.switch.net.test_tls import Wire

    wire = Wire(loop, sock, believing(authority), host="sip.example.net").shake()
    wire.send(upgrade())
    assert wire.receive().startswith(b"HTTP/1.1 101")
    wire.send(frame(REGISTER))
    loop.until(lambda: worker.heard, "the message")
    assert worker.heard[0][1].transport == "wss"
    worker.net.send(worker.heard[0][1], b"SIP/2.0 200 OK")
    assert unframe(wire.receive()) == [(TEXT, b"SIP/2.0 200 OK")]
    call(loop, worker, believing(authority)).shake()


def test_a_page_from_elsewhere_is_refused_and_the_connection_closed(loop: Loop, start: Start) -> None:
    worker = listening(start)
    worker.net.allow_origins(["phone.example.com"])
    assert browse(loop, worker).answer.startswith(b"HTTP/1.1 101")
    page = browse(loop, worker, origin="https://evil.example")
    assert page.answer.startswith(b"HTTP/1.1 403")
    while loop.receive(page.sock):
        pass
    assert worker.net.metrics()["tcp_connections"] == 1


def test_a_browser_that_left_without_a_word_is_noticed_by_a_ping(loop: Loop, start: Start) -> None:
    worker = listening(start, websocket_ping=0.2)
    there, gone = browse(loop, worker), browse(loop, worker)
    for page in (there, gone):
        page.send(REGISTER)
    loop.until(lambda: len(worker.heard) == 2, "both")
    flow = next(flow for _, flow in worker.heard if flow.port == gone.sock.getsockname()[1])
    assert there.receive() == [(PING_FRAME, b"")]
    there.send(b"", PONG_FRAME)
    loop.until(lambda: worker.errors, "the end of the one that does not answer")
    assert worker.errors[0] == (flow, Reason.CLOSED)


@pytest.mark.parametrize("half", [b"", upgrade()[:-2], b"G"])
def test_half_an_upgrade_is_closed_in_time_and_leaves_nothing(loop: Loop, start: Start, half: bytes) -> None:
    worker = listening(start, message_timeout=0.2)
    sock = loop.tcp(("127.0.0.1", worker.config.ws_port))
    sock.send(half)
    assert loop.receive(sock) == b""
    assert worker.net.metrics()["tcp_connections"] == 0


def test_who_opens_and_says_nothing_is_closed_in_time(loop: Loop, start: Start) -> None:
    worker = listening(start, silence_timeout=0.2)
    page, plain = browse(loop, worker), loop.tcp(worker.shared)
    assert loop.receive(page.sock) == b"" and loop.receive(plain) == b""
    assert worker.net.metrics()["tcp_closed_silent"] == 2


def test_a_page_that_closes_gets_its_close_back_and_its_flow_is_told_lost(loop: Loop, start: Start) -> None:
    worker = listening(start)
    page = browse(loop, worker)
    page.send(REGISTER)
    loop.until(lambda: worker.heard, "the message")
    page.send((1001).to_bytes(2, "big"), CLOSE)
    assert page.receive() == [(CLOSE, (1001).to_bytes(2, "big"))]
    loop.until(lambda: worker.errors, "the end")
    flow = worker.heard[0][1]
    assert worker.errors == [(flow, Reason.CLOSED)]
    assert worker.net.metrics()["tcp_closed_garbage"] == 0
    worker.net.send(flow, b"too late")
    loop.until(lambda: len(worker.errors) == 2, "the second error")
    assert worker.errors[1] == (flow, Reason.CLOSED)


def test_nobody_can_be_called_by_websocket(start: Start) -> None:
    worker = start()
    for transport in ("ws", "wss", "sctp"):
        with pytest.raises(ValueError, match=transport):
            worker.net.connect_flow(transport, "127.0.0.1", 5060)


def test_at_the_end_pages_are_told_that_we_go(loop: Loop, start: Start) -> None:
    worker = listening(start)
    page = browse(loop, worker)
    worker.net._tcp.close_all(now=False)
    assert page.receive() == [(CLOSE, (1001).to_bytes(2, "big"))]
