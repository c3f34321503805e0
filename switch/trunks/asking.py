"""OPTIONS to carriers, again and again: any answer at all says that somebody is there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any

from switch.call.alarms import Alarm
from switch.call.asker import Asker
from switch.call.board import bracketed
from switch.call.branch import carrier_place
from switch.sip.message import Header, Request, Response
from switch.trunks.health import Health, heard

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.model import TrunkAddress
    from switch.call.names import Way
    from switch.sip.client import ClientTransaction
    from switch.world.world import World

log = logging.getLogger("switch.trunks")

SPREAD = 2.0
"""Seconds over which first questions are spread."""
WITHOUT_SETTING = 60


@dataclass(slots=True, eq=False)
class Question(Asker):
    """OPTIONS to one carrier, again and again."""

    asking: Asking
    carrier: int
    trunk: TrunkAddress
    alarm: Alarm = field(init=False)
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self.alarm = Alarm(self.ring)

    def ring(self) -> None:
        self.asking.ask(self)

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        if response.status >= 200:
            self.asking.heard(self, True, f"{response.status} {response.reason}".strip())

    def on_timeout(self) -> None:
        self.asking.heard(self, False, "no answer to OPTIONS")

    def on_transport_error(self) -> None:
        self.asking.heard(self, False, "the way to it is broken")


class Asking:
    """All of them. `changed` is called when an opinion may have changed, `back` with a carrier that is up again."""

    def __init__(
        self,
        board: Board,
        chance: Callable[[], float],
        changed: Callable[[], None],
        back: Callable[[int], None],
    ) -> None:
        self._board = board
        self._chance = chance
        self._changed = changed
        self._back = back
        self._questions: dict[int, Question] = {}

    def follow(self, world: World) -> None:
        """Ask whom the settings name, and nobody else."""
        asked = {carrier: trunk for carrier in world.trunks if (trunk := self._asked(world, carrier))}
        for carrier, question in list(self._questions.items()):
            if asked.get(carrier) != question.trunk:
                self._board.alarms.cancel(question.alarm)
                del self._questions[carrier]
        for carrier, trunk in asked.items():
            if carrier not in self._questions:
                question = self._questions[carrier] = Question(self, carrier, trunk)
                self._board.alarms.set(question.alarm, self._board.clock() + SPREAD * self._chance())

    def _asked(self, world: World, carrier: int) -> TrunkAddress | None:
        account, trunk = world.account(carrier), world.trunk(carrier)
        if account is None or trunk is None or not account.enabled or not trunk.host:
            return None
        return trunk if world.settings_of(account).trunk_ping_seconds else None

    def states(self) -> dict[str, Any]:
        """What is held of each, by account."""
        return {str(one.carrier): _shown(one.health) for one in self._questions.values()}

    def leave(self) -> None:
        """Ask no more."""
        for question in self._questions.values():
            self._board.alarms.cancel(question.alarm)
        self._questions.clear()

    def ask(self, question: Question) -> None:
        """Send OPTIONS to a carrier."""
        self._board.names.find(question.trunk.place, partial(self._ask, question))

    def _ask(self, question: Question, ways: list[Way]) -> None:
        board, trunk = self._board, question.trunk
        carrier = board.world().account(question.carrier)
        try:
            if not ways or carrier is None:
                raise ValueError("its name is not found")
            flow = board.flow_to(ways[0], carrier)
        except ValueError as error:
            self.heard(question, False, str(error))
            return
        host, _ = board.sockets.local_address(flow)
        uri = f"sip:{carrier_place(trunk.host, trunk.port, trunk.transport)}"
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
        account = self._board.world().account(carrier)
        if self._questions.get(carrier) is not question or account is None:
            return
        settings = self._board.world().settings_of(account)
        before = question.health
        question.health = heard(
            before, answered=answered, detail=detail, now=self._board.wall(),
            failures=settings.trunk_ping_failures, successes=settings.trunk_ping_successes,
        )  # fmt: skip
        if question.health.up != before.up:
            log.warning(
                "carrier %s is %s: %s", account.username, "up" if question.health.up else "down", detail
            )
            if question.health.up:
                self._back(carrier)
        pause = settings.trunk_ping_seconds or WITHOUT_SETTING
        self._board.alarms.set(question.alarm, self._board.clock() + pause * (0.9 + 0.2 * self._chance()))
        self._changed()


def _shown(health: Health) -> dict[str, Any]:
    return {
        "up": health.up,
        "since": health.since,
        "since_text": strftime("%H:%M:%S", gmtime(health.since)),
        "detail": health.detail,
    }
