"""Many calls over a network that loses, repeats and shuffles datagrams: every one ends, once, on both sides."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from switch.net import Flow
from switch.sip.client import ClientTransaction, InviteClientTransaction
from switch.sip.dialog import CONFIRMED, TERMINATED, Dialog
from switch.sip.ids import Ids
from switch.sip.message import Request, Response, parse
from switch.sip.server import InviteServerTransaction, ServerTransaction
from switch.sip.transaction import TransactionLayer
from tests.support_sip import sdp
from tests.switch.call.town import HOST, OWN, PLACES, SHARED, Town, Wires, founded

CALLS = 60
LOST, REPEATED, SLOWEST = 0.25, 0.15, 0.6
"""Shares of datagrams, and the longest time on the way: longer than T1, so that copies overtake each other."""


class Weather(Wires):
    """A bad network. `pass_on` is given what survives, when it arrives."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance
        self.now = 0.0
        self._on_the_way: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.people: dict[int, Person] = {}

    def carry(self, arrive: Callable[[], None]) -> None:
        copies = 0 if self.chance.random() < LOST else 1 + (self.chance.random() < REPEATED)
        for _ in range(copies):
            due = self.now + self.chance.uniform(0.0, SLOWEST)
            heapq.heappush(self._on_the_way, (due, next(self._order), arrive))

    def send(self, flow: Flow, data: bytes) -> None:
        person = self.people[flow.port]
        self.carry(lambda: person.hear(data))

    def blow(self, now: float) -> None:
        """Deliver what is due."""
        self.now = now
        while self._on_the_way and self._on_the_way[0][0] <= now:
            heapq.heappop(self._on_the_way)[2]()


class Person:
    """A user agent with transactions and dialogs of its own, which hangs up after a while, or waits to be hung up."""

    def __init__(self, town: Town, weather: Weather, name: str) -> None:
        self.town, self.weather, self.port = town, weather, PLACES[name]
        self.contact = f"<sip:{name}@{HOST}:{self.port}>"
        self.ids = Ids(name)
        self.layer = TransactionLayer(self._send, self, self.ids)  # type: ignore[arg-type]
        self.dialogs: dict[tuple[str, str], Dialog] = {}
        self.refused = 0
        self.todo: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        weather.people[self.port] = self

    def _send(self, flow: Flow, data: bytes) -> None:
        source, to = (HOST, self.port), (flow.host, flow.port)
        self.weather.carry(lambda: self.town.deliver(data, source, to))

    def hear(self, data: bytes) -> None:
        self.layer.receive(parse(data), self.flow(SHARED), self.town.now)

    def flow(self, port: int) -> Flow:
        return Flow("udp", HOST, port, False, 0, 1)

    def later(self, seconds: float, do: Callable[[], object]) -> None:
        heapq.heappush(self.todo, (self.town.now + seconds, next(self._order), do))

    def live(self) -> None:
        while self.todo and self.todo[0][0] <= self.town.now:
            heapq.heappop(self.todo)[2]()
        self.layer.tick(self.town.now)

    def via(self) -> str:
        return self.ids.via("UDP", f"{HOST}:{self.port}")

    def call(self, number: str) -> InviteClientTransaction:
        uri = f"sip:{number}@{HOST}:{SHARED}"
        headers = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"<sip:caller@{HOST}>;tag={self.ids.tag()}"),
            ("To", f"<{uri}>"),
            ("Call-ID", self.ids.random()),
            ("CSeq", "1 INVITE"),
            ("Contact", self.contact),
            ("Content-Type", "application/sdp"),
        ]
        return self.layer.invite(Request("INVITE", uri, headers, sdp()), self.flow(SHARED), self.town.now)

    def hang_up(self, dialog: Dialog) -> None:
        if dialog.state == CONFIRMED:
            dialog.terminate()
            self.layer.request(dialog.request("BYE", self.via()), self.flow(OWN), self.town.now)

    # --- what its transactions tell ---

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        now = self.town.now
        if request.method == "BYE":
            dialog = self.dialogs.get((request.call_id, request.to.tag or ""))
            if dialog is not None:
                dialog.terminate()
            tx.reply(200 if dialog else 481, now)
            return
        assert isinstance(tx, InviteServerTransaction)
        tx.reply(180, now, None, [("Contact", self.contact)])
        dialog = Dialog.of_callee(request, tx.tag, self.contact)
        answer = [("Contact", self.contact), ("Content-Type", "application/sdp")]

        def pick_up() -> None:
            if tx.reply(200, self.town.now, None, answer, sdp(41000)):
                dialog.confirm()
                self.dialogs[dialog.id.call_id, dialog.id.local_tag] = dialog
                if self.weather.chance.random() < 0.3:
                    self.later(self.weather.chance.uniform(1, 20), lambda: self.hang_up(dialog))

        self.later(self.weather.chance.uniform(0, 5), pick_up)

    def serves(self, request: Request) -> bool:
        return True

    def on_ack(self, request: Request, flow: Flow) -> None: ...

    def on_cancel(self, tx: InviteServerTransaction, request: Request) -> None:
        tx.reply(487, self.town.now)

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        if not isinstance(tx, InviteClientTransaction) or response.status < 200:
            return
        if response.status >= 300:
            self.refused += 1
            return
        assert tx.request is not None
        dialog = Dialog.of_caller(tx.request, response, self.contact)
        self.dialogs[dialog.id.call_id, dialog.id.local_tag] = dialog
        tx.flow = self.flow(OWN)
        tx.send_ack(dialog.ack(self.via()), self.town.now)
        self.later(self.weather.chance.uniform(0, 30), lambda: self.hang_up(dialog))

    def on_timeout(self, tx: ClientTransaction | ServerTransaction) -> None:
        if isinstance(tx, InviteClientTransaction):
            self.refused += 1

    on_transport_error = on_timeout


@pytest.mark.parametrize("seed", range(6))
def test_in_the_worst_weather_every_call_ends_once_and_on_both_sides(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    weather = Weather(chance)
    with founded(tmp_path, wires=weather) as town:
        caller, *carriers = [Person(town, weather, name) for name in ("rich", "one", "two")]

        def dial(place: int) -> None:
            tx = caller.call(f"49301{place:06}")
            if chance.random() < 0.3:
                caller.later(chance.uniform(0.05, 6), lambda: tx.cancel(town.now))

        for place in range(CALLS):
            caller.later(chance.uniform(0, 20), lambda place=place: dial(place))  # type: ignore[misc]
        while town.now < 1_000 + 20 + 5 + 30 + 4 * 32:
            town.step()
            weather.blow(town.now)
            for person in (caller, *carriers):
                person.live()
        assert len(caller.dialogs) + caller.refused >= CALLS
        up = [
            one
            for person in (caller, *carriers)
            for one in person.dialogs.values()
            if one.state != TERMINATED
        ]
        assert not up, f"somebody still believes to be in a call: {up}"
        ended = [record["id"] for record in town.records()]
        assert len(ended) == len(set(ended)) == town.board.counters.calls
        answered = [record for record in town.records() if record["status"] == 200]
        assert len(answered) > CALLS / 4, "the weather left too few calls to prove anything"
        assert not any(len(person.layer) for person in (caller, *carriers))
        town.nothing_left()
