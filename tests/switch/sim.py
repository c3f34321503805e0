"""Workers without sockets and without waiting: real transactions, calls and journals, a network of queues and a clock turned by hand.

Peers are those of `tests.support_sip`; a peer that waits turns the clock, so that a minute of ringing takes a millisecond.
Money is a purse in memory that grants like the bank: all or nothing, at once.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from switch.auth import Doorkeeper
from switch.call.b2bua import B2bua
from switch.call.inbound import Inbound
from switch.call.usage import UsageCounters
from switch.charging.bank import NO_CAPS
from switch.charging.journal import Journal
from switch.charging.spool import Spool
from switch.net import Flow
from switch.registrar import Registrar
from switch.sip.ids import Ids, worker_of
from switch.sip.message import Request, Response, parse
from switch.sip.transaction import TransactionLayer
from switch.world.loader import load_now
from switch.world.world import World
from tests.support_sip import Peer, credential
from tests.switch.parts import quiet_board
from tests.switch.worlds import NOW, Office, write

MICRO = 1_000_000
STEP = 0.02
SHARED = 5060
HOST = "127.0.0.1"
_ports = itertools.count(20_000, 2)


class Purse:
    """What accounts have, what is held for which call, and who was asked how often."""

    def __init__(self) -> None:
        self.money: dict[int, int] = {}
        self.holds: dict[str, Counter[int]] = {}
        self.away = False
        self.full = False
        self.asked: list[tuple[str, int]] = []

    def hold(
        self,
        call_id: str,
        shares: Sequence[Any],
        done: Callable[[dict[int, int] | None], None],
        caps: Mapping[int, Any] = NO_CAPS,
    ) -> None:
        granted = {account: min(wanted, self.free(account)) for account, wanted, *_ in shares}
        poor = {account for account, _, least, *_ in shares if granted[account] < max(1, least)}
        self.asked += [(call_id, account) for account, *_ in shares]
        if poor:
            done({account: 0 if account in poor else amount for account, amount in granted.items()})
            return
        self.holds.setdefault(call_id, Counter()).update(granted)
        done(granted)

    def hold_free(
        self, call_id: str, shares: Sequence[Any], done: Callable[[dict[int, int] | None], None]
    ) -> None:
        """Nobody has been given an allowance."""
        done({allowance: 0 for allowance, *_ in shares})

    def free(self, account: int) -> int:
        return self.money.get(account, 0) - sum(held[account] for held in self.holds.values())

    def release(self, call_id: str) -> None:
        """The worker needs no more; of an answered call the writer lets go, which `Sim.settled` stands for."""
        self.holds.pop(call_id, None)


class Shown:
    """Nobody looks."""

    def changed(self, call: Any) -> None: ...

    def gone(self, call: Any) -> None: ...


class Sockets:
    """The sockets of one worker in the simulated network."""

    def __init__(self, sim: Sim, number: int) -> None:
        self.sim, self.number = sim, number

    def send(self, flow: Flow, data: bytes) -> None:
        self.sim.wire.append(((HOST, self._port(flow)), (flow.host, flow.port), data))

    def _port(self, flow: Flow) -> int:
        return SHARED + self.number if flow.own else SHARED

    def connect_flow(
        self, transport: str, host: str, port: int, *, via_shared: bool = False, **_: Any
    ) -> Flow:
        return Flow(transport, host, port, not via_shared, 0, self.number)

    def local_address(self, flow: Flow) -> tuple[str, int]:
        return HOST, self._port(flow)

    def is_own(self, host: str, port: int, flow: Flow) -> bool:
        return host == HOST and SHARED <= port <= SHARED + len(self.sim.workers)

    def alive(self, flow: Flow) -> bool:
        return True

    def backlog(self) -> float:
        return 0.0

    def siblings(self) -> list[int]:
        return [SHARED + number for number in self.sim.workers if number != self.number]


class Worker:
    """One worker: a board with everything around it."""

    def __init__(self, sim: Sim, number: int) -> None:
        clock = lambda: sim.now  # noqa: E731
        self.number = number
        self.spool = Spool(sim.folder / "spool", f"sim-w{number}")
        self.board = quiet_board(
            sim.folder,
            sockets=Sockets(sim, number),
            ids=Ids(f"w{number}"),
            bank=sim.purse,
            spool=self.spool,
            world=lambda: sim.world,
            wall=lambda: NOW + sim.now,
            clock=clock,
            usage=UsageCounters(clock),
            live=Shown(),
            secret=b"of the node",
        )
        doorkeeper = Doorkeeper(sim.world, b"secret", lambda *_: None)
        self.b2bua = B2bua(self.board, Inbound(self.board, doorkeeper))
        self.board.layer = TransactionLayer(self.board.send, self.b2bua, self.board.ids)
        self.board.registrar = Registrar(self.board, doorkeeper, sim.registered)


class Sim:
    """The whole: workers, peers, purse and clock."""

    def __init__(self, folder: Path, office: Office, workers: int = 1) -> None:
        self.folder, self.office = folder, office
        (folder / "spool").mkdir(parents=True)
        self.now = 1000.0
        self.wire: deque[tuple[tuple[str, int], tuple[str, int], bytes]] = deque()
        self.purse = Purse()
        self.world: World = office.world(folder / "world")
        self.peers: dict[int, SimPeer] = {}
        self.workers: dict[int, Worker] = {}
        for number in range(1, workers + 1):
            self.workers[number] = Worker(self, number)
        self.placed: dict[str, int] = {}

    def change(self) -> None:
        """The office changed: the workers see the new world."""
        write(self.office, self.folder / "world")
        found = load_now(self.folder / "world").world
        assert found is not None
        self.world = found

    def registered(self, account: int, bindings: Any) -> None:
        for worker in self.workers.values():
            worker.board.registrar.told(account, list(bindings))

    def peer(self, user: str, port: int = 0) -> SimPeer:
        return SimPeer(self, user, port or next(_ports))

    # --- the network and the clock ------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Deliver all that is on the wire."""
        while self.wire:
            source, target, data = self.wire.popleft()
            if target[1] in self.peers:
                self.peers[target[1]].queue.append(data)
            elif SHARED <= target[1] <= SHARED + len(self.workers):
                self._to_worker(source, target[1], data)

    def _to_worker(self, source: tuple[str, int], port: int, data: bytes) -> None:
        number = port - SHARED if port != SHARED else worker_of(data) or self._place(data)
        worker = self.workers.get(number)
        if worker is not None:
            flow = Flow("udp", *source, port != SHARED, 0, number)
            worker.b2bua.on_message(data, flow)

    def _place(self, data: bytes) -> int:
        """Calls are dealt out to the workers in turn; all requests of one come to the same (`service._spread`)."""
        call_id = parse(data).call_id
        return self.placed.setdefault(call_id, len(self.placed) % len(self.workers) + 1)

    def tick(self, seconds: float = STEP) -> None:
        """Let time pass."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now += STEP
            for worker in self.workers.values():
                worker.b2bua.tick()
            self.pump()

    # --- what is left of it -------------------------------------------------------------------------------------------------------

    def records(self, *, crash: bool = False) -> list[dict[str, Any]]:
        """What the writer reads out of the journals, in the order of their calls' beginning; after a crash with what was up."""
        found: list[dict[str, Any]] = []
        for worker in self.workers.values():
            journal = Journal(worker.spool.folder)
            found += [one.record for one in journal.read(1000)]
            if crash:
                found += [one.record for one in journal.left_over()]
            journal.close()
        return sorted(found, key=lambda one: one["id"])

    def at_rest(self) -> None:
        """Nothing is left of the calls, and nothing failed inside."""
        self.tick(40)
        for worker in self.workers.values():
            board = worker.board
            assert (board.calls, board.dialogs, board.invites) == ({}, {}, {})
            assert board.counters.failures == 0
            assert board.usage.counts() == ({}, {})
            assert (board.layer.clients, board.layer.servers) == ({}, {})
        assert self.purse.holds == {}


