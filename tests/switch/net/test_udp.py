"""Datagrams in and out, on real sockets."""

from __future__ import annotations

import socket

import pytest

from switch.net import ConfigError, Reason
from tests.support import free_port
from tests.switch.loop import Loop
from tests.switch.net.conftest import Start

OPTIONS = b"OPTIONS sip:a@example.net SIP/2.0"


def test_a_datagram_on_the_shared_port_comes_whole_with_its_flow(loop: Loop, start: Start) -> None:
    worker, phone = start(), loop.udp()
    phone.sendto(OPTIONS, worker.shared)
    loop.until(lambda: worker.heard, "the datagram")
    [(data, flow)] = worker.heard
    assert data == OPTIONS
    assert (flow.transport, flow.host, flow.port) == ("udp", *phone.getsockname())
    assert not flow.own
    assert flow.worker == 1
    assert not flow.reliable


def test_an_answer_on_a_flow_leaves_from_the_port_that_the_request_came_to(loop: Loop, start: Start) -> None:
    worker, phone = start(), loop.udp()
    for address in (worker.shared, worker.own):
        worker.heard.clear()
        phone.sendto(OPTIONS, address)
        loop.until(lambda: worker.heard, "the request")
        worker.net.send(worker.heard[0][1], b"SIP/2.0 200 OK")
        answers: list[tuple[bytes, tuple[str, int]]] = []

        def answered(answers: list[tuple[bytes, tuple[str, int]]] = answers) -> bool:
            try:
                answers.append(phone.recvfrom(2000))
            except BlockingIOError:
                return False
            return True

        loop.until(answered, "the answer")
        assert answers == [(b"SIP/2.0 200 OK", address)]


def test_ipv6_works_like_ipv4(loop: Loop, start: Start) -> None:
    worker, phone = start(binds=("::1",)), loop.udp("::1")
    phone.sendto(OPTIONS, worker.shared)
    loop.until(lambda: worker.heard, "the datagram")
    flow = worker.heard[0][1]
    assert flow.host == "::1"
    worker.net.send(flow, b"SIP/2.0 200 OK")
    assert loop.receive(phone) == b"SIP/2.0 200 OK"


def test_both_families_are_heard_at_once(loop: Loop, start: Start) -> None:
    worker, four, six = start(binds=("127.0.0.1", "::1")), loop.udp(), loop.udp("::1")
    four.sendto(OPTIONS, worker.shared)
    six.sendto(OPTIONS, ("::1", worker.config.shared_port))
    loop.until(lambda: len(worker.heard) == 2, "both datagrams")
    assert {flow.host for _, flow in worker.heard} == {"127.0.0.1", "::1"}


def test_a_flow_of_our_making_sends_from_the_own_or_the_shared_port(loop: Loop, start: Start) -> None:
    worker, carrier = start(), loop.udp()
    host, port = carrier.getsockname()
    for via_shared, ours in ((False, worker.own), (True, worker.shared)):
        flow = worker.net.connect_flow("udp", host, port, via_shared=via_shared)
        assert worker.net.local_address(flow) == ours
        worker.net.send(flow, OPTIONS)
        loop.receive(carrier)


def test_the_longest_datagram_comes_whole(loop: Loop, start: Start) -> None:
    worker, phone = start(), loop.udp()
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    longest = b"M" * 65507
    phone.sendto(longest, worker.shared)
    loop.until(lambda: worker.heard, "the datagram")
    assert worker.heard[0][0] == longest


@pytest.mark.parametrize("filler", [b"\r\n\r\n", b"\0", b"jaK\0", b""])
def test_a_nat_keep_alive_is_counted_and_not_delivered(loop: Loop, start: Start, filler: bytes) -> None:
    worker, phone = start(), loop.udp()
    phone.sendto(filler, worker.shared)
    phone.sendto(OPTIONS, worker.shared)
    loop.until(lambda: worker.heard, "the message after it")
    assert [data for data, _ in worker.heard] == [OPTIONS]
    assert worker.net.metrics()["keepalives"] == 1


def test_nobody_listening_is_told_for_that_flow(loop: Loop, start: Start) -> None:
    worker = start()
    flow = worker.net.connect_flow("udp", "127.0.0.1", free_port())
    worker.net.send(flow, OPTIONS)
    loop.until(lambda: worker.errors, "the ICMP error")
    assert worker.errors == [(flow, Reason.REFUSED)]


