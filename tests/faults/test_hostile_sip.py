"""Messages that no decent peer sends, against running workers: none of them may hurt, or leave anything behind."""

from __future__ import annotations

import itertools
import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.faults import health, wire
from tests.faults.conftest import System
from tests.faults.house import LOOP, NUMBER, TWO_PAYERS
from tests.faults.wire import SDP, Dialling, Peer, Phone, Sip
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.fault, pytest.mark.timeout(150)]

TORTURE = Path(__file__).parents[1] / "switch" / "sip" / "rfc4475"
CALLED = TWO_PAYERS + NUMBER
LARGEST = 65_507
"""Bytes in a UDP datagram."""
GROWTH_KB = 12_000


@pytest.fixture
def caller(system: System) -> Iterator[Peer]:
    with Peer(system.instance.sip_port) as peer:
        yield peer


@pytest.fixture
def carrier(system: System) -> Iterator[Peer]:
    """The cheapest carrier, by hand. It is made before the worker is watched, and closed after."""
    with Peer(system.instance.sip_port, system.carrier_port) as peer:
        yield peer


@pytest.fixture(autouse=True)
def unharmed(system: System, caller: Peer, carrier: Peer) -> Iterator[health.Watch]:
    """After each test: the same processes, nothing unforeseen, no call left, and calls work as ever."""
    watch = health.Watch(system.instance)
    yield watch
    watch.unharmed(45)
    _forget(caller), _forget(carrier)
    wire.whole_call(caller, carrier, CALLED)
    watch.unharmed()


def _forget(peer: Peer) -> None:
    while peer.listen(0):
        pass


# --- what is no SIP ------------------------------------------------------------------------------------------------


def _rubbish(port: int, seed: int) -> Iterator[bytes]:
    """Everything that a socket may be told, in no order."""
    chance = random.Random(seed)
    good = _an_invite(port).encode()
    yield from (chance.randbytes(size) for size in (1, 15, 16, 100, 1500, LARGEST))
    yield from (good[: chance.randrange(1, len(good))] for _ in range(60))
    for _ in range(60):  # a byte here and there is another one
        spoilt = bytearray(good)
        for _ in range(chance.randrange(1, 8)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        yield bytes(spoilt)
    yield b"\0" * 2000
    yield good.replace(b"127.0.0.1", b"127.0.0.1\0")
    yield good.replace(b"sip:", b"s\0ip:")
    yield good.replace(b"From:", b"From:" + b"\0" * 50)
    yield b"\r\n" * 5000
    yield b"INVITE " * 8000
    yield good + b"x" * (LARGEST - len(good))
    yield _with(good, b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(4000)))
    yield _with(good, b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n" * 1000)
    yield _with(good, b"Route: <sip:127.0.0.1;lr>\r\n" * 1500)
    yield _with(good, b"Subject: " + b"a" * 60_000 + b"\r\n")
    yield _with(good, b"Subject: a\r\n" + b" folded\r\n" * 5000)
    yield _with(good, b"Contact: <" * 5000 + b"\r\n")
    yield _with(good, b'Contact: "' + b"\\" * 30_000 + b"\r\n")
    for length in (
        b"-1",
        b"-99999999999",
        b"99999999999999999999",
        b"4294967296",
        b"0x10",
        b"",
        b"1e3",
        b"\xd9\xa3",
    ):
        yield good.replace(b"Content-Length: ", b"Content-Length: " + length + b"\r\nX: ")
    for number in (
        b"-1 INVITE",
        b"4294967296 INVITE",
        b"99999999999999999999 INVITE",
        b"1",
        b"INVITE 1",
        b"",
    ):
        yield good.replace(b"CSeq: 1 INVITE", b"CSeq: " + number)
    for hops in (b"-1", b"256", b"99999999999999999999", b"x"):
        yield good.replace(b"Max-Forwards: 70", b"Max-Forwards: " + hops)
    yield _nested_multipart(port, 300)
    yield from (path.read_bytes() for path in sorted(TORTURE.glob("*.dat")))


def _with(message: bytes, more: bytes) -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    return head + b"\r\n" + more + b"\r\n" + body


def _an_invite(port: int) -> str:
    """One that would be a call, but for what is done to it; nobody waits for its answers."""
    headers = {
        "Via": f"SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{wire.unique('r')}",
        "From": f"<sip:442079461111@127.0.0.1>;tag={wire.unique('t')}",
        "To": f"<sip:{NUMBER}@127.0.0.1>",
        "Call-ID": wire.unique("rubbish"),
        "CSeq": "1 INVITE",
        "Contact": "<sip:caller@127.0.0.1:9>",
    }
    return wire.request("INVITE", f"sip:{NUMBER}@127.0.0.1:{port}", headers, SDP)


def _nested_multipart(port: int, depth: int) -> bytes:
    body = SDP
    for level in range(depth):
        body = f"--b{level}\r\nContent-Type: multipart/mixed;boundary=b{level - 1}\r\n\r\n{body}\r\n--b{level}--\r\n"
    head = _an_invite(port).partition("Content-Type")[0]
    kind = f"Content-Type: multipart/mixed;boundary=b{depth - 1}"
    return f"{head}{kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_rubbish_over_udp_does_no_harm_and_its_memory_is_given_back(system: System, caller: Peer) -> None:
    sizes = []
    for seed in range(5):
        for data in _rubbish(caller.server[1], seed):
            caller.send(data)
            if caller.port % 2:
                caller.listen(0)
        _still_answers(caller)
        sizes.append(health.total(system.instance)["rss_kb"])
    assert sizes[-1] - sizes[1] < GROWTH_KB, f"memory grows with each round: {sizes} KB"


def test_rubbish_over_tcp_does_no_harm(system: System, caller: Peer) -> None:
    port = caller.server[1]
    for data in _rubbish(port, 99):
        with socket.create_connection(("127.0.0.1", port), 5) as stream, suppress(OSError):
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
    _still_answers(caller)


def test_connections_that_never_finish_a_message_are_closed(system: System, caller: Peer) -> None:
    """Half a message, a byte at a time, or nothing at all after the greeting: none keeps its place for long."""
    port, slow = caller.server[1], _an_invite(caller.server[1]).encode()
    with ExitStack() as stack:
        streams = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 5)) for _ in range(100)]
        for stream in streams:
            stream.setblocking(False)
        dripped = iter(slow)

        def drip() -> bool:
            """One byte more for everybody; whether all are closed by now."""
            byte = bytes((next(dripped, 0x58),))
            for stream in list(streams):
                try:
                    stream.send(byte)
                    if stream.recv(1) == b"":
                        streams.remove(stream)
                except BlockingIOError:
                    continue
                except OSError:
                    streams.remove(stream)
            return not streams

        wait_for(drip, 15, "the worker to close connections that only drip")
    _still_answers(caller)


