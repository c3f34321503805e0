"""Connections in and out, on real sockets."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable

import pytest
from twisted.internet.address import IPv6Address

from switch.net import Firewall, Reason, Sources, Tables
from tests.support import free_port
from tests.switch.loop import Loop
from tests.switch.net.conftest import Start

END = b" SIP/2.0\r\nContent-Length: 0\r\n\r\n"
Guard = Callable[..., Firewall]


@pytest.mark.req("sip-097")
def test_tcp_listens_on_the_same_port_as_udp_and_answers_on_the_connection(loop: Loop, start: Start) -> None:
    worker = start()
    phone = loop.tcp(worker.shared)
    phone.send(b"REGISTER one" + END + b"REGISTER two" + END)
    loop.until(lambda: len(worker.heard) == 2, "both messages")
    assert [data for data, _ in worker.heard] == [b"REGISTER one" + END, b"REGISTER two" + END]
    flow = worker.heard[0][1]
    assert flow.reliable
    assert (flow.host, flow.port) == phone.getsockname()
    worker.net.send(flow, b"SIP/2.0 200 OK")
    assert loop.receive(phone) == b"SIP/2.0 200 OK"


def test_ipv6_connections_work_in_both_directions(loop: Loop, start: Start) -> None:
    worker, carrier = start(binds=("::1",)), loop.listener("::1")
    phone = loop.tcp(worker.shared)
    phone.send(b"one" + END)
    loop.until(lambda: worker.heard, "the message")
    worker.net.send(worker.net.connect_flow("tcp", "::1", carrier.getsockname()[1]), b"INVITE")
    assert loop.receive(loop.accept(carrier)) == b"INVITE"


def test_a_message_in_pieces_comes_once_and_whole(loop: Loop, start: Start) -> None:
    worker = start()
    phone = loop.tcp(worker.own)
    for piece in (b"REGISTER sip:a SIP", b"/2.0\r\nContent-Length", b": 2\r\n\r", b"\nhi"):
        assert worker.heard == []
        phone.send(piece)
        loop.turn()
    loop.until(lambda: worker.heard, "the message")
    assert worker.heard[0][0] == b"REGISTER sip:a SIP/2.0\r\nContent-Length: 2\r\n\r\nhi"
    assert worker.heard[0][1].own


def test_what_is_sent_before_the_connection_is_up_arrives_in_order(loop: Loop, start: Start) -> None:
    worker, carrier = start(), loop.listener()
    flow = worker.net.connect_flow("tcp", *carrier.getsockname())
    worker.net.send(flow, b"one ")
    worker.net.send(flow, b"two")
    peer, got = loop.accept(carrier), b""
    while len(got) < 7:
        got += loop.receive(peer)
    assert got == b"one two"
    assert worker.errors == []


def test_a_second_request_to_the_same_remote_uses_the_same_connection(loop: Loop, start: Start) -> None:
    worker, carrier = start(), loop.listener()
    first = worker.net.connect_flow("tcp", *carrier.getsockname())
    loop.accept(carrier)
    loop.until(lambda: worker.net.metrics()["tcp_connected"] == 1, "the connection")
    assert worker.net.connect_flow("tcp", *carrier.getsockname()) == first


def test_a_request_to_a_phone_goes_over_the_connection_that_the_phone_opened(
    loop: Loop, start: Start
) -> None:
    worker = start()
    phone = loop.tcp(worker.shared)
    phone.send(b"REGISTER" + END)
    loop.until(lambda: worker.heard, "the request")
    assert worker.net.connect_flow("tcp", *phone.getsockname()) == worker.heard[0][1]


def test_a_remote_that_does_not_listen_is_told_as_refused(loop: Loop, start: Start) -> None:
    worker = start()
    flow = worker.net.connect_flow("tcp", "127.0.0.1", free_port())
    worker.net.send(flow, b"INVITE")
    loop.until(lambda: worker.errors, "the error")
    assert worker.errors == [(flow, Reason.REFUSED)]


def test_a_remote_that_never_answers_is_told_as_timeout(loop: Loop, start: Start) -> None:
    worker = start(connect_timeout=0.2)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        flow = worker.net.connect_flow("tcp", *full.getsockname())
        loop.until(lambda: worker.errors, "the timeout")
        for filler in fillers:
            filler.close()
    assert worker.errors == [(flow, Reason.TIMEOUT)]


def test_what_waits_for_a_connection_is_bounded_in_bytes(loop: Loop, start: Start) -> None:
    worker, carrier = start(max_waiting=1000), loop.listener()
    flow = worker.net.connect_flow("tcp", *carrier.getsockname())
    for _ in range(3):
        worker.net.send(flow, b"x" * 400)
    loop.until(lambda: worker.errors, "the overflow")
    assert worker.errors == [(flow, Reason.OVERFLOW)]
    assert loop.receive(loop.accept(carrier)) == b"x" * 800


def test_a_peer_that_does_not_read_cannot_make_us_keep_more_than_the_bound(loop: Loop, start: Start) -> None:
    worker = start(max_waiting=100_000)
    lazy = loop.tcp(worker.shared)
    lazy.send(b"one" + END)
    loop.until(lambda: worker.heard, "the message")
    flow = worker.heard[0][1]

    def overflowed() -> bool:
        for _ in range(50):
            worker.net.send(flow, b"x" * 20_000)
        return bool(worker.errors)

    loop.until(overflowed, "the bound to be reached")
    assert set(worker.errors) == {(flow, Reason.OVERFLOW)}


def test_the_end_of_a_connection_is_told_once_and_later_sends_fail(loop: Loop, start: Start) -> None:
    worker = start()
    phone = loop.tcp(worker.shared)
    phone.send(b"one" + END)
    loop.until(lambda: worker.heard, "the message")
    flow = worker.heard[0][1]
    phone.close()
    loop.until(lambda: worker.errors, "the end")
    assert worker.errors == [(flow, Reason.CLOSED)]
    worker.net.send(flow, b"too late")
    loop.until(lambda: len(worker.errors) == 2, "the failure")
    assert worker.net.metrics()["tcp_connections"] == 0


def test_a_reset_connection_leaves_nothing_behind(loop: Loop, start: Start) -> None:
    worker = start()
    phone = loop.tcp(worker.shared)
    loop.until(lambda: worker.net.metrics()["tcp_connections"] == 1, "the connection")
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    phone.close()
    loop.until(lambda: worker.net.metrics()["tcp_connections"] == 0, "its end")


@pytest.mark.parametrize("pieces", [[b"\r\n\r\n"], [b"\r\n", b"\r\n"], [b"\r", b"\n\r", b"\n"]])
def test_a_keep_alive_ping_is_answered_by_one_line_end(loop: Loop, start: Start, pieces: list[bytes]) -> None:
    worker = start()
    phone = loop.tcp(worker.shared)
    for piece in pieces:
        phone.send(piece)
        loop.turn()
    assert loop.receive(phone) == b"\r\n"
    phone.send(b"one" + END)
    loop.until(lambda: worker.heard, "the message after it")
    assert worker.heard[0][0] == b"one" + END


def test_a_ping_right_behind_a_message_is_answered_too(loop: Loop, start: Start) -> None:
    worker = start()
    phone = loop.tcp(worker.shared)
    phone.send(b"one" + END + b"\r\n\r\n" + b"two" + END)
    assert loop.receive(phone) == b"\r\n"
    assert [data for data, _ in worker.heard] == [b"one" + END, b"two" + END]


def test_line_ends_inside_a_message_are_no_ping(loop: Loop, start: Start) -> None:
    worker = start()
    phone = loop.tcp(worker.shared)
    for piece in (b"one SIP/2.0\r\nContent-Length: 8", b"\r\n\r\n", b"\r\n\r\n", b"body"):
        phone.send(piece)
        loop.turn()
    loop.until(lambda: worker.heard, "the message")
    assert worker.heard[0][0] == b"one SIP/2.0\r\nContent-Length: 8\r\n\r\n\r\n\r\nbody"
    assert worker.net.metrics()["keepalives"] == 0


def test_garbage_closes_the_connection_and_is_told(loop: Loop, start: Start) -> None:
    worker = start()
    phone = loop.tcp(worker.shared)
    phone.send(b"\x16\x03\0 not SIP")
    assert loop.receive(phone, "the end of the connection") == b""
    loop.until(lambda: worker.errors, "the error")
    assert worker.errors[0][1] is Reason.FRAMING
    assert worker.net.metrics()["tcp_connections"] == 0


def test_a_message_that_is_begun_and_never_finished_closes_the_connection(loop: Loop, start: Start) -> None:
    worker = start(message_timeout=0.2)
    slow, honest = loop.tcp(worker.shared), loop.tcp(worker.shared)
    honest.send(b"one" + END)
    slow.send(b"REGISTER sip:")
    assert loop.receive(slow, "the end of the slow connection") == b""
    metrics = worker.net.metrics()
    assert (metrics["tcp_closed_slow"], metrics["tcp_connections"]) == (1, 1)


def test_an_idle_connection_is_closed(loop: Loop, start: Start) -> None:
    worker = start(idle_timeout=0.2)
    assert loop.receive(loop.tcp(worker.shared), "the end of the idle connection") == b""
    assert worker.net.metrics()["tcp_closed_idle"] == 1


def test_one_source_may_open_only_so_many_connections(loop: Loop, start: Start) -> None:
    worker = start(max_connections_per_source=3)
    greedy = [loop.tcp(worker.shared, source="127.0.0.2") for _ in range(4)]
    loop.until(lambda: worker.net.metrics()["tcp_refused"] == 1, "the refusal")
    other = loop.tcp(worker.shared, source="127.0.0.3")
    other.send(b"one" + END)
    loop.until(lambda: worker.heard, "the message of another source")
    greedy[0].close()
    loop.until(lambda: worker.net.metrics()["tcp_connections"] == 3, "the place to be free")
    again = loop.tcp(worker.shared, source="127.0.0.2")
    again.send(b"two" + END)
    loop.until(lambda: len(worker.heard) == 2, "the message of the new connection")


def test_the_number_of_connections_in_all_is_bounded_both_ways(loop: Loop, start: Start) -> None:
    worker, carrier = start(max_connections=2), loop.listener()
    for _ in range(3):
        loop.tcp(worker.shared)
    loop.until(lambda: worker.net.metrics()["tcp_refused"] == 1, "the refusal")
    worker.net.connect_flow("tcp", *carrier.getsockname())
    loop.until(lambda: worker.errors, "the refusal of our own")
    assert worker.errors[0][1] is Reason.LIMIT


def test_a_ban_closes_the_connections_of_the_source_and_refuses_new_ones(loop: Loop, start: Start) -> None:
    worker = start()
    scanner, phone = loop.tcp(worker.shared, source="127.0.0.2"), loop.tcp(worker.shared, source="127.0.0.3")
    loop.until(lambda: worker.net.metrics()["tcp_connections"] == 2, "both connections")
    worker.net.ban(Tables(banned=Sources.of(["127.0.0.2"])))
    assert loop.receive(scanner, "the end") == b""
    assert loop.receive(loop.tcp(worker.shared, source="127.0.0.2"), "the refusal") == b""
    phone.send(b"one" + END)
    loop.until(lambda: worker.heard, "the other source")


@pytest.mark.req("security-029")
def test_a_ban_of_a_port_closes_the_one_connection_from_there(loop: Loop, start: Start) -> None:
    worker = start()
    guesser, phone = (loop.tcp(worker.shared, source="127.0.0.2") for _ in range(2))
    loop.until(lambda: worker.net.metrics()["tcp_connections"] == 2, "both connections")
    worker.net.ban(Tables(ports=frozenset([guesser.getsockname()[:2]])))
    assert loop.receive(guesser, "the end") == b""
    phone.send(b"one" + END)
    loop.until(lambda: worker.heard, "the other port")


def test_a_flood_over_one_connection_is_cut_too(loop: Loop, start: Start, guard: Guard) -> None:
    worker = start(firewall=guard(rate=0.001, burst=11))
    flooder = loop.tcp(worker.shared)
    flooder.send((b"one" + END) * 100)
    loop.until(lambda: worker.net.metrics()["dropped_flood"] == 90, "the drops")
    assert len(worker.heard) == 10


def test_stop_sends_what_is_written_before_it_closes(loop: Loop, start: Start) -> None:
    worker = start()
    phone = loop.tcp(worker.shared)
    phone.send(b"BYE" + END)
    loop.until(lambda: worker.heard, "the request")
    worker.net.send(worker.heard[0][1], b"SIP/2.0 200 OK")
    done: list[None] = []
    worker.net.stop().addCallback(done.append)
    assert loop.receive(phone) == b"SIP/2.0 200 OK"
    assert loop.receive(phone, "the end") == b""
    loop.until(lambda: done, "the stop")
    with socket.socket() as late:
        assert late.connect_ex(worker.shared) == errno.ECONNREFUSED


def test_an_ipv6_64_may_open_no_more_connections_than_one_address(loop: Loop, start: Start) -> None:
    """Who had a network of addresses could once take all the connections there are."""
    pool = start(max_connections_per_source=3).net._tcp
    found = [
        pool.accept(IPv6Address("TCP", f"2001:db8::{n:x}", 5060), "tcp", own=False, local=0)
        for n in range(1, 6)
    ]
    assert [one is not None for one in found] == [True] * 3 + [False] * 2
    assert pool.accept(IPv6Address("TCP", "2001:db8:0:1::1", 5060), "tcp", own=False, local=0) is not None
    for one in found[:3]:
        assert one is not None
        pool.forget(one)
    assert pool.accept(IPv6Address("TCP", "2001:db8::9", 5060), "tcp", own=False, local=0) is not None