class SimPeer(Peer):
    """A scripted user agent in the simulated network."""

    def __init__(self, sim: Sim, user: str, port: int) -> None:
        self.sim = sim
        self.switch = (HOST, SHARED)
        self.user, self.host, self.port = user, HOST, port
        self.heard: list[Request | Response] = []
        self.source = {}
        self.contact = f"<sip:{user}@{HOST}:{port}>"
        self.queue: deque[bytes] = deque()
        sim.peers[port] = self

    def close(self) -> None:
        del self.sim.peers[self.port]

    def send(self, message: Request | Response | bytes, to: tuple[str, int] | None = None) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        if to is None and isinstance(message, Response):
            via = message.via
            to = (via.host, int(via.params.get("rport") or via.port or SHARED))
        self.sim.wire.append(((HOST, self.port), to or self.switch, data))
        self.sim.pump()

    def receive(self, seconds: float = 8.0) -> Request | Response:
        deadline = self.sim.now + seconds
        self.sim.pump()
        while not self.queue:
            if self.sim.now >= deadline:
                raise TimeoutError
            self.sim.tick()
        message = parse(self.queue.popleft())
        self.heard.append(message)
        return message

    def call(self, number: str, **fields: Any) -> Request:
        """An INVITE, with the password when it is asked for; the one that counts."""
        invite = self.invite(number, **fields)
        self.send(invite)
        answer = self.receive()
        if isinstance(answer, Response) and answer.status == 100:
            answer = self.receive()
        assert isinstance(answer, Response)
        if answer.status != 407:
            self.queue.appendleft(answer.encode())
            return invite
        self.ack(invite, answer)
        again = Request("INVITE", invite.uri, list(invite.headers), invite.body)
        again.set("Via", self.via())
        again.set("CSeq", "2 INVITE")
        proof = self.proof(answer, "INVITE", invite.uri, f"secret-{self.user}")
        again.headers.append(("Proxy-Authorization", proof))
        self.send(again)
        return again


def furnished(first: int = 0) -> Office:
    """Accounts from this id on: phones 1001-1005 with a price for calls out (a unit a second), carriers `one` and `two`, trunk `rich`."""
    office = Office()
    office._last = first
    office.settings |= {"hold_seconds": 10, "hold_extend_before": 3, "useshadigestauh": "both"}
    for user in ("1001", "1002", "1003", "1004", "1005"):
        account = office.account(user, media="direct", number=f"3610000{user}")
        office.rows["credentials"].append(credential(user, f"secret-{user}", account))
        office.tariff("retail", {"": 60 * MICRO}, to=account)
    rich = office.account("rich", "customer_trunk", media="direct")
    office.address(rich, HOST, 19_000)
    office.tariff("retail", {"": 60 * MICRO}, to=rich)
    for port, name in ((19_010, "one"), (19_020, "two")):
        office.carrier(name, {"": 1000 + port}, media="direct")
        office.rows["trunks"][-1][1:4] = [HOST, port, "udp"]
    office.rule("all", *(row[0] for row in office.rows["accounts"] if row[2] == "carrier"))
    return office


def ids(office: Office) -> dict[str, int]:
    return {row[1]: row[0] for row in office.rows["accounts"]}


def opened(folder: Path, office: Office, workers: int = 1) -> Iterator[Sim]:
    """A simulation; at its end nothing may be left of it."""
    sim = Sim(folder, office, workers)
    for account in ids(office).values():
        sim.purse.money[account] = 1000 * MICRO
    yield sim
    sim.at_rest()
