"""The board of a worker that runs in the test's own process: what is neither given nor of interest is there, and still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from switch.call.board import Board
from switch.call.dns import Dns
from switch.call.names import Names
from switch.media import PortRange, Relay
from switch.media.player import Voices
from switch.media.recorder import Recorders
from switch.media.rtpengine import Client
from switch.trace import Tracer


class Still(Clock):
    """Time stands, and what comes on sockets is not read: who tests the relay has a real reactor."""

    def addReader(self, reader: object) -> None: ...

    def removeReader(self, reader: object) -> None: ...


def quiet_board(folder: Path, **given: Any) -> Board:
    """A board of the given parts (sockets, ids, bank, spool, world, wall, clock, usage, live, …); the others do nothing by themselves."""
    still = Still()
    clock = given["clock"]
    others = {
        "relay": Relay(still, PortRange(30_000, 30_099, worker=1, workers=1, clock=clock)),  # type: ignore[arg-type]
        "names": Names(Dns(still), clock),
        "rtpengine": Client(still),
        "voices": Voices(folder / "voices"),
        "recorders": Recorders(folder, clock),
        "trace": Tracer(
            wall=given["wall"],
            local=given["sockets"].local_address,
            deliver=lambda *_: None,
            send_hep=lambda *_: None,
        ),
    }
    return Board(**others | given)
