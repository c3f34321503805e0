"""A relay on real sockets, two parties that speak RTP, and a way to make packets."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from switch.media import Endpoint, PortRange, Relay
from tests.support import free_ports
from tests.switch.loop import Loop


def rtp(
    sequence: int, *, ssrc: int = 7, kind: int = 0, timestamp: int | None = None, body: bytes = b"\xd5" * 160
) -> bytes:
    """One RTP packet of 20 ms."""
    stamp = sequence * 160 if timestamp is None else timestamp
    return struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, stamp & 0xFFFFFFFF, ssrc) + body


def rtcp(ssrc: int = 7) -> bytes:
    """One empty receiver report."""
    return struct.pack("!BBHI", 0x80, 201, 1, ssrc)


class Clock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


Open = Callable[..., Relay]


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_relay(loop: Loop, clock: Clock) -> Iterator[Open]:
    """Relays whose time is moved by hand."""
    relays: list[Relay] = []

    def make(pairs: int = 50, quarantine: float = 10.0, **options: Any) -> Relay:
        first = free_ports(2 * pairs + 1)  # pairs begin at an even port
        ports = PortRange(first, first + 2 * pairs, quarantine=quarantine, clock=clock)
        relay = Relay(loop.reactor, ports, clock=clock, **options)
        relays.append(relay)
        return relay

    yield make
    for relay in relays:
        relay.stop()


class Party:
    """A phone's RTP and RTCP sockets."""

    def __init__(self, loop: Loop, host: str = "127.0.0.1") -> None:
        self.rtp, self.rtcp = loop.udp(host), loop.udp(host)
        self.address: tuple[str, int] = self.rtp.getsockname()[:2]

    def announce(self, endpoint: Endpoint, **options: Any) -> None:
        """The SDP of this party comes to the switch."""
        endpoint.expect(*self.address, rtcp=self.rtcp.getsockname()[:2], **options)


def nothing(loop: Loop, sock: socket.socket) -> bool:
    """Whether nothing came to the socket, after all that was on its way is handled."""
    loop.turn(5)
    try:
        sock.recv(4000)
    except BlockingIOError:
        return True
    return False
