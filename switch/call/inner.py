"""Ways between the workers of a node that are calls themselves: an INVITE to the shared port, sealed with the secret they share.

So one worker joins a party of its own to the dialog of another (`replaces`), or picks up what rings there. Such a way
costs nobody anything and leaves no record; the calls at its two ends do.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING

from switch.call import dial
from switch.call.model import Decision, Target, TrunkAddress
from switch.call.onward import Apart
from switch.net import Flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.board import Board
    from switch.call.branch import Branch
    from switch.call.call import Call
    from switch.call.reliable import Owed
    from switch.sip.message import Header, Request, Response

SEAL = "X-Mizu-Inner"
GOOD_FOR = 10.0
"""Seconds that a seal is good for."""
NOT_HERE = 404
RING_SECONDS, RESPONSE_SECONDS = 120, 5


def seal(board: Board, what: str) -> Header:
    """The header that proves to another worker that one of us sends this."""
    at = str(int(board.wall()))
    return SEAL, f"{at}.{_mac(board, at, what)}"


def sealed(board: Board, request: Request, what: str) -> bool:
    """Whether a worker of this node sent the request, lately."""
    at, _, mac = (request.get(SEAL) or "").partition(".")
    return (
        at.isdigit()
        and len(at) <= 12
        and abs(board.wall() - int(at)) <= GOOD_FOR
        and hmac.compare_digest(mac.encode(), _mac(board, at, what).encode())
    )


def _mac(board: Board, at: str, what: str) -> str:
    return hmac.new(board.secret, f"{at}|{what}".encode(), sha256).hexdigest()


def own_trunk(board: Board, flow: Flow, worker_port: int = 0) -> TrunkAddress:
    """The shared port of this node, as a place to send an INVITE to (the right worker gets it by the labels in it); or one worker's."""
    host, port = board.sockets.local_address(flow._replace(own=False))
    port = worker_port or port
    return TrunkAddress(
        host=host,
        port=port,
        transport="udp",
        strip_digits=0,
        prefix="",
        max_calls=0,
        answer_seconds=RING_SECONDS,
        response_seconds=RESPONSE_SECONDS,
        username="",
        realm="",
        ha1_md5="",
        ha1_sha256="",
    )


def ask_siblings(call: Call, header: str, asked: str, why: str) -> bool:
    """Dial the other workers of the node, one after the other, until one has what is asked for; False: there are none."""
    board, decision = call.board, call.decision
    ports = board.sockets.siblings()
    if decision is None or not ports:
        return False
    call.extra = ((header, asked), seal(board, asked))
    decision.targets = [
        Target("inner", call.account, call.request.called, own_trunk(board, call.caller.flow, port), why=why)
        for port in ports
    ]
    decision.failover_statuses = frozenset((NOT_HERE, 408, 503))
    call.place = 0
    dial.following(call, NOT_HERE)
    return True


class Inner(Apart):
    """A way to another dialog of this node, within the call whose party is joined to it; its `extra` headers say what it asks for there."""

    __slots__ = ("connected",)
    connected: Callable[[Branch, Response], None]
    recorded = False

    def begin(self) -> None:
        """Dial our own node."""
        whole = self.whole
        assert whole.decision is not None
        trunk = own_trunk(self.board, whole.caller.flow)
        self.decision = Decision(
            caller=self.account,
            caller_number=self.request.shown_number,
            caller_display="",
            called=self.request.called,
            destination="",
            payers=[],
            targets=[Target("inner", self.account, self.request.called, trunk, why="joins two calls")],
            max_seconds=0,
            world_version=whole.world_version,
            failover_statuses=frozenset(),
        )
        dial.begin(self)

    def progress(self, response: Response, branch: Branch, owed: Owed | None = None) -> bool:
        self.state = "ringing"
        return False

    def answer(self, branch: Branch, response: Response) -> None:
        if self.taken(branch, response):
            self.connected(branch, response)
