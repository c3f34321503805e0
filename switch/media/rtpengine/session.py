"""The media of one call at an rtpengine node: offers, answers, another node when it is silent, and the counters at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .client import Client, Reply
from .nodes import Node

Told = Callable[[bytes | None, str], None]
"""The rewritten SDP; or None, and why."""


class NoNode(RuntimeError):
    """No node is configured."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One offer or answer as it was given to the node. `caller`: it was the caller's."""

    sdp: bytes
    caller: bool
    fields: Reply


class NgSession:
    """Where a call is carried.

    1. An offer that its node does not answer goes to the next, until none is left.
    2. An answer that its node does not answer: the offer is repeated to the next node and then answered there. What the
       offering party was told before is void then (`moved`): it has to be asked anew.
    3. `leave` gives the call another node while it is up; both parties have to be asked anew.
    """

    __slots__ = (
        "_answer",
        "_attempt",
        "_copied",
        "_copies",
        "_offer",
        "_offered",
        "_tried",
        "call_id",
        "client",
        "moved",
        "node",
    )

    def __init__(self, client: Client, call_id: str) -> None:
        """Raises NoNode."""
        node = client.nodes.choose(call_id)
        if node is None:
            raise NoNode("no rtpengine is configured: see the setting rtpengine_nodes")
        self.client = client
        self.call_id = call_id
        self.node: Node = node
        self.moved = False
        self._tried: set[Node] = set()
        self._attempt = 0
        self._offered = self.tag(True)
        self._offer: Exchange | None = None
        self._answer: Exchange | None = None
        self._copied = False
        self._copies: list[bytes] = []
        """What the node calls those who get copies."""

    def another_target(self) -> None:
        """The next offer is for another called party."""
        self._attempt += 1
        self._answer = None

    def tag(self, caller: bool) -> str:
        """What the node knows the party by."""
        return "caller" if caller else f"called-{self._attempt}"

    @property
    def last_offer(self) -> Exchange | None:
        return self._offer

    @property
    def last_of_caller(self) -> Exchange | None:
        """What the caller's own SDP was, offer or answer."""
        return next((one for one in (self._answer, self._offer) if one is not None and one.caller), None)

    # --- commands ---------------------------------------------------------------------------------------------------------------

    def offer(self, sdp: bytes, caller: bool, fields: Reply, told: Told) -> None:
        """Give it an offer."""
        exchange = self._offer = Exchange(sdp, caller, fields)
        self._offered = self.tag(caller)
        tags: Reply = {"from-tag": self._offered}
        if self._answer is not None:
            tags["to-tag"] = self.tag(not caller)

        def done(reply: Reply | None) -> None:
            if reply is None and self._next():
                self._answer = None
                self.offer(sdp, caller, fields, told)
            else:
                told(*_body(reply))

        self._ask("offer", {**exchange.fields, **tags, "sdp": sdp}, done)

    def answer(self, sdp: bytes, caller: bool, fields: Reply, told: Told) -> None:
        """Give it the answer to the last offer."""
        offer = self._offer
        if offer is None:
            told(None, "an answer without an offer")
            return
        self._answer = Exchange(sdp, caller, fields)
        tags = {"from-tag": self.tag(not caller), "to-tag": self.tag(caller)}

        def done(reply: Reply | None) -> None:
            if reply is None and self._next():
                self.moved = True
                self._answer = None
                self.offer(offer.sdp, offer.caller, offer.fields, again)
            else:
                told(*_body(reply))

        def again(body: bytes | None, why: str) -> None:
            told(None, why) if body is None else self.answer(sdp, caller, fields, told)

        self._ask("answer", {**fields, **tags, "sdp": sdp}, done)

    def leave(self) -> bool:
        """Go to another node; False when there is none."""
        self._answer = None
        return self._next()

    def delete(self, told: Callable[[Reply], None]) -> None:
        """The call is over; its counters, empty when the node does not answer.

        The tag is that of the last offer: a node deletes nothing for one that it does not know, and counts nothing without one.
        """
        self._ask("delete", {"from-tag": self._offered, "delete-delay": 0}, lambda reply: told(reply or {}))

    def query(self, told: Callable[[Reply], None]) -> None:
        """Its counters now, empty when the node does not answer."""
        self._ask("query", {}, lambda reply: told(reply or {}))

    def subscribe(
        self, caller: bool, port: tuple[str, int], told: Callable[[bytes | None, str], None]
    ) -> None:
        """Have a copy of what a party says sent there, decrypted and as G.711 A-law. `told`: the node's SDP, or why there is no copy."""
        asked: Reply = {
            "from-tag": self.tag(caller),
            "transport-protocol": "RTP/AVP",
            "codec": {"transcode": ["PCMA"], "mask": ["all"]},
            "ICE": "remove",
        }

        def offered(reply: Reply | None) -> None:
            body, why = _body(reply)
            if body is None or reply is None:
                told(None, why)
                return
            tag = reply.get("to-tag", b"")
            if not self._copied:  # nobody wants it any more
                self._ask("unsubscribe", {"to-tag": tag}, lambda _reply: None)
                return
            self._copies.append(tag)
            answer: Reply = {"to-tag": tag, "flags": ["allow-transcoding"], "sdp": _listening(*port)}
            self._ask("subscribe answer", answer, lambda last: told(*_accepted(last, body)))

        self._copied = True
        self._ask("subscribe request", asked, offered)

    def unsubscribe(self) -> None:
        """Have no more copies sent: the ports will soon be somebody else's."""
        self._copied = False
        copies, self._copies = self._copies, []
        for tag in copies:
            self._ask("unsubscribe", {"to-tag": tag}, lambda _reply: None)

    def play(self, caller: bool, path: str, times: int, told: Callable[[Reply], None]) -> None:
        """Let a party hear a file of the node's own, so many times."""
        fields: Reply = {"from-tag": self.tag(caller), "file": path, "repeat-times": times}
        self._ask("play media", fields, lambda reply: told(reply or {}))

    def quiet(self, caller: bool) -> None:
        """What it hears of us ends."""
        self._ask("stop media", {"from-tag": self.tag(caller)}, lambda _reply: None)

    def _next(self) -> bool:
        self._tried.add(self.node)
        node = self.client.nodes.choose(self.call_id, self._tried)
        if node is None:
            return False
        self.node = node
        self._copies.clear()
        return True

    def _ask(self, command: str, fields: Reply, done: Callable[[Reply | None], None]) -> None:
        self.client.ask(self.node, command, {"call-id": self.call_id, **fields}, done)


def _listening(host: str, port: int) -> bytes:
    """An answer that hears A-law there, and says nothing."""
    kind = "IP6" if ":" in host else "IP4"
    lines = (
        "v=0", f"o=- {port} 1 IN {kind} {host}", "s=-", f"c=IN {kind} {host}", "t=0 0", f"m=audio {port} RTP/AVP 8",
        "a=rtpmap:8 PCMA/8000", "a=recvonly",
    )  # fmt: skip
    return ("\r\n".join(lines) + "\r\n").encode()


def _accepted(reply: Reply | None, body: bytes) -> tuple[bytes | None, str]:
    """The SDP that was answered, if the node took the answer, which tells no SDP itself."""
    taken = reply is not None and reply.get("result") == b"ok"
    return (body, "") if taken else _body(reply)


def _body(reply: Reply | None) -> tuple[bytes | None, str]:
    if reply is None:
        return None, "no rtpengine answers"
    sdp: Any = reply.get("sdp")
    if reply.get("result") == b"ok" and isinstance(sdp, bytes):
        return sdp, ""
    reason = reply.get("error-reason", b"no reason given")
    return (
        None,
        f"rtpengine refuses: {reason.decode('utf-8', 'replace') if isinstance(reason, bytes) else reason}",
    )
