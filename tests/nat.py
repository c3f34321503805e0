"""NATs of the four kinds (guide 10856-10870), in front of phones that believe to be somewhere else."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass, field
from typing import Literal

Address = tuple[str, int]
Kind = Literal["full cone", "restricted cone", "port restricted cone", "symmetric"]
KINDS: tuple[Kind, ...] = ("full cone", "restricted cone", "port restricted cone", "symmetric")


@dataclass
class Mapping:
    """A port outside that stands for an address inside, and whom the phone has sent to by it."""

    sock: socket.socket
    sent: set[Address] = field(default_factory=set)

    def lets_in(self, source: Address, kind: Kind) -> bool:
        if kind == "full cone":
            return True
        if kind == "restricted cone":
            return source[0] in {host for host, _ in self.sent}
        return source in self.sent


class Nat:
    """One box with one address outside."""

    def __init__(self, kind: Kind, outside: str) -> None:
        self.kind, self.outside = kind, outside
        self.kept_out = 0
        self._mappings: dict[tuple[Address, Address | None], Mapping] = {}

    def send(self, inside: Address, data: bytes, to: Address) -> None:
        key = (inside, to if self.kind == "symmetric" else None)
        if key not in self._mappings:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((self.outside, 0))
            self._mappings[key] = Mapping(sock)
        self._mappings[key].sent.add(to)
        self._mappings[key].sock.sendto(data, to)

    def places(self, inside: Address) -> list[Address]:
        """How the world sees that address of a phone."""
        return [one.sock.getsockname() for (of, _), one in self._mappings.items() if of == inside]

    def receive(self, inside: Address, seconds: float) -> tuple[bytes, Address]:
        """The next datagram that gets in; TimeoutError."""
        deadline = time.monotonic() + seconds
        mine = {one.sock: one for (of, _), one in self._mappings.items() if of == inside}
        while (left := deadline - time.monotonic()) > 0:
            for sock in select.select(list(mine), [], [], left)[0]:
                data, source = sock.recvfrom(65536)
                if mine[sock].lets_in(source, self.kind):
                    return data, source
                self.kept_out += 1
        raise TimeoutError

    def close(self) -> None:
        for one in self._mappings.values():
            one.sock.close()


class Inside:
    """A phone's socket behind a NAT, as far as peers of tests use one."""

    def __init__(self, nat: Nat, host: str, port: int) -> None:
        self.nat, self.address = nat, (host, port)
        self._seconds = 0.0

    def getsockname(self) -> Address:
        return self.address

    def settimeout(self, seconds: float) -> None:
        self._seconds = seconds

    def sendto(self, data: bytes, to: Address) -> None:
        self.nat.send(self.address, data, to)

    def recvfrom(self, most: int) -> tuple[bytes, Address]:
        return self.nat.receive(self.address, self._seconds)

    def recv(self, most: int) -> bytes:
        return self.recvfrom(most)[0]

    def close(self) -> None: ...
