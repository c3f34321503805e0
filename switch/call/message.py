"""Short messages between accounts of ours, in real time (RFC 3428): what one phone sends goes to all phones of the other.

1. Who sends proves itself as for a call; only accounts with phones send, and only to accounts of ours.
2. Every phone gets it; the first 2xx is the answer, else the best refusal. Nothing is kept: nobody there is 480, and never 202.
3. Longer than fits into a datagram everywhere (§8) is refused with 513.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call.alarms import Alarm
from switch.call.asker import Asker
from switch.call.board import bracketed
from switch.call.identity import quoted
from switch.call.ringing import best
from switch.call.transfer import PHONES
from switch.sip.message import Request, Response

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.model import Caller
    from switch.registrar import Binding
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Header
    from switch.sip.server import ServerTransaction

LONGEST = 1300
ANSWER_WITHIN = 20.0
"""Seconds; a transaction of the sender lasts 32 (RFC 3261 §17.1.2.2)."""
_CARRIED = ("Content-Type", "Content-Language", "Subject", "Priority", "Expires", "Date")


class Delivery(Asker):
    """One message on its way to the phones of an account."""

    __slots__ = ("alarm", "board", "open", "statuses", "tx")

    def __init__(self, board: Board, tx: ServerTransaction) -> None:
        self.board = board
        self.tx = tx
        self.open = 0
        self.statuses: list[int] = []
        self.alarm = Alarm(self._late)

    def send(self, request: Request, sender: Caller, bindings: list[Binding]) -> None:
        """To every phone."""
        self.open = len(bindings)
        self.board.alarms.set(self.alarm, self.board.now + ANSWER_WITHIN)
        for binding in bindings:
            made = _made(self.board, request, sender, binding)
            self.board.layer.request(made, binding.flow, self.board.now).context = self

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        if response.status >= 200:
            self._ended(response.status)

    def on_timeout(self) -> None:
        self._ended(408)

    def on_transport_error(self) -> None:
        self._ended(480)

    def _late(self) -> None:
        """The sender must hear something before its own transaction gives up."""
        self.tx.reply(480, self.board.now)

    def _ended(self, status: int) -> None:
        self.open -= 1
        self.statuses.append(status)
        if status < 300 or not self.open:
            self.board.alarms.cancel(self.alarm)
        if status < 300:
            self.tx.reply(200, self.board.now)
        elif not self.open and not any(one < 300 for one in self.statuses):
            status = best(self.statuses)
            self.tx.reply(480 if status < 400 or status in {401, 407, 408} else status, self.board.now)


def deliver(board: Board, tx: ServerTransaction, request: Request, sender: Caller) -> None:
    """Send on what a known account has sent, or refuse it."""
    world = board.world()
    account_id = world.local(request.target.user.removeprefix("+"))
    account = world.account(account_id) if account_id is not None else None
    if not sender.enabled or sender.kind not in PHONES:
        tx.reply(403, board.now)
    elif account is None or not account.enabled:
        tx.reply(404, board.now)
    elif len(request.body) > LONGEST:
        tx.reply(513, board.now)
    elif bindings := board.registrar.reachable(account.id, board.wall()):
        Delivery(board, tx).send(request, sender, bindings)
    else:
        tx.reply(480, board.now)


def _made(board: Board, request: Request, sender: Caller, binding: Binding) -> Request:
    """The message as one phone gets it: from the account, whatever the sender wrote there."""
    ids, flow = board.ids, binding.flow
    host = board.sockets.local_address(flow)[0]
    hops = request.max_forwards
    headers: list[Header] = [
        ("Via", board.via(flow)),
        ("Max-Forwards", str(max(0, (70 if hops is None else hops) - 1))),
        *(("Route", route) for route in binding.path),
        ("From", f"{quoted(request.from_.display)}<sip:{sender.username}@{bracketed(host)}>;tag={ids.tag()}"),
        ("To", f"<{binding.uri}>"),
        ("Call-ID", f"{ids.random()}@{host}"),
        ("CSeq", "1 MESSAGE"),
        *((name, value) for name in _CARRIED if (value := request.get(name))),
    ]
    return Request("MESSAGE", binding.uri, headers, request.body)