def test_a_reset_in_the_middle_of_a_message_leaves_nothing(system: System, caller: Peer) -> None:
    before = _open_files(system)
    half = _an_invite(caller.server[1]).encode()[:200]
    for _ in range(200):
        stream = socket.create_connection(("127.0.0.1", caller.server[1]), 5)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        stream.send(half)
        stream.close()
    wait_for(
        lambda: _open_files(system) <= before + 5, 10, "the descriptors of reset connections to be closed"
    )


def _open_files(system: System) -> int:
    names = system.instance.workers()
    return sum(len(os.listdir(f"/proc/{system.instance.pid(name)}/fd")) for name in names)


def _still_answers(peer: Peer) -> None:
    """OPTIONS is answered, so everything sent before it has been read."""
    call = wire.unique("ping")
    headers = {
        "From": f"<sip:x@127.0.0.1>;tag={call}", "To": "<sip:127.0.0.1>", "Call-ID": call, "CSeq": "1 OPTIONS",
    }  # fmt: skip
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        peer.send(wire.request("OPTIONS", f"sip:127.0.0.1:{peer.server[1]}", {"Via": peer.via} | headers))
        until = time.monotonic() + 1
        while answer := peer.listen(until - time.monotonic()):
            if answer.status == 200 and answer["Call-ID"] == call:
                return
    raise AssertionError("the worker does not answer OPTIONS any more")


# --- at the wrong time ---------------------------------------------------------------------------------------------


