"""Tells RADIUS servers that calls began and go on (RFC 2866, RFC 2869 §2.1). Of their end the office tells, which forgets none.

What is told here may be lost, as the server's own loss would be; a Stop that comes later says all that counts.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from apps.aaa.engine import radius as packets
from apps.aaa.engine.radius import Attribute, Kind, Status
from switch.call.alarms import Alarm

if TYPE_CHECKING:
    from switch.call.board import Board, Watcher
    from switch.call.call import Call
    from switch.outside.radius import Radius
    from switch.outside.servers import Server
    from switch.world.world import World


class Accounting:
    """Watches calls (`switch.call.board.Watcher`) on behalf of the servers, and passes on what it sees."""

    def __init__(self, watcher: Watcher, radius: Radius, board: Board) -> None:
        self._watcher, self._radius, self._board = watcher, radius, board
        self._alarms: dict[str, Alarm | None] = {}

    def changed(self, call: Call) -> None:
        self._watcher.changed(call)
        if call.answered is not None and call.state == "up" and call.id not in self._alarms:
            world = self._board.world()
            if world.accountants and world.settings_of(call.account).radiusaccounting:
                self._alarms[call.id] = None
                self._tell(call, Status.START)
                self._later(call)

    def gone(self, call: Call) -> None:
        self._watcher.gone(call)
        self._alarms.pop(call.id, None)

    def _later(self, call: Call) -> None:
        every = self._board.world().settings.radiusinterim
        if every:
            alarm = self._alarms[call.id] = Alarm(partial(self._interim, call))
            self._board.alarms.set(alarm, self._board.now + every)

    def _interim(self, call: Call) -> None:
        if call.id in self._alarms:
            self._tell(call, Status.INTERIM)
            self._later(call)

    def _tell(self, call: Call, status: Status) -> None:
        world = self._board.world()
        self._radius.tell(
            world.accountants,
            partial(_attributes, call, status, world, self._board.wall()),
            world.settings.externalauth_timeout / 1000,
        )


def _attributes(call: Call, status: Status, world: World, now: float, server: Server) -> list[Attribute]:
    decision = call.decision
    seconds = round(now - call.answered) if call.answered is not None else 0
    return [
        packets.number(Kind.ACCT_STATUS_TYPE, status),
        *packets.text(Kind.ACCT_SESSION_ID, call.id),
        *packets.text(Kind.USER_NAME, call.account.username),
        *packets.text(
            Kind.CALLING_STATION_ID, decision.caller_number if decision else call.request.from_user
        ),
        *packets.text(Kind.CALLED_STATION_ID, decision.called if decision else call.request.called),
        *packets.text(Kind.NAS_IDENTIFIER, world.settings.radiusnasid),
        *([] if status == Status.START else [packets.number(Kind.ACCT_SESSION_TIME, seconds)]),
        packets.number(Kind.EVENT_TIMESTAMP, round(now)),
    ]
