"""The leader's work: keep our registrations, ask carriers whether they are there, and say what was found.

Every worker has a keeper; only that of the worker which leads its node does anything (`switch.trunks.lead`).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from switch.trunks.asking import Asking
from switch.trunks.registering import Registering
from switch.trunks.states import TrunkStates

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.trunks.lead import Lead
    from switch.world.world import World

log = logging.getLogger("switch.trunks")


class Keeper:
    """Follows the world's trunks while this worker leads."""

    def __init__(self, board: Board, lead: Lead, *, chance: Callable[[], float] = random.random) -> None:
        self._board = board
        self._lead = lead
        self._registering = Registering(board, chance, self._changed)
        self._asking = Asking(board, chance, self._changed, self._registering.again)
        self._world: World | None = None
        self.leads = False

    def look(self) -> None:
        """Once a second: lead if nobody does; take over what the world says."""
        if self._board.draining:
            return
        leads = self._lead.take()
        if leads and not self.leads:
            log.info("this worker registers with servers and asks carriers for this node")
        self.leads = leads
        world = self._board.world()
        if leads and world is not self._world:
            self._world = world
            self._registering.follow(world)
            self._asking.follow(world)
            self._changed()

    def states(self) -> TrunkStates | None:
        """What all workers and the office shall know; None when another worker leads."""
        if not self.leads:
            return None
        return {"carriers": self._asking.states(), "logins": self._registering.states()}

    def again(self, carrier: int) -> None:
        """Somebody in the office wants all our registrations with a carrier to be made anew now."""
        if self.leads:
            self._registering.again(carrier)

    def leave(self) -> None:
        """The worker stops: take registrations back. Another may lead only after that (`end`), or they would be its own."""
        self._registering.leave()
        self._asking.leave()
        self.leads = False

    def end(self) -> None:
        """The last answer is there, or nobody waits for it any more."""
        self._lead.leave()

    def _changed(self) -> None:
        states = self.states()
        if states is not None:
            self._board.trunks.told(states)
