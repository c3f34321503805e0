"""How many calls' media one core relays.

`./mizu bench rtp [--workers N] [--from CALLS] [--to CALLS] [--step CALLS] [--seconds S] [--json FILE]`

The worker's own relay on the worker's own reactor, one process per worker on a core of its own; G.711 in both directions:
100 packets a second and call, each with 20 ms of sound, spread over time as real calls are. The number of calls rises until
a packet is lost in the relay: sent to it and not heard (its socket's buffer was full), or heard and not sent on; or until
one in a hundred is late by more than a frame. What the load generator itself does not hear is told apart. The delay is
from sending a packet to hearing it again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import selectors
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.calls import cpu
from tests.support import free_ports

FRAME = 0.02
SLOTS = 20
"""Parts of a frame in which packets are sent: calls do not all speak in the same millisecond."""
EARS = 16
"""Sockets by which the generator hears, for each side: one would overflow."""
HEADER = struct.Struct("!BBHIIQ")
SILENCE = b"\xd5" * 152


@dataclass(frozen=True, slots=True)
class Step:
    """What so many calls gave. `cpu`: of one core, by relay process; `delays` are ms."""

    calls: int
    sent: int
    lost: int
    unheard: int
    cpu: list[float]
    delays: list[float]

    @property
    def passed(self) -> bool:
        return self.sent > 0 and not self.lost and self.percentile(0.99) <= 1000 * FRAME

    def percentile(self, share: float) -> float:
        ordered = sorted(self.delays)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./mizu bench rtp", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--from", dest="first", type=int, default=50)
    parser.add_argument("--to", dest="last", type=int, default=600)
    parser.add_argument("--step", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    best: Step | None = None
    last: Step | None = None
    for calls in range(options.first, options.last + 1, options.step):
        last = run(calls, options.workers, options.seconds)
        show(last)
        if not last.passed:
            break
        best = last
    told = best or last
    assert told is not None, "there is no such number of calls"
    result = {
        "calls": best.calls if best else 0,
        "cpu_percent_of_a_core": round(100 * sum(told.cpu)),
        "packets_per_second": round(told.sent / options.seconds),
        "delay_p50_ms": round(told.percentile(0.50), 2),
        "delay_p99_ms": round(told.percentile(0.99), 2),
        "lost": told.lost,
        "workers": options.workers,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if best else 1


def run(calls: int, workers: int, seconds: int) -> Step:
    """Start the relays, send for so many seconds, and compare what they heard and sent with what was sent."""
    ears = [ear() for _ in range(2 * EARS)]
    cores = sorted(os.sched_getaffinity(0))
    relays = []
    for number in range(workers):
        share = calls // workers + (number < calls % workers)
        core = cores[number % len(cores)]
        relays.append(Relaying(share, [sock.getsockname()[1] for sock in ears], core))
    targets = [
        (ears[one % EARS + side * EARS], ("127.0.0.1", port))
        for relay in relays
        for one, ports in enumerate(relay.ports)
        for side, port in enumerate(ports)
    ]
    before = [relay.cpu() for relay in relays]
    began = time.monotonic()
    sent, heard, delays = speak(targets, ears, seconds)
    lasted = time.monotonic() - began
    shares = [(relay.cpu() - used) / lasted for relay, used in zip(relays, before, strict=True)]
    totals = [relay.stop() for relay in relays]
    for sock in ears:
        sock.close()
    got, unsent = sum(one["packets"] for one in totals), sum(one["unsent"] for one in totals)
    return Step(calls, sent, sent - got + unsent, got - unsent - heard, shares, delays)


def ear() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


def speak(targets: list[Any], ears: list[socket.socket], seconds: int) -> tuple[int, int, list[float]]:
    """Send every stream's packet once a frame; how many were sent and heard, and their delays in ms."""
    watch = selectors.DefaultSelector()
    for sock in ears:
        watch.register(sock, selectors.EVENT_READ)
    slots = [targets[place::SLOTS] for place in range(SLOTS)]
    began = time.monotonic()
    delays: list[float] = []
    sent = 0
    for frame in range(int(seconds / FRAME)):
        for place, slot in enumerate(slots):
            due = began + FRAME * (frame + place / SLOTS)
            hear(watch, delays, max(0.0, due - time.monotonic()))
            for sock, target in slot:
                data = HEADER.pack(0x80, 8, frame & 0xFFFF, frame * 160, 1, time.monotonic_ns()) + SILENCE
                sock.sendto(data, target)
            sent += len(slot)
    deadline = time.monotonic() + 1.0
    while len(delays) < sent and time.monotonic() < deadline:
        hear(watch, delays, 0.05)
    return sent, len(delays), delays


