"""A real Twisted reactor that a test turns by hand until something has happened."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.epollreactor import EPollReactor


class Loop:
    """An own reactor per test, never the global one; `until` is the only way to wait, and it has a deadline."""

    def __init__(self) -> None:
        self.reactor: Any = EPollReactor()
        self._sockets: list[socket.socket] = []

    def until(self, happened: Callable[[], Any], what: str, seconds: float = 5.0) -> None:
        """Turn the reactor until it has happened."""
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for: {what}"
            self.reactor.iterate(0.01)

    def turn(self, times: int = 3) -> None:
        """Handle all that is there already."""
        for _ in range(times):
            self.reactor.iterate(0)

    def udp(self, host: str = "127.0.0.1", port: int = 0) -> socket.socket:
        """A peer's socket."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets.append(sock)
        sock.setblocking(False)
        sock.bind((host, port))
        return sock

    def tcp(self, address: tuple[str, int], source: str | None = None) -> socket.socket:
        """A peer's connection."""
        sock = socket.create_connection(address, timeout=5, source_address=(source, 0) if source else None)
        self._sockets.append(sock)
        sock.setblocking(False)
        return sock

    def listener(self, host: str = "127.0.0.1") -> socket.socket:
        """A peer that listens."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self._sockets.append(sock)
        sock.bind((host, 0))
        sock.listen(8)
        sock.setblocking(False)
        return sock

    def accept(self, listener: socket.socket) -> socket.socket:
        """The next connection that comes to a peer."""
        got: list[socket.socket] = []

        def arrived() -> bool:
            try:
                got.append(listener.accept()[0])
            except BlockingIOError:
                return False
            return True

        self.until(arrived, "a connection")
        got[0].setblocking(False)
        self._sockets.append(got[0])
        return got[0]

    def receive(self, sock: socket.socket, what: str = "an answer") -> bytes:
        """The next thing that a peer gets; b'' at the end of a stream."""
        got: list[bytes] = []

        def arrived() -> bool:
            try:
                got.append(sock.recv(65536))
            except BlockingIOError:
                return False
            except ConnectionResetError:
                got.append(b"")
            return True

        self.until(arrived, what)
        return got[0]

    def close(self) -> None:
        """Close the peers' sockets and the reactor's own descriptors."""
        for sock in self._sockets:
            sock.close()
        for call in self.reactor.getDelayedCalls():
            call.cancel()
        for descriptor in self.reactor.removeAll():
            descriptor.connectionLost(None) if not hasattr(descriptor, "_sock") else None
        for waker in self.reactor._internalReaders:
            waker.connectionLost(None)
        self.reactor._poller.close()
