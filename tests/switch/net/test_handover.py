"""What arrives at the wrong worker reaches the right one, once."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.net import ConfigError, Flow, Reason
from switch.net.handover import Kind, pack, socket_path, unpack
from tests.support import free_port
from tests.switch.loop import Loop
from tests.switch.net.conftest import Start
from tests.switch.net.worker_process import worker_of

END = b" SIP/2.0\r\nContent-Length: 0\r\n\r\n"
FLOWS = [
    Flow("udp", "192.0.2.1", 5060, False, 0, 1),
    Flow("udp", "2001:db8::1", 65535, True, 0, 7),
    Flow("tcp", "fe80::1%eth0", 1, False, 2**63, 65535),
    Flow("tls", "192.0.2.1", 5061, False, 7, 2, 0, "trunk.example.org " * 80),
    Flow("wss", "2001:db8::1", 443, False, 8, 2, 125, "a.example"),
]


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("kind", Kind)
def test_a_packed_message_comes_out_as_it_went_in(flow: Flow, kind: Kind) -> None:
    assert unpack(pack(kind, flow, b"data \0 more", 3)) == (kind, flow, b"data \0 more", 3)


@pytest.mark.parametrize("cut", range(31))
def test_a_truncated_packet_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"not a handover"):
        unpack(pack(Kind.SEND, FLOWS[0], b"", 1)[:cut])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_packet_of_another_version_or_kind_is_refused(place: int) -> None:
    packet = bytearray(pack(Kind.SEND, FLOWS[0], b"data", 1))
    packet[place] = 99
    with pytest.raises(ValueError):
        unpack(bytes(packet))


def pair(start: Start, **given: Any) -> tuple[Any, Any]:
    """Two workers of one node; labels say to whom a message belongs."""
    shared = free_port()
    values = {"workers": 2, "shared_port": shared, "worker_of": worker_of} | given
    return start(worker=1, **values), start(worker=2, **values)


def test_a_labelled_message_reaches_its_worker_with_the_flow_of_its_arrival(loop: Loop, start: Start) -> None:
    one, two = pair(start)
    phones = [loop.udp() for _ in range(24)]
    for phone in phones:
        phone.sendto(b"in-dialog worker=2 BYE", one.shared)
    loop.until(lambda: len(two.heard) == 24, "all messages at worker 2")
    assert one.heard == []
    handed = one.net.metrics()["handed_over"]
    assert 0 < handed < 24, "the kernel gave all datagrams to one socket"
    assert two.net.metrics()["taken_over"] == handed
    assert {flow.port for _, flow in two.heard} == {phone.getsockname()[1] for phone in phones}
    for _, flow in two.heard:
        two.net.send(flow, b"SIP/2.0 200 OK")
    assert all(loop.receive(phone) == b"SIP/2.0 200 OK" for phone in phones)


def test_an_answer_to_a_handed_over_message_goes_over_the_connection_of_the_other_worker(
    loop: Loop, start: Start
) -> None:
    one, two = pair(start)
    phone = loop.tcp(one.own)
    phone.send(b"in-dialog worker=2 BYE" + END)
    loop.until(lambda: one.heard or two.heard, "the message")
    phone.close()
    phone = loop.tcp(one.own)
    phone.send(b"one more worker=2" + END)
    loop.until(lambda: len(two.heard) == 2, "the message at worker 2")
    flow = two.heard[1][1]
    assert (flow.worker, flow.own) == (1, True)
    two.net.send(flow, b"SIP/2.0 200 OK")
    assert loop.receive(phone) == b"SIP/2.0 200 OK"


def test_a_request_from_the_own_port_of_another_worker_leaves_from_there(loop: Loop, start: Start) -> None:
    one, two = pair(start)
    carrier = loop.udp()
    flow = one.net.connect_flow("udp", *carrier.getsockname())
    two.net.send(flow, b"BYE from the own port")
    got: list[Any] = []

    def arrived() -> bool:
        try:
            got.append(carrier.recvfrom(2000))
        except BlockingIOError:
            return False
        return True

    loop.until(arrived, "the request")
    assert got == [(b"BYE from the own port", one.own)]


def test_the_failure_of_another_worker_to_send_comes_back(loop: Loop, start: Start) -> None:
    _, two = pair(start)
    gone = Flow("tcp", "127.0.0.1", 5060, False, 12345, 1)
    two.net.send(gone, b"too late")
    loop.until(lambda: two.errors, "the answer of worker 1")
    assert two.errors == [(gone, Reason.CLOSED)]


def test_a_message_is_never_handed_over_twice(loop: Loop, start: Start) -> None:
    """Worker 2 thinks that the message belongs to worker 1, worker 1 that it belongs to worker 2."""
    shared = free_port()
    one = start(worker=1, workers=2, shared_port=shared, worker_of=lambda data: 2)
    two = start(worker=2, workers=2, shared_port=shared, worker_of=lambda data: 1)
    phone = loop.udp()
    phone.sendto(b"whose message is this?", one.shared)
    loop.until(lambda: one.heard or two.heard, "the message")
    loop.turn(10)
    assert len(one.heard) + len(two.heard) == 1
    assert one.net.metrics()["handed_over"] + two.net.metrics()["handed_over"] == 1


@pytest.mark.parametrize("label", [b"worker=2", b"worker=77", b"worker=0"])
def test_a_message_of_a_worker_that_does_not_run_is_counted_and_dropped(
    loop: Loop, start: Start, label: bytes
) -> None:
    one = start(worker=1, workers=2, worker_of=worker_of)
    phone = loop.udp()
    phone.sendto(b"in-dialog BYE " + label, one.shared)
    phone.sendto(b"in-dialog BYE worker=1", one.shared)
    loop.until(lambda: one.heard, "the next message")
    assert [data for data, _ in one.heard] == [b"in-dialog BYE worker=1"]
    assert one.net.metrics()["handover_missing"] == 1


def test_to_send_over_a_worker_that_does_not_run_is_told(loop: Loop, start: Start) -> None:
    one = start(worker=1, workers=2)
    flow = Flow("tcp", "127.0.0.1", 5060, False, 5, 2)
    one.net.send(flow, b"BYE")
    loop.until(lambda: one.errors, "the error")
    assert one.errors == [(flow, Reason.NO_WORKER)]


def test_new_calls_are_spread_and_stay_when_the_other_worker_is_away(loop: Loop, start: Start) -> None:
    shared, phone = free_port(), loop.udp()
    options = {"workers": 2, "shared_port": shared, "spread": lambda data: 1 + data[0] % 2}
    one = start(worker=1, **options)
    phone.sendto(b"1 INVITE that worker 2 should have", one.shared)
    loop.until(lambda: one.heard, "the call, while worker 2 is away")
    two = start(worker=2, **options)
    one.heard.clear()
    for call in range(20):
        phone.sendto(b"%d INVITE from one trunk" % (call % 2), one.shared)
    loop.until(lambda: len(one.heard) == len(two.heard) == 10, "an even share each")


def test_a_worker_that_does_not_keep_up_loses_only_what_is_over_the_bound(loop: Loop, start: Start) -> None:
    one, two = pair(start, handover_waiting=100_000)
    flow = Flow("tcp", "127.0.0.1", 5060, False, 5, 2)
    taken = sum(one.net._handover.send(2, Kind.RECEIVED, flow, b"%03d" % n + b"x" * 1000) for n in range(200))
    assert 90 < taken < 200
    assert one.net.metrics()["handover_blocked"] == 200 - taken
    loop.until(lambda: len(two.heard) == taken, "all that was taken")
    assert [data[:3] for data, _ in two.heard] == [b"%03d" % n for n in range(taken)], "in order"


def test_garbage_on_the_handover_socket_is_counted(loop: Loop, start: Start) -> None:
    import socket

    one = start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"\xff" * 100, str(socket_path(one.config.run_dir, 1)))
        stranger.sendto(b"", str(socket_path(one.config.run_dir, 1)))
    loop.until(lambda: one.net.metrics()["handover_invalid"] == 2, "the count")
    assert one.heard == []


def test_the_same_worker_cannot_run_twice(start: Start) -> None:
    one = start()
    with pytest.raises(ConfigError, match="runs already"):
        start(run_dir=one.config.run_dir)
    assert socket_path(one.config.run_dir, 1).exists()


def test_only_the_switch_may_reach_the_handover_socket(start: Start) -> None:
    one = start()
    assert one.config.run_dir.stat().st_mode & 0o077 == 0
    assert socket_path(one.config.run_dir, 1).stat().st_mode & 0o077 == 0


# -- two real processes


class Process:
    """A worker in its own process."""

    def __init__(self, worker: int, shared: int, run_dir: Path) -> None:
        self.own = free_port()
        self.events: list[dict[str, Any]] = []
        arguments = [str(value) for value in (worker, 2, shared, self.own, run_dir)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.switch.net.worker_process", *arguments],
            stdout=subprocess.PIPE,
            bufsize=0,  # or select would not see the lines that are read already
        )
        self.until(lambda: {"ready": worker} in self.events, "the worker to be ready", 20)

    def until(self, happened: Any, what: str, seconds: float = 5) -> None:
        deadline = time.monotonic() + seconds
        assert self._process.stdout is not None
        while not happened():
            left = deadline - time.monotonic()
            assert left > 0, f"waited {seconds} s in vain for: {what}"
            if select.select([self._process.stdout], [], [], left)[0]:
                line = self._process.stdout.readline()
                assert line, f"the worker ended before: {what}"
                self.events.append(json.loads(line))

    def heard(self, text: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("heard") == text]

    def kill(self, number: signal.Signals) -> int:
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


@pytest.fixture
def node() -> Iterator[tuple[int, Path, list[Process]]]:
    shared = free_port()
    with tempfile.TemporaryDirectory(prefix="mizu-") as directory:
        run_dir = Path(directory) / "run"
        processes = [Process(worker, shared, run_dir) for worker in (1, 2)]
        yield shared, run_dir, processes
        for process in processes:
            process.kill(signal.SIGKILL)


@pytest.mark.flow
def test_two_processes_share_the_port_and_hand_over_to_each_other(
    loop: Loop, node: tuple[int, Path, list[Process]]
) -> None:
    shared, _, processes = node
    phones = [loop.udp() for _ in range(16)]
    for number in (1, 2):
        text = f"in-dialog worker={number}"
        for phone in phones:
            phone.sendto(text.encode(), ("127.0.0.1", shared))
        answers = {loop.receive(phone, f"the answer of worker {number}") for phone in phones}
        assert answers == {f"{number} got {text}".encode()}
        right = processes[number - 1]
        right.until(lambda right=right, text=text: len(right.heard(text)) == 16, "all messages")
        received_by = {event["flow"][5] for event in right.heard(text)}
        assert received_by == {1, 2}, "some came by the other worker"
    assert not processes[0].heard("in-dialog worker=2")


@pytest.mark.flow
def test_answers_over_tcp_find_the_connection_whichever_process_holds_it(
    loop: Loop, node: tuple[int, Path, list[Process]]
) -> None:
    shared, _, _ = node
    for phone in [loop.tcp(("127.0.0.1", shared)) for _ in range(12)]:
        for number in (1, 2):
            phone.send(b"INVITE worker=%d" % number + END)
            assert loop.receive(phone) == b"%d got INVITE worker=%d SIP/2.0" % (number, number)


@pytest.mark.flow
@pytest.mark.fault
def test_a_killed_worker_is_missed_and_its_successor_is_found(
    loop: Loop, node: tuple[int, Path, list[Process]]
) -> None:
    shared, run_dir, processes = node
    to_one = ("127.0.0.1", shared)
    warm = [loop.udp() for _ in range(16)]
    for phone in warm:
        phone.sendto(b"long before worker=2", to_one)
    assert {loop.receive(phone) for phone in warm} == {b"2 got long before worker=2"}
    processes[1].kill(signal.SIGKILL)
    phone = loop.udp()
    phone.sendto(b"while away worker=2", to_one)
    phone.sendto(b"still alive worker=1", to_one)
    assert loop.receive(phone) == b"1 got still alive worker=1"
    processes[1] = Process(2, shared, run_dir)
    phones = [loop.udp() for _ in range(16)]
    for phone in phones:
        phone.sendto(b"long after worker=2", to_one)
    assert {loop.receive(phone) for phone in phones} == {b"2 got long after worker=2"}


@pytest.mark.flow
def test_a_worker_that_is_asked_to_stop_ends_cleanly(node: tuple[int, Path, list[Process]]) -> None:
    _, run_dir, processes = node
    assert processes[0].kill(signal.SIGTERM) == 0
    assert not socket_path(run_dir, 1).exists()
