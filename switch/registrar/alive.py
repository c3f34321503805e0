"""Keeps the holes in NATs open in front of phones that registered by UDP (setting `udpkeepalive`, guide 4905).

An empty line (RFC 5626 §3.5.1) goes to every phone whose Contact is not where its REGISTER came from. Phones are spread
over the interval by their account, so that each second has its share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.registrar.binding import Binding
    from switch.registrar.table import Table

PING = b"\r\n\r\n"
DEFAULT_PORT = 5060
SLOTS = 60
"""Accounts are spread over so many parts; the longest interval is a minute."""


class Alive:
    """The phones of this worker that are behind a NAT."""

    def __init__(self, board: Board, table: Table) -> None:
        self._board = board
        self._table = table
        self._slots: list[set[int]] = [set() for _ in range(SLOTS)]
        self._second = 0

    def note(self, account_id: int) -> None:
        """The account's phones have changed."""
        if any(behind_nat(one) for one in self._table.of(account_id)):
            self._slots[account_id % SLOTS].add(account_id)

    def second(self) -> None:
        """Once a second: the share of that second."""
        every = self._board.world().settings.udpkeepalive
        self._second += 1
        if not every:
            return
        now = self._board.wall()
        for slot in range(self._second % every, SLOTS, every):
            for account_id in list(self._slots[slot]):
                self._ping(account_id, slot, now)

    def _ping(self, account_id: int, slot: int, now: float) -> None:
        waiting = [one for one in self._table.alive(account_id, now) if behind_nat(one)]
        if not waiting:
            self._slots[slot].discard(account_id)
        for one in waiting:
            self._board.sockets.send(one.flow, PING)


def behind_nat(one: Binding) -> bool:
    """Whether the phone says it is elsewhere than it is."""
    flow = one.flow
    if flow.reliable:
        return False
    place = one.uri.rpartition("@")[2].removeprefix("sip:").partition(";")[0]
    host = f"[{flow.host}]" if ":" in flow.host else flow.host
    return place != f"{host}:{flow.port}" and not (flow.port == DEFAULT_PORT and place == host)
