"""The ng protocol: a cookie and a bencoded dictionary in each datagram, one answer to each (rtpengine's documentation, "The ng Control Protocol").

A request is sent again after half a second, twice; rtpengine answers a cookie that it knows from its memory. A node
that has answered none of the three is down: its calls are told, and it is asked with a ping until it answers again.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from switch.net.reactor import Reactor, Timer

from .bencode import BadBencode, decode, encode
from .nodes import Node, Nodes

log = logging.getLogger("switch.media.rtpengine")

AGAIN: Final = 0.5
TIMES: Final = 3
PING: Final = 2.0
_LONGEST: Final = 65536

Reply = dict[str, Any]
Done = Callable[[Reply | None], None]
"""What the node answered; None: nothing."""


class Client:
    """One worker's way to all its nodes. `on_down(node)` is told once when a node stops answering."""

    def __init__(self, reactor: Reactor, nodes: Nodes | None = None) -> None:
        self.nodes = nodes or Nodes()
        self.on_down: list[Callable[[Node], None]] = []
        self._reactor = reactor
        self._ways: dict[int, _Way] = {}
        self._waiting: dict[bytes, _Waiting] = {}
        self._prefix = os.urandom(6).hex()
        self._count = 0
        self._timer: Timer | None = None

    @property
    def busy(self) -> bool:
        """Whether a command other than a ping has no answer yet."""
        return any(not waiting.ping for waiting in self._waiting.values())

    def start(self) -> None:
        """Begin to look after the nodes."""
        self._look()

    def stop(self) -> None:
        """Close the sockets; what was asked is not answered any more."""
        for waiting in self._waiting.values():
            waiting.timer.cancel()
        self._waiting.clear()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for way in self._ways.values():
            way.close()
        self._ways.clear()

    def follow(self, nodes: tuple[Node, ...]) -> None:
        """Use these nodes from now on."""
        if nodes != self.nodes.all:
            self.nodes.follow(nodes)

    def ask(self, node: Node, command: str, fields: Reply, done: Done) -> None:
        """Send a command; `done` is called once, never from within this call."""
        self._count += 1
        cookie = f"{self._prefix}-{self._count}".encode()
        data = cookie + b" " + encode({"command": command, **fields})
        waiting = _Waiting(
            node, data, done, self._reactor.callLater(AGAIN, self._again, cookie), ping=command == "ping"
        )
        self._waiting[cookie] = waiting
        self._send(node, data)

    def _send(self, node: Node, data: bytes) -> None:
        family = socket.AF_INET6 if ":" in node.host else socket.AF_INET
        way = self._ways.get(family)
        if way is None:
            way = self._ways[family] = _Way(self._reactor, family, self._heard)
        way.send(data, (node.host, node.port))

    def _again(self, cookie: bytes) -> None:
        waiting = self._waiting[cookie]
        waiting.sent += 1
        if waiting.sent > TIMES:
            del self._waiting[cookie]
            self._silent(waiting.node)
            waiting.done(None)
            return
        waiting.timer = self._reactor.callLater(AGAIN, self._again, cookie)
        self._send(waiting.node, waiting.data)

    def _heard(self, data: bytes, source: tuple[str, int]) -> None:
        cookie, _, body = data.partition(b" ")
        waiting = self._waiting.get(cookie)
        if waiting is None or (waiting.node.host, waiting.node.port) != source:
            return
        try:
            reply = decode(body)
        except BadBencode as error:
            log.warning("an answer of rtpengine at %s cannot be read: %s", source, error)
            return
        del self._waiting[cookie]
        waiting.timer.cancel()
        if waiting.node in self.nodes.down:
            log.warning("rtpengine at %s port %s answers again", *source)
            self.nodes.down.discard(waiting.node)
        waiting.done(reply if isinstance(reply, dict) else {})

    def _silent(self, node: Node) -> None:
        if node in self.nodes.down or node not in self.nodes.all:
            return
        log.error("rtpengine at %s port %s does not answer", node.host, node.port)
        self.nodes.down.add(node)
        for tell in self.on_down:
            tell(node)

    def _look(self) -> None:
        self._timer = self._reactor.callLater(PING, self._look)
        for node in self.nodes.all:
            self.ask(node, "ping", {}, lambda _reply: None)


class _Waiting:
    """A request without an answer yet."""

    __slots__ = ("data", "done", "node", "ping", "sent", "timer")

    def __init__(self, node: Node, data: bytes, done: Done, timer: Timer, *, ping: bool) -> None:
        self.node, self.data, self.done, self.timer = node, data, done, timer
        self.sent = 1
        self.ping = ping


@implementer(IReadDescriptor)
class _Way:
    """One socket of an address family."""

    def __init__(
        self, reactor: Reactor, family: int, heard: Callable[[bytes, tuple[str, int]], None]
    ) -> None:
        self._reactor, self._on_datagram = reactor, heard
        self._sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        reactor.addReader(self)

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        try:
            self._sock.sendto(data, to)
        except OSError as error:
            log.info("nothing can be sent to rtpengine at %s: %s", to, error)

    def doRead(self) -> None:
        while True:
            try:
                data, source = self._sock.recvfrom(_LONGEST)
            except OSError:  # nothing more, or an ICMP error: the timer sees to that
                return
            self._on_datagram(data, source[:2])

    def close(self) -> None:
        self._reactor.removeReader(self)
        self._sock.close()

    def connectionLost(self, reason: Failure) -> None:
        if self._sock.fileno() >= 0:
            self._reactor.addReader(self)

    def fileno(self) -> int:
        return self._sock.fileno()

    def logPrefix(self) -> str:
        return "rtpengine"
