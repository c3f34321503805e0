"""The leader's work: keep our registrations, ask carriers whether they are there, and say what was found.

Every worker has a keeper; only that of the worker which leads its node does anything (`switch.trunks.lead`).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from switch.call.alarms import Alarm
from switch.call.asker import Asker
from switch.call.board import bracketed, transport_param
from switch.trunks.health import Health, heard
from switch.trunks.registration import Ask, Registration, Secret, State
from switch.trunks.states import TrunkStates

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.model import TrunkAddress, TrunkLogin
    from switch.net import Flow
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Header, Response
    from switch.trunks.lead import Lead
    from switch.world.world import World

from switch.sip.message import Request

log = logging.getLogger("switch.trunks")

SPREAD = 2.0
"""Seconds over which first registrations and questions are spread, so that a start is no flood."""


@dataclass(slots=True, eq=False)
class Line(Asker):
    """A registration at work: the machine, and what it takes to send for it."""

    keeper: Keeper
    login: TrunkLogin
    trunk: TrunkAddress
    machine: Registration
    call_id: str
    tag: str
    alarm: Alarm = field(init=False)
    host: str = ""
    flow: Flow | None = None

    def __post_init__(self) -> None:
        self.alarm = Alarm(self.ring)

    def ring(self) -> None:
        """Its time has come: renew it, try again, or note that it is over."""
        machine, now = self.machine, self.keeper.wall()
        machine.expire(now)
        if machine.asking:
            return
        if now < machine.due:
            self.keeper.wake(self)
            return
        self.keeper.send(self, machine.ask())

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        if response.status < 200 or not self.machine.asking:
            return
        again = self.machine.answered(response, self.keeper.wall(), self.keeper.chance())
        if again is not None:
            self.keeper.send(self, again)
        else:
            self.keeper.settled(self)

    def on_timeout(self) -> None:
        self._silent("no answer")

    def on_transport_error(self) -> None:
        self._silent("the way to the server is broken")

    def _silent(self, why: str) -> None:
        self.machine.silent(why, self.keeper.wall(), self.keeper.chance())
        self.keeper.settled(self)


@dataclass(slots=True, eq=False)
class Question(Asker):
    """OPTIONS to one carrier, again and again."""

    keeper: Keeper
    carrier: int
    trunk: TrunkAddress
    alarm: Alarm = field(init=False)
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self.alarm = Alarm(self.ring)

    def ring(self) -> None:
        self.keeper.ask(self)

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        if response.status >= 200:
            self.keeper.heard(self, True, f"{response.status} {response.reason}".strip())

    def on_timeout(self) -> None:
        self.keeper.heard(self, False, "no answer to OPTIONS")

    def on_transport_error(self) -> None:
        self.keeper.heard(self, False, "the way to it is broken")


class Keeper:
    """Follows the world's trunks while this worker leads."""

    def __init__(self, board: Board, lead: Lead, *, chance: Callable[[], float] = random.random) -> None:
        self.board = board
        self.chance = chance
        self._lead = lead
        self._lines: dict[int, Line] = {}
        self._questions: dict[int, Question] = {}
        self._world: World | None = None
        self.leads = False

    def wall(self) -> float:
        return self.board.wall()

    def look(self) -> None:
        """Once a second: lead if nobody does; take over what the world says."""
        if self.board.draining:
            return
        leads = self._lead.take()
        if leads and not self.leads:
            log.info("this worker registers with servers and asks carriers for this node")
        self.leads = leads
        world = self.board.world()
        if leads and world is not self._world:
            self._world = world
            self._follow(world)

    def states(self) -> TrunkStates | None:
        """What all workers and the office shall know; None when another worker leads."""
        if not self.leads:
            return None
        return {
            "carriers": {
                str(one.carrier): {
                    "up": one.health.up,
                    "since": one.health.since,
                    "since_text": time.strftime("%H:%M:%S", time.gmtime(one.health.since)),
                    "detail": one.health.detail,
                }
                for one in self._questions.values()
            },
            "logins": {str(login): _shown(line) for login, line in self._lines.items()},
        }

    def leave(self) -> None:
        """The worker stops: take registrations back, and let another lead at once."""
        for line in list(self._lines.values()):
            self._take_back(line)
        for question in self._questions.values():
            self.board.alarms.cancel(question.alarm)
        self._questions.clear()
        self.leads = False
        self._lead.leave()

    # --- following the world ----------------------------------------------------------------------------------------------------

    def _follow(self, world: World) -> None:
        wanted = {
            one.id: one
            for one in world.logins.values()
            if one.registers and self._enabled(world, one.carrier)
        }
        for login_id, line in list(self._lines.items()):
            if wanted.get(login_id) != line.login or world.trunk(line.login.carrier) != line.trunk:
                self._take_back(line)
        for login_id, login in wanted.items():
            trunk = world.trunk(login.carrier)
            if login_id not in self._lines and trunk is not None and trunk.host:
                self._begin(world, login, trunk)
        self._follow_questions(world)
        self._changed()

    def _follow_questions(self, world: World) -> None:
        asked = {carrier: trunk for carrier in world.trunks if (trunk := self._asked(world, carrier))}
        for carrier, question in list(self._questions.items()):
            if asked.get(carrier) != question.trunk:
                self.board.alarms.cancel(question.alarm)
                del self._questions[carrier]
        for carrier, trunk in asked.items():
            if carrier not in self._questions:
                question = self._questions[carrier] = Question(self, carrier, trunk)
                self.board.alarms.set(question.alarm, self.board.clock() + SPREAD * self.chance())

    def _asked(self, world: World, carrier: int) -> TrunkAddress | None:
        account, trunk = world.account(carrier), world.trunk(carrier)
        if account is None or trunk is None or not account.enabled or not trunk.host:
            return None
        return trunk if world.settings_of(account).trunk_ping_seconds else None

    @staticmethod
    def _enabled(world: World, carrier: int) -> bool:
        account = world.account(carrier)
        return account is not None and account.enabled

    # --- registrations ----------------------------------------------------------------------------------------------------------

    def _begin(self, world: World, login: TrunkLogin, trunk: TrunkAddress) -> None:
        account = world.account(login.carrier)
        assert account is not None
        place = bracketed(trunk.host) if trunk.port == 5060 else f"{bracketed(trunk.host)}:{trunk.port}"
        machine = Registration(
            Secret(login.username, login.realm, login.ha1_md5, login.ha1_sha256),
            f"sip:{place}{transport_param(trunk.transport)}",
            "",
            login.expires or world.settings_of(account).registerival,
        )
        machine.due = self.wall() + SPREAD * self.chance()
        ids = self.board.ids
        line = self._lines[login.id] = Line(self, login, trunk, machine, f"{ids.random()}@mizu", ids.tag())
        self.wake(line)

    def wake(self, line: Line) -> None:
        """Set the alarm to what comes first: the next REGISTER, or the end of what was granted."""
        machine = line.machine
        next_time = min(machine.due, machine.until) if machine.stands else machine.due
        self.board.alarms.set(line.alarm, self.board.clock() + max(0.0, next_time - self.wall()))

    def send(self, line: Line, ask: Ask) -> None:
        """Send a REGISTER, once the server's address is known."""
        self.board.names.find(line.trunk.host, partial(self._send, line, ask))

    def _send(self, line: Line, ask: Ask, address: str | None) -> None:
        board, trunk, machine = self.board, line.trunk, line.machine
        try:
            if address is None:
                raise ValueError("the server's name is not found")
            flow = board.sockets.connect_flow(trunk.transport, address, trunk.port, via_shared=True)
        except ValueError as error:
            machine.silent(str(error), self.wall(), self.chance())
            self.settled(line)
            return
        line.flow, line.host = flow, address
        host, port = board.sockets.local_address(flow._replace(own=False))
        user, bar = line.login.username, transport_param(trunk.transport)
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
        self.board.alarms.cancel(line.alarm)
        del self._lines[line.login.id]
        if line.machine.stands or line.machine.asking:
            self.send(line, line.machine.ask(leave=True))

    # --- questions --------------------------------------------------------------------------------------------------------------

    def ask(self, question: Question) -> None:
        """Send OPTIONS to a carrier."""
        self.board.names.find(question.trunk.host, partial(self._ask, question))

    def _ask(self, question: Question, address: str | None) -> None:
        board, trunk = self.board, question.trunk
        try:
            if address is None:
                raise ValueError("its name is not found")
            flow = board.sockets.connect_flow(trunk.transport, address, trunk.port)
        except ValueError as error:
            self.heard(question, False, str(error))
            return
        host, _ = board.sockets.local_address(flow)
        place = bracketed(trunk.host) if trunk.port == 5060 else f"{bracketed(trunk.host)}:{trunk.port}"
        uri = f"sip:{place}{transport_param(trunk.transport)}"
        headers: list[Header] = [
            ("Via", board.via(flow)),
            ("Max-Forwards", "70"),
            ("From", f"<sip:mizu@{bracketed(host)}>;tag={board.ids.tag()}"),
            ("To", f"<{uri}>"),
            ("Call-ID", f"{board.ids.random()}@{host}"),
            ("CSeq", "1 OPTIONS"),
            ("Contact", board.contact(flow)),
            ("Accept", "application/sdp"),
        ]
        board.layer.request(Request("OPTIONS", uri, headers), flow, board.clock()).context = question

    def heard(self, question: Question, answered: bool, detail: str) -> None:
        """A question was answered, or nobody answers it."""
        carrier = question.carrier
        account = self.board.world().account(carrier)
        if self._questions.get(carrier) is not question or account is None:
            return
        settings = self.board.world().settings_of(account)
        before = question.health
        question.health = heard(
            before, answered=answered, detail=detail, now=self.wall(),
            failures=settings.trunk_ping_failures, successes=settings.trunk_ping_successes,
        )  # fmt: skip
        if question.health.up != before.up:
            log.warning(
                "carrier %s is %s: %s", account.username, "up" if question.health.up else "down", detail
            )
            if question.health.up:
                self._again(carrier)
        pause = settings.trunk_ping_seconds or 60
        self.board.alarms.set(question.alarm, self.board.clock() + pause * (0.9 + 0.2 * self.chance()))
        self._changed()

    def _again(self, carrier: int) -> None:
        """A server that was away may have forgotten us: register with it again, whatever it had granted."""
        for line in self._lines.values():
            if line.login.carrier == carrier and not line.machine.asking:
                line.machine.due = self.wall()
                self.wake(line)

    def _changed(self) -> None:
        states = self.states()
        if states is not None:
            self.board.trunks.told(states)


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
    }