def test_the_error_of_one_peer_costs_another_one_nothing(loop: Loop, start: Start) -> None:
    worker, carrier = start(), loop.udp()
    dead = worker.net.connect_flow("udp", "127.0.0.1", free_port())
    alive = worker.net.connect_flow("udp", *carrier.getsockname())
    worker.net.send(dead, OPTIONS)
    worker.net.send(alive, OPTIONS)
    assert loop.receive(carrier) == OPTIONS
    loop.until(lambda: worker.errors, "the ICMP error")
    carrier.sendto(OPTIONS, worker.own)
    loop.until(lambda: worker.heard, "a datagram after the error")
    assert [flow for flow, _ in worker.errors] == [dead]


def test_a_datagram_that_is_too_long_is_told_and_not_raised(loop: Loop, start: Start) -> None:
    worker, carrier = start(), loop.udp()
    flow = worker.net.connect_flow("udp", *carrier.getsockname())
    worker.net.send(flow, b"x" * 70000)
    assert worker.errors == []
    loop.until(lambda: worker.errors, "the error")
    assert worker.errors == [(flow, Reason.TOO_LARGE)]


def test_an_address_of_a_family_that_is_not_bound_is_unreachable(loop: Loop, start: Start) -> None:
    worker = start()
    flow = worker.net.connect_flow("udp", "::1", 5060)
    worker.net.send(flow, OPTIONS)
    loop.until(lambda: worker.errors, "the error")
    assert worker.errors == [(flow, Reason.UNREACHABLE)]


def test_a_name_is_no_address_because_asking_for_it_would_block(start: Start) -> None:
    with pytest.raises(ValueError, match="localhost"):
        start().net.connect_flow("udp", "localhost", 5060)


def test_one_turn_reads_a_bounded_number_of_datagrams(loop: Loop, start: Start) -> None:
    worker, phone = start(datagrams_per_turn=8), loop.udp()
    for _ in range(20):
        phone.sendto(OPTIONS, worker.shared)
    loop.reactor.iterate(0.5)
    assert len(worker.heard) == 8
    loop.until(lambda: len(worker.heard) == 20, "the rest")


def test_a_handler_that_raises_costs_only_its_own_message(loop: Loop, start: Start) -> None:
    calls = []

    def worker_of(data: bytes) -> int | None:
        calls.append(data)
        if len(calls) == 1:
            raise RuntimeError("a defect above")
        return None

    worker, phone = start(worker_of=worker_of), loop.udp()
    phone.sendto(OPTIONS, worker.shared)
    phone.sendto(OPTIONS, worker.shared)
    loop.until(lambda: worker.heard, "the second message")
    assert worker.net.metrics()["handler_failures"] == 1


def test_a_port_that_another_program_has_gives_one_sentence(loop: Loop, start: Start) -> None:
    taken = loop.udp()
    with pytest.raises(ConfigError, match=r"another program has it.*MIZU_SIP_PORT"):
        start(shared_port=taken.getsockname()[1])


def test_two_instances_with_the_same_ports_are_not_taken_for_workers_of_one(start: Start, tmp_path) -> None:
    first = start()
    with pytest.raises(ConfigError, match="MIZU_SIP_WORKER_PORTS"):
        start(shared_port=first.config.shared_port, own_port=first.config.own_port, run_dir=tmp_path / "run")


def test_a_failed_start_leaves_no_port_bound(loop: Loop, start: Start) -> None:
    taken, shared = loop.udp(), free_port()
    with pytest.raises(ConfigError):
        start(shared_port=shared, own_port=taken.getsockname()[1])
    loop.turn()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as again:
        again.bind(("127.0.0.1", shared))
    loop.udp(port=shared)


def test_what_waits_in_the_socket_is_seen_as_a_share_of_its_buffer_and_what_is_lost_is_counted(
    loop: Loop, start: Start
) -> None:
    worker, flooder = start(receive_buffer=64 << 10), loop.udp()
    assert worker.net.backlog() == 0.0
    for _ in range(1000):
        flooder.sendto(b"OPTIONS" + b"x" * 500, worker.shared)
    assert worker.net.backlog() > 0.9
    assert worker.net.metrics()["udp_lost"] > 0
    heard = 1000 - worker.net.metrics()["udp_lost"]
    loop.until(lambda: len(worker.heard) == heard, "what fitted into the buffer")
    assert worker.net.backlog() < 0.1
