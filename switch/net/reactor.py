"""What the sockets of the switch ask of Twisted's reactor: it is always passed in, never imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """A call to come (IDelayedCall)."""

    def cancel(self) -> None:
        """Do not call."""

    def active(self) -> bool:
        """Whether it is still to come."""


class Reactor(Protocol):
    """The part of IReactorFDSet, IReactorTime, IReactorTCP and IReactorSocket that is used here."""

    def addReader(self, reader: Any) -> Any:
        """Call `reader.doRead()` whenever there is something to read."""

    def removeReader(self, reader: Any) -> Any:
        """No longer."""

    def addWriter(self, writer: Any) -> Any:
        """Call `writer.doWrite()` whenever there is room."""

    def removeWriter(self, writer: Any) -> Any:
        """No longer."""

    def seconds(self) -> float:
        """Now, for differences."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: Any) -> Timer:
        """Call once, `delay` seconds from now."""

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> Any:
        """Open a connection."""

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Port:
        """Accept on a socket that listens already; works on a copy of the descriptor."""


class Port(Protocol):
    """A listening TCP port (IListeningPort)."""

    def stopListening(self) -> Any:
        """Close it."""


class Transport(Protocol):
    """The part of a TCP transport that is used here."""

    def write(self, data: bytes) -> None:
        """Send, or keep until there is room."""

    def loseConnection(self) -> None:
        """Close after what was written."""

    def abortConnection(self) -> None:
        """Close at once."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nagle's algorithm off."""

    def getHandle(self) -> Any:
        """The socket, or what TLS has made of it."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Ask the kernel to notice dead peers."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Tell when the send buffer is full and when it has room."""

    def unregisterProducer(self) -> None:
        """No longer."""

    def getPeerCertificate(self) -> Any:
        """Of TLS: what the remote has shown."""
