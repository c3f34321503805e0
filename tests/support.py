"""Small helpers that any test may use."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

_given: set[int] = set()
"""Ports that somebody has got and may not have opened yet."""
MANY, TRIES = 20, 400
KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 10.0, what: str = "the condition") -> T:
    """Ask `condition` until it answers something true, and return that; fail with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}, and it did not come")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def free_port(address: str = "127.0.0.1") -> int:
    """A port that is free for UDP and for TCP."""
    return free_ports(1, address)


def free_ports(count: int, address: str = "127.0.0.1") -> int:
    """The first of `count` neighbouring ports, each free for UDP and TCP; below the kernel's own range.

    Single ports come from a range of their own: scattered over everything they would leave no room for many neighbours.
    """
    low, high = (10_000, 15_000) if count < MANY else (15_000, 32_000)
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


def _is_free(port: int, kind: socket.SocketKind, address: str) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
