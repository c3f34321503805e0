"""Small helpers that any test may use."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.lanes import LANE, LANES

_given: set[int] = set()
"""Ports that somebody has got and may not have opened yet."""
MANY, TRIES = 20, 400
KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], seconds: float = 10.0, what: str = "the condition", *, every: float = 0.1
) -> T:
    """Ask `condition` until it answers something true, and return that; fail with `what` after `seconds`.

    `every`: the longest pause between two questions; more for those that cost something.
    """
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}, and it did not come")
        time.sleep(pause)
        pause = min(pause * 1.5, every)


def free_port(address: str = "127.0.0.1") -> int:
    """A port that is free for UDP and for TCP."""
    return free_ports(1, address)


def free_ports(count: int, address: str = "127.0.0.1") -> int:
    """The first of `count` neighbouring ports, each free for UDP and TCP; below the kernel's own range.

    Single ports come from a range of their own: scattered over everything they would leave no room for many neighbours.
    Of both ranges each lane has its share, because what one lane has chosen and not yet opened looks free to the other.
    """
    low, high = _share(10_000, 15_000) if count < MANY else _share(15_000, 32_000)
    for attempt in range(TRIES):
        first = random.randrange(low, high - count)
        wanted = range(first, first + count)
        if _given.isdisjoint(wanted) and all(
            _is_free(port, kind, address) for port in wanted for kind in KINDS
        ):
            _given.update(wanted)
            return first
        if attempt == TRIES // 2:
            _given.clear()  # by now they are open, or were not needed
    raise AssertionError(f"no {count} neighbouring free ports on {address}")


def listens(port: int, kind: socket.SocketKind, address: str = "127.0.0.1") -> bool:
    """Whether somebody listens there. The kernel's list is asked: to bind the port would take it from who is about to."""
    table, state = ("tcp", "0A") if kind == socket.SOCK_STREAM else ("udp", "07")
    wanted = {f"{_hex(host)}:{port:04X}" for host in (address, "0.0.0.0")}
    rows = (line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:])
    return any(row[1] in wanted and row[3] == state for row in rows)


def _hex(address: str) -> str:
    return socket.inet_aton(address)[::-1].hex().upper()


def _share(low: int, high: int) -> tuple[int, int]:
    """The part of a range that belongs to this lane."""
    size = (high - low) // LANES
    return low + LANE * size, low + (LANE + 1) * size


def _is_free(port: int, kind: socket.SocketKind, address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
