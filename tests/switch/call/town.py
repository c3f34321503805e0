"""One worker's back-to-back user agent with all its own parts, but for sockets and time: both are the test's.

Whoever waits for a message lets the time pass, 20 ms a step, until it comes: half a minute of timers takes a moment.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from switch.auth import Doorkeeper
from switch.call.b2bua import B2bua
from switch.call.inbound import Inbound
from switch.call.usage import UsageCounters
from switch.charging.bank import Bank
from switch.charging.record import merged
from switch.charging.spool import Spool
from switch.live import Live
from switch.net import Flow
from switch.registrar import Registrar
from switch.sip.ids import Ids
from switch.sip.message import Request, Response, parse
from switch.sip.transaction import TransactionLayer
from tests.support_sip import Peer, credential
from tests.switch.parts import quiet_board
from tests.switch.worlds import NOW, Office

HOST = "127.0.0.1"
SHARED, OWN = 5060, 6073
TICK = 0.02
PLACES = {"rich": 20010, "one": 20021, "two": 20022}
"""Ports of the trunk and of its carriers."""


class Wires:
    """The network (`switch.call.board.Sockets`): what is sent lies in the receiver's box at once."""

    def __init__(self) -> None:
        self.boxes: dict[tuple[str, int], deque[bytes]] = {}
        self.gone: set[Flow] = set()
        self.waiting = 0.0

    def backlog(self) -> float:
        return self.waiting

    def send(self, flow: Flow, data: bytes) -> None:
        box = self.boxes.get((flow.host, flow.port))
        if box is not None:
            box.append(data)

    def connect_flow(
        self, transport: str, host: str, port: int, *, via_shared: bool = False, **_: Any
    ) -> Flow:
        return Flow(transport, host, port, not via_shared, 0, 1)

    def local_address(self, flow: Flow) -> tuple[str, int]:
        return HOST, OWN if flow.own else SHARED

    def is_own(self, host: str, port: int, flow: Flow) -> bool:
        return host == HOST and port in {OWN, SHARED}

    def alive(self, flow: Flow) -> bool:
        return flow not in self.gone


class Town:
    """The worker, its office in memory (calls cost nothing), and the people who call each other."""

    def __init__(
        self, folder: Path, change: Callable[[Office], None] | None = None, wires: Wires | None = None
    ) -> None:
        self.now = 1_000.0
        self.office, self.ids = _office()
        if change is not None:
            change(self.office)
        self.world = self.office.world(folder / "world")
        self.wires = wires or Wires()
        clock = Clock()
        usage = UsageCounters(self.clock)
        live = Live(clock, "", "town", usage.counts)
        self.spool = Spool(folder / "spool", "town")
        self.board = quiet_board(
            folder,
            sockets=self.wires,
            ids=Ids("w1"),
            bank=Bank(clock, "dbname=nowhere", "town"),
            spool=self.spool,
            world=lambda: self.world,
            wall=lambda: NOW + self.now,
            clock=self.clock,
            usage=usage,
            live=live,
        )
        doorkeeper = Doorkeeper(self.world, b"town")
        self.b2bua = B2bua(self.board, Inbound(self.board, doorkeeper))
        self.board.layer = TransactionLayer(self.board.send, self.b2bua, self.board.ids)  # type: ignore[arg-type]
        self.board.registrar = Registrar(self.board, doorkeeper, live.registered)
        self.board.now = self.now

    def clock(self) -> float:
        return self.now

    def peer(self, name: str) -> Citizen:
        return Citizen(self, name)

    def deliver(self, data: bytes, source: tuple[str, int], to: tuple[str, int]) -> None:
        self.b2bua.on_message(data, Flow("udp", *source, to[1] == OWN, 0, 1))

    def step(self) -> None:
        self.now += TICK
        self.b2bua.tick()

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.step()

    def records(self) -> list[dict[str, Any]]:
        """The records of calls that have ended."""
        texts = [path.read_text() for path in sorted(self.spool.folder.glob("*.log"))]
        lines = [json.loads(line) for text in texts for line in text.splitlines()]
        ups: dict[str, dict[str, Any]] = {}
        for line in lines:
            if line["k"] == "up":
                ups.setdefault(line["id"], {}).update(line)
        return [merged(ups.get(line["id"]), line) for line in lines if line["k"] == "end"]

    @property
    def failures(self) -> int:
        return self.board.counters.failures

    def nothing_left(self) -> None:
        """After all timers there is no call, no dialog and no transaction, and nothing unforeseen has happened."""
        self.pass_time(70)
        layer = self.board.layer
        left = {
            "calls": self.board.calls, "dialogs": self.board.dialogs, "invites": self.board.invites,
            "clients": layer.clients, "servers": layer.servers, "unacked": layer.unacked,
        }  # fmt: skip
        assert not any(left.values()), left
        assert self.failures == 0


class Citizen(Peer):
    """A scripted user agent of the town."""

    def __init__(self, town: Town, name: str) -> None:
        self.town, self.user, self.host = town, name, HOST
        self.switch = (HOST, SHARED)
        self.port = PLACES.get(name) or 21_000 + len(town.wires.boxes)
        self.heard, self.source = [], {}
        self.contact = f"<sip:{name}@{HOST}:{self.port}>"
        self.box = town.wires.boxes[HOST, self.port] = deque()

    def now(self) -> float:
        return self.town.now

    def send(self, message: Request | Response | bytes, to: tuple[str, int] | None = None) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        if to is None and isinstance(message, Response):
            to = message.via.reply_to
        self.town.deliver(data, (HOST, self.port), to or self.switch)

    def receive(self, seconds: float = 8.0) -> Request | Response:
        until = self.town.now + seconds
        while not self.box:
            if self.town.now >= until:
                raise TimeoutError
            self.town.step()
        message = parse(self.box.popleft())
        self.heard.append(message)
        return message

    def everything(self, seconds: float) -> list[str]:
        """What comes within that time: methods and statuses, as words."""
        self.town.pass_time(seconds)
        found = [parse(data) for data in self.box]
        self.box.clear()
        return [
            one.method if isinstance(one, Request) else f"{one.status} {one.cseq.method}" for one in found
        ]

    def close(self) -> None:
        self.town.wires.boxes.pop((HOST, self.port), None)


@contextmanager
def founded(
    folder: Path, change: Callable[[Office], None] | None = None, wires: Wires | None = None
) -> Iterator[Town]:
    """A town, closed again at the end."""
    town = Town(folder, change, wires)
    try:
        yield town
    finally:
        town.spool.close()


def _office() -> tuple[Office, dict[str, int]]:
    office, ids = Office(), {}
    ids["rich"] = office.account("rich", "customer_trunk", media="direct")
    office.address(ids["rich"], HOST, PLACES["rich"])
    office.tariff("retail", {"": 0}, to=ids["rich"])
    for place, name in enumerate(("one", "two")):
        ids[name] = office.carrier(name, {"": place}, media="direct")
        office.rows["trunks"][-1][1:4] = [HOST, PLACES[name], "udp"]
    office.rule("all", ids["one"], ids["two"])
    for user in ("1001", "1002"):
        ids[user] = office.account(user, media="direct")
        office.rows["credentials"].append(credential(user, f"secret-{user}", ids[user]))
        office.tariff("retail", {"": 0}, to=ids[user])
    return office, ids
