"""Our registrations with carriers at work: what the machine of each wants is sent, and what comes back is told to it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from switch.call.alarms import Alarm
from switch.call.asker import Asker
from switch.call.board import bracketed, transport_param
from switch.call.branch import carrier_place
from switch.call.identity import escaped
from switch.sip.message import Header, Request, Response
from switch.trunks.registration import Ask, Registration, Secret, State

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.model import TrunkAddress, TrunkLogin
    from switch.call.names import Way
    from switch.net import Flow
    from switch.sip.client import ClientTransaction
    from switch.world.world import World

log = logging.getLogger("switch.trunks")

SPREAD = 2.0
"""Seconds over which first registrations are spread, so that a start is no flood."""


@dataclass(slots=True, eq=False)
class Line(Asker):
    """A registration at work: the machine, and what it takes to send for it."""

    registering: Registering
    login: TrunkLogin
    trunk: TrunkAddress
    machine: Registration
    call_id: str
    tag: str
    alarm: Alarm = field(init=False)
    host: str = ""
    flow: Flow | None = None
    began: float = 0.0
    """Epoch seconds: since when it has this Call-ID."""

    def __post_init__(self) -> None:
        self.alarm = Alarm(self.ring)

    def ring(self) -> None:
        """Its time has come: renew it, try again, or note that it is over."""
        machine, now = self.machine, self.registering.wall()
        machine.expire(now)
        if machine.asking:
            return
        if now < machine.due:
            self.registering.wake(self)
            return
        self.registering.renew(self)

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        if response.status < 200 or not self.machine.asking:
            return
        again = self.machine.answered(response, self.registering.wall(), self.registering.chance())
        if again is not None:
            self.registering.send(self, again)
        else:
            self.registering.settled(self)

    def on_timeout(self) -> None:
        self._silent("no answer")

    def on_transport_error(self) -> None:
        self._silent("the way to the server is broken")

    def _silent(self, why: str) -> None:
        self.machine.silent(why, self.registering.wall(), self.registering.chance())
        self.registering.settled(self)


class Registering:
    """All of them. `chance` gives numbers from 0 to 1; `changed` is called when something to be shown has changed."""

    def __init__(self, board: Board, chance: Callable[[], float], changed: Callable[[], None]) -> None:
        self._board = board
        self.chance = chance
        self._changed = changed
        self._lines: dict[int, Line] = {}

    def wall(self) -> float:
        """Epoch seconds."""
        return self._board.wall()

    def follow(self, world: World) -> None:
        """Begin what is new, take back what is gone or has changed."""
        wanted = {
            one.id: one for one in world.logins.values() if one.registers and _enabled(world, one.carrier)
        }
        for login_id, line in list(self._lines.items()):
            if wanted.get(login_id) != line.login or world.trunk(line.login.carrier) != line.trunk:
                self._take_back(line)
        for login_id, login in wanted.items():
            trunk = world.trunk(login.carrier)
            if login_id not in self._lines and trunk is not None and trunk.host:
                self._begin(world, login, trunk)

    def states(self) -> dict[str, Any]:
        """How each stands, by the id of its account."""
        return {str(login): _shown(line) for login, line in self._lines.items()}

    def leave(self) -> None:
        """Take all back."""
        for line in list(self._lines.values()):
            self._take_back(line)

    def renew(self, line: Line) -> None:
        """Register, anew after `rebuildregclients` seconds: a server that has lost its way with us begins afresh too."""
        most = self._board.world().settings.rebuildregclients
        if most and self.wall() - line.began >= most:
            line.call_id, line.tag = f"{self._board.ids.random()}@mizu", self._board.ids.tag()
            line.began = self.wall()
        self.send(line, line.machine.ask())

    def again(self, carrier: int) -> None:
        """Register with a server again, whatever it had granted: it was away and may have forgotten us, or somebody wants it."""
        for line in self._lines.values():
            if line.login.carrier == carrier and not line.machine.asking:
                line.machine.due = self.wall()
                self.wake(line)

    def _begin(self, world: World, login: TrunkLogin, trunk: TrunkAddress) -> None:
        account = world.account(login.carrier)
        assert account is not None
        place = carrier_place(trunk.host, trunk.port, trunk.transport)
        machine = Registration(
            Secret(login.username, login.realm, login.ha1_md5, login.ha1_sha256),
            f"sip:{place}",
            "",
            login.expires or world.settings_of(account).registerival,
        )
        machine.due = self.wall() + SPREAD * self.chance()
        ids = self._board.ids
        line = self._lines[login.id] = Line(self, login, trunk, machine, f"{ids.random()}@mizu", ids.tag())
        line.began = self.wall()
        self.wake(line)

    def wake(self, line: Line) -> None:
        """Set the alarm to what comes first: the next REGISTER, or the end of what was granted."""
        machine = line.machine
        next_time = min(machine.due, machine.until) if machine.stands else machine.due
        self._board.alarms.set(line.alarm, self._board.clock() + max(0.0, next_time - self.wall()))

    def send(self, line: Line, ask: Ask) -> None:
        """Send a REGISTER, once the server's address is known."""
        self._board.names.find(line.trunk.place, partial(self._send, line, ask))

    def _send(self, line: Line, ask: Ask, ways: list[Way]) -> None:
        board, trunk, machine = self._board, line.trunk, line.machine
        carrier = board.world().account(line.login.carrier)
        try:
            if not ways or carrier is None:
                raise ValueError("the server's name is not found")
            flow = board.flow_to(ways[0], carrier, via_shared=True)
        except ValueError as error:
            machine.silent(str(error), self.wall(), self.chance())
            self.settled(line)
            return
        line.flow, line.host = flow, flow.host
        host, port = board.sockets.local_address(flow._replace(own=False))
        user, bar = escaped(line.login.username), transport_param(flow.transport)
        machine.contact = f"sip:{user}@{bracketed(host)}:{port}{bar};line={board.trunks.line(line.login.id)}"
        mine = f"<sip:{user}@{bracketed(trunk.host)}>"
        headers: list[Header] = [
            ("Via", board.via(flow)),
            ("Max-Forwards", "70"),
            ("From", f"{mine};tag={line.tag}"),
            ("To", mine),
            ("Call-ID", line.call_id),
            ("CSeq", f"{ask.cseq} REGISTER"),
            ("Contact", f"<{machine.contact}>;expires={ask.expires}"),
            ("Expires", str(ask.expires)),
            *([ask.proof] if ask.proof else []),
        ]
        tx = board.layer.request(Request("REGISTER", machine.uri, headers), flow, board.clock())
        tx.context = line

    def settled(self, line: Line) -> None:
        """An attempt is over."""
        machine, login = line.machine, line.login
        level = logging.INFO if machine.stands or machine.state is State.OVER else logging.WARNING
        log.log(
            level, "account %s with %s: %s %s", login.username, line.trunk.host, machine.state, machine.detail
        )
        if login.id in self._lines and self._lines[login.id] is line:
            self.wake(line)
        self._changed()

    def _take_back(self, line: Line) -> None:
        self._board.alarms.cancel(line.alarm)
        del self._lines[line.login.id]
        if line.machine.stands or line.machine.asking:
            self.send(line, line.machine.ask(leave=True))


def _enabled(world: World, carrier: int) -> bool:
    account = world.account(carrier)
    return account is not None and account.enabled


def _shown(line: Line) -> dict[str, Any]:
    machine = line.machine
    return {
        "carrier": line.login.carrier,
        "username": line.login.username,
        "state": str(machine.state),
        "since": machine.since,
        "until": machine.until,
        "detail": machine.detail,
        "host": line.host if machine.stands else "",
        "routes": list(machine.routes) if machine.stands else [],
    }