def test_a_200_that_comes_after_the_cancel_is_acknowledged_and_hung_up(caller: Peer, carrier: Peer) -> None:
    dialling = Dialling(caller, CALLED)
    caller.send(dialling.invite())
    asked = carrier.wait("INVITE")
    carrier.reply(asked, 180)
    caller.wait("INVITE", 180)
    caller.send(dialling.cancel())
    refusal = caller.wait("INVITE", 487)
    caller.send(dialling.refusal_ack(refusal))
    carrier.reply(carrier.wait("CANCEL"), 200)
    carrier.reply(asked, 200, body=SDP)
    carrier.wait("ACK")
    carrier.reply(carrier.wait("BYE"), 200)


def test_a_cancel_that_crosses_the_200_does_not_end_the_call(caller: Peer, carrier: Peer) -> None:
    dialling = Dialling(caller, CALLED)
    caller.send(dialling.invite())
    asked = carrier.wait("INVITE")
    carrier.reply(asked, 200, body=SDP)
    answer = caller.wait("INVITE", 200)
    caller.send(dialling.cancel())
    caller.wait("CANCEL", 200)
    dialling.to_dialog(dialling.ack(answer))
    carrier.wait("ACK")
    assert not [one for one in carrier.quiet(0.5) if one.first.startswith(("BYE", "CANCEL"))]
    dialling.to_dialog(dialling.bye())
    carrier.reply(carrier.wait("BYE"), 200)
    caller.wait("BYE", 200)


def test_a_second_200_with_another_tag_is_hung_up_and_the_first_goes_on(caller: Peer, carrier: Peer) -> None:
    dialling = Dialling(caller, CALLED)
    caller.send(dialling.invite())
    asked = carrier.wait("INVITE")
    carrier.reply(asked, 200, tag="one", body=SDP)
    carrier.reply(asked, 200, tag="two", body=SDP)
    dialling.to_dialog(dialling.ack(caller.wait("INVITE", 200)))
    stray = carrier.wait("BYE")
    assert "tag=two" in stray["To"]
    carrier.reply(stray, 200)
    dialling.to_dialog(dialling.bye())
    last = carrier.wait("BYE")
    assert "tag=one" in last["To"]
    carrier.reply(last, 200)
    caller.wait("BYE", 200)


def test_a_180_and_a_503_after_the_200_change_nothing(caller: Peer, carrier: Peer) -> None:
    dialling = Dialling(caller, CALLED)
    caller.send(dialling.invite())
    asked = carrier.wait("INVITE")
    carrier.reply(asked, 200, body=SDP)
    dialling.to_dialog(dialling.ack(caller.wait("INVITE", 200)))
    carrier.wait("ACK")
    for status in (180, 183, 503, 486):
        carrier.reply(asked, status)
    assert not [one for one in caller.quiet(0.5) if one.status >= 180]
    dialling.to_dialog(dialling.bye())
    carrier.reply(carrier.wait("BYE"), 200)
    caller.wait("BYE", 200)


def test_everything_may_come_three_times_and_is_one_call(system: System, caller: Peer, carrier: Peer) -> None:
    dialling = Dialling(caller, CALLED)
    caller.send(dialling.invite(), times=3)
    asked = carrier.wait("INVITE")
    carrier.reply(asked, 180, times=3)
    carrier.reply(asked, 200, body=SDP, times=3)
    answer = caller.wait("INVITE", 200)
    ack = dialling.ack(answer)
    dialling.to_dialog(ack, times=3)
    carrier.wait("ACK")
    dialling.to_dialog(dialling.bye(), times=3)
    ended = carrier.wait("BYE")
    carrier.reply(ended, 200, times=3)
    caller.wait("BYE", 200)
    asked_for = [one for one in carrier.heard + carrier.quiet(0.3) if one.first.startswith("INVITE")]
    assert len({one["Call-ID"] for one in asked_for}) == 1, "a retransmission became a second call"
    system.books.prove([dialling.call], {})


def test_requests_of_no_dialog_get_481_and_an_ack_gets_silence(caller: Peer, carrier: Peer) -> None:
    stranger = Dialling(caller, CALLED)
    to = f"<{stranger.uri}>;tag=nobody"
    caller.send(wire.request("ACK", stranger.uri, stranger.headers("ACK", to=to)))
    assert caller.quiet(0.3) == []
    for method in ("BYE", "UPDATE", "INFO", "INVITE"):
        headers = stranger.headers(method, via=caller.via, to=to)
        caller.send(wire.request(method, stranger.uri, headers))
        refusal = caller.wait(method, 481)
        if method == "INVITE":
            caller.send(wire.request("ACK", stranger.uri, headers | {"CSeq": "1 ACK"}))
    caller.send(stranger.cancel())
    caller.wait("CANCEL", 481)
    assert refusal["Call-ID"] == stranger.call


