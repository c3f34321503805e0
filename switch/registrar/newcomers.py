"""Phones that another server knows and we do not yet: their accounts are opened once it has granted them (guide 8576-8586).

1. The REGISTER of an unknown name goes to that server, if `autocreatereguser` says so and the name may be one of ours.
2. What it refuses is refused. What it grants is written into the journal; the writer has the office open the account.
3. The phone's answer waits until the account has come back by the snapshot, then it is registered as any other. It comes within a
   second; after `PATIENCE` the phone is asked to try again.
"""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import TYPE_CHECKING

from switch.call.alarms import Alarm
from switch.call.board import new_call_id
from switch.charging.spool import SpoolFull
from switch.registrar import upper

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.net import Flow
    from switch.registrar.register import Registrar
    from switch.sip.message import Request
    from switch.sip.server import ServerTransaction
    from switch.world.world import World

log = logging.getLogger("switch.registrar")

PATIENCE, STEP = 8.0, 0.25
"""Seconds: a phone's transaction lasts for 32."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+*#$-]{0,62}[A-Za-z0-9._+*$-]")
AGAIN = (("Retry-After", "5"),)


def may_come(request: Request, world: World) -> bool:
    """Whether an account may be opened for the phone that registers."""
    return (
        world.settings.autocreatereguser == "proved"
        and _NAME.fullmatch(request.to.uri.user) is not None
        and world.with_name(request.to.uri.user) is None
    )


def ask(
    registrar: Registrar,
    board: Board,
    tx: ServerTransaction,
    request: Request,
    flow: Flow,
    server: upper.Server,
) -> None:
    """Have the other server decide, and open the account when it grants the registration."""
    upper.ask(board, tx, request, server, partial(_granted, registrar, board, tx, request, flow))


def _granted(
    registrar: Registrar, board: Board, tx: ServerTransaction, request: Request, flow: Flow, seconds: int
) -> None:
    user = request.to.uri.user
    if not seconds:  # it only leaves, or asks what is registered
        tx.reply(404, board.now)
        return
    order = {"k": "do", "id": new_call_id(board.wall()), "account": 0, "what": "open", "username": user}
    try:
        board.spool.append(order)
    except SpoolFull:
        tx.reply(503, board.now, None, AGAIN)
        return
    log.info("%s is new here: its account is to be opened", user)
    _Waiting(registrar, board, tx, request, flow, seconds).look()


class _Waiting:
    """For the account to be there."""

    __slots__ = ("_alarm", "_board", "_flow", "_registrar", "_request", "_seconds", "_tx", "_until")

    def __init__(
        self,
        registrar: Registrar,
        board: Board,
        tx: ServerTransaction,
        request: Request,
        flow: Flow,
        seconds: int,
    ) -> None:
        self._registrar, self._board, self._tx = registrar, board, tx
        self._request, self._flow, self._seconds = request, flow, seconds
        self._until = board.clock() + PATIENCE
        self._alarm = Alarm(self.look)

    def look(self) -> None:
        board = self._board
        board.now = board.clock()
        world = board.world()
        found = world.local(self._request.to.uri.user)
        account = world.account(found) if found is not None else None
        if account is not None:
            self._registrar.keep(account, self._tx, self._request, self._flow, self._seconds)
        elif board.now < self._until:
            board.alarms.set(self._alarm, board.now + STEP)
        else:
            self._tx.reply(503, board.now, None, AGAIN)
