"""The rtpengine processes that we may use: their weights, and which of them answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import ip_address
from math import log
from typing import Final

_SCALE: Final = float(1 << 64)


@dataclass(frozen=True, slots=True)
class Node:
    """Where one listens for the ng protocol, and its share of the calls beside the others'."""

    host: str
    port: int
    weight: int = 1


def parse_nodes(words: Iterable[str]) -> tuple[Node, ...]:
    """From `127.0.0.1:22222` or `10.0.0.5:22222=3` (weight 3), IPv6 in brackets. Raises ValueError with a sentence."""
    return tuple(_node(word.strip()) for word in words if word.strip())


def _node(text: str) -> Node:
    place, _, weight = text.partition("=")
    host, colon, port = place.rpartition(":")
    try:
        address = str(ip_address(host.strip("[]")))
    except ValueError:
        raise ValueError(
            f"{text!r} does not begin with an address and a port, such as 127.0.0.1:22222"
        ) from None
    if not (colon and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"{text!r} has no port from 1 to 65535")
    if weight and not (weight.isdecimal() and 0 < int(weight) <= 1000):
        raise ValueError(f"{text!r} has no weight from 1 to 1000 after the equals sign")
    return Node(address, int(port), int(weight or 1))


class Nodes:
    """Chooses a node for each call. One that has not answered is passed over until it answers again."""

    def __init__(self) -> None:
        self.all: tuple[Node, ...] = ()
        self.down: set[Node] = set()

    def follow(self, nodes: tuple[Node, ...]) -> None:
        """The configured ones, from now on."""
        self.all = nodes
        self.down &= set(nodes)

    @property
    def answering(self) -> bool:
        """Whether any of them does, as far as is known."""
        return len(self.down) < len(self.all)

    def choose(self, call_id: str, tried: Iterable[Node] = ()) -> Node | None:
        """The node for this call: of those that answer, by weight and by the call's id; None when none is left.

        By rendezvous hashing, so that every worker finds the same node and one that goes moves only its own calls.
        """
        left = [node for node in self.all if node not in tried]
        alive = [node for node in left if node not in self.down] or left
        return max(alive, key=lambda node: _score(node, call_id), default=None)


def _score(node: Node, call_id: str) -> float:
    digest = blake2b(f"{node.host} {node.port} {call_id}".encode(), digest_size=8).digest()
    chance = (int.from_bytes(digest, "big") + 1) / (_SCALE + 2)
    return node.weight / -log(chance)