def test_responses_to_nothing_are_dropped(caller: Peer, carrier: Peer) -> None:
    for status, method in itertools.product((100, 180, 200, 404, 503, 699), ("INVITE", "BYE", "REGISTER")):
        text = (
            f"SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP 127.0.0.1:{caller.server[1]};branch=z9hG4bK{wire.unique('n')}\r\n"
            f"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: {wire.unique('n')}\r\nCSeq: 1 {method}\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        caller.send(text)
    assert caller.quiet(0.3) == []


# --- round in a circle, and too much of it ---------------------------------------------------------------------------


def test_a_route_to_ourselves_ends_with_one_answer(system: System, caller: Peer) -> None:
    dialling = Dialling(caller, f"{TWO_PAYERS}{LOOP}1234567")
    caller.send(dialling.invite())
    finals = [
        caller.wait("INVITE", 482, dialling.call, seconds=10)
    ]  # the first of its requests that comes back is known
    caller.send(dialling.refusal_ack(finals[0]))
    finals += [one for one in caller.quiet(1) if one.status >= 200]
    assert len(finals) == 1
    wait_for(lambda: not system.books.held(), 10, "the holds of the circle to be let go")


def test_registering_with_wrong_passwords_is_refused_however_often(system: System, carrier: Peer) -> None:
    login = next(one for one in system.instance.logins() if one["what"] == "phone 1001")
    port = system.instance.sip_port
    with (
        Phone(port, login["username"], "wrong") as guesser,
        Phone(port, login["username"], login["password"]) as phone,
    ):
        challenge = guesser.challenge()
        for _ in range(5):
            guesses = [guesser.register(guesser.proof(challenge)) for _ in range(100)]
            _all_refused(guesser, guesses)
        phone.log_on()
        phone.send(phone.register(phone.proof(phone.challenge()), expires=0))
        phone.wait("REGISTER", 200)


def _all_refused(guesser: Phone, guesses: list[str]) -> None:
    """Each of them is answered by 401, and by nothing else. What is not answered is sent again (RFC 3261 17.1.2.2)."""
    unanswered = {Sip(one)["CSeq"]: one for one in guesses}
    for _ in range(6):
        for one in unanswered.values():
            guesser.send(one)
        while unanswered and (answer := guesser.listen(0.5)):
            assert answer.status == 401
            unanswered.pop(answer["CSeq"], None)
    assert not unanswered


def test_hundreds_of_invites_that_nobody_goes_on_with_are_let_go(
    system: System, caller: Peer, carrier: Peer
) -> None:
    """The carrier is silent, and the caller never says another word."""
    most = 0
    for _ in range(6):
        for _ in range(100):
            caller.send(Dialling(caller, CALLED).invite())
        _still_answers(caller)
        while carrier.listen(0):
            pass
        most = max(most, health.total(system.instance)["calls"])
    assert most > 150, "few were calls: a slow machine lets the first go before it has read the last"
    wait_for(
        lambda: not health.total(system.instance)["calls"],
        60,
        "the end of calls that nobody answers",
        every=1,
    )
    wait_for(lambda: not system.books.held(), 20, "the holds to be let go")


def test_strangers_with_hundreds_of_invites_are_asked_for_a_password_and_forgotten(caller: Peer) -> None:
    for _ in range(6):
        for _ in range(100):
            caller.send(Dialling(caller, NUMBER).invite(From=f"<sip:1001@127.0.0.1>;tag={wire.unique('s')}"))
        _still_answers(caller)
    refused = {one.status for one in caller.heard if one.status >= 300}
    assert refused == {407}


def test_in_the_end_no_transaction_is_left(system: System) -> None:
    """Timers B, F, H, I, J and L are 32 seconds: after those nothing may be remembered of anybody."""

    def left() -> int:
        now = health.total(system.instance)
        return now["clients"] + now["servers"] + now["unacked"]

    wait_for(lambda: not left(), 45, "the last transaction to end", every=1)