def hear(watch: selectors.BaseSelector, delays: list[float], seconds: float) -> None:
    """Take all that comes within so many seconds."""
    until = time.monotonic() + seconds
    while True:
        for key, _ in watch.select(max(0.0, until - time.monotonic())):
            sock: Any = key.fileobj
            try:
                while True:
                    data = sock.recv(2048)
                    delays.append((time.monotonic_ns() - HEADER.unpack_from(data)[5]) / 1e6)
            except BlockingIOError:
                pass
        if time.monotonic() >= until:
            return


class Relaying:
    """A relay in a process of its own."""

    def __init__(self, calls: int, ears: list[int], core: int) -> None:
        first = free_ports(4 * calls + 4)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.rtp", str(calls), str(first), *map(str, ears)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.ports: list[tuple[int, int]] = json.loads(self.process.stdout.readline())
        os.sched_setaffinity(self.process.pid, {core})

    def cpu(self) -> float:
        return cpu({"relay": self.process.pid})["relay"]

    def stop(self) -> dict[str, int]:
        out, _ = self.process.communicate("stop\n", timeout=30)
        totals: dict[str, int] = json.loads(out)
        return totals


def relay(calls: int, first: int, ears: list[int]) -> None:
    """The other process: a worker's relay and reactor; prints its ports, and at the end what it heard."""
    from switch.reactor import install

    install()
    from twisted.internet import reactor, stdio
    from twisted.internet.protocol import Protocol

    from switch.media import PortRange, Relay
    from switch.memory import Collector

    running: Any = reactor
    made = Relay(running, PortRange(first, first + 4 * calls + 3, clock=time.monotonic))
    made.start()
    sessions = [made.open(str(number)) for number in range(calls)]
    for number, session in enumerate(sessions):
        session.caller.expect("127.0.0.1", ears[number % EARS])
        session.called.expect("127.0.0.1", ears[number % EARS + EARS])

    class Order(Protocol):
        def dataReceived(self, data: bytes) -> None:
            running.stop()

    stdio.StandardIO(Order(), reactor=running)
    Collector(time.monotonic)
    print(json.dumps([(one.caller.local[1], one.called.local[1]) for one in sessions]), flush=True)
    running.run(installSignalHandlers=False)
    streams = [end.stream for one in sessions for end in (one.caller, one.called)]
    os.set_blocking(1, True)
    print(json.dumps({"packets": sum(s.packets for s in streams), "unsent": sum(s.unsent for s in streams)}))


def show(step: Step) -> None:
    verdict = "ok" if step.passed else "FAILED"
    print(
        f"{step.calls:5} calls: {verdict}, {step.sent} packets sent, {step.lost} lost in the relay,"
        f" {step.unheard} not heard by the generator, {100 * sum(step.cpu):.0f} % of a core,"
        f" delay p50 {step.percentile(0.5):.2f} ms p99 {step.percentile(0.99):.2f} ms",
        flush=True,
    )


if __name__ == "__main__":
    relay(int(sys.argv[1]), int(sys.argv[2]), [int(one) for one in sys.argv[3:]])
