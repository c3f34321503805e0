"""What a worker holds at this moment, to see that it lets go of what is over."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from switch.memory import resident_kilobytes

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.net.counters import Counters
    from switch.sip.timers import Timed


def held(board: Board, net: Counters) -> dict[str, int]:
    """Name → number.

    `clients` and `servers` are transactions, which live on for about half a minute after their end to absorb
    copies; `untimed` are those that no timer will end: while no call is up there must be none. `failures` are
    defects: exceptions that nobody had foreseen, each with its traceback in the log.
    """
    layer = board.layer
    transactions: list[Timed] = [*layer.clients.values(), *layer.servers.values()]
    return {
        "calls": len(board.calls),
        "dialogs": len(board.dialogs),
        "invites": len(board.invites),
        "clients": len(layer.clients),
        "servers": len(layer.servers),
        "unacked": len(layer.unacked),
        "untimed": sum(tx.due == inf for tx in transactions),
        "phones": len(board.registrar),
        "lines": sum(board.usage.counts()[1].values()),
        "bad_messages": board.counters.bad_messages,
        "shed": layer.refused + board.counters.unread,
        "unwritten": board.counters.unwritten,
        "failures": board.counters.failures + net.handler_failures,
        "rss_kb": resident_kilobytes(),
    }
