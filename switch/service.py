"""`python -m switch worker N`: one SIP worker, from its sockets to its last record.

1. Read the environment, the world and the journal's folder; open the sockets; say `ready`.
2. Carry calls until SIGTERM.
3. Then: no new call (503), BYE to those that are up, their records, exit 0. A second signal ends it at once.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import signal
import sys
import time
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from switch.net import Flow, Reason

from switch.stats import held

log = logging.getLogger("switch.service")

TICK = 0.02
SWITCH_INTERVAL = 0.001
"""Seconds that the reactor waits for the interpreter at most when another thread (Redis, disk) computes."""
SWEEP = 10.0
LINGER = 3.0
"""Seconds that BYEs and records have at the end."""
_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)


def main(arguments: list[str]) -> int:
    """Run worker N until it is told to stop. 2: wrong usage or environment."""
    logging.basicConfig(
        level=os.environ.get("MIZU_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    if len(arguments) != 1 or not arguments[0].isdecimal():
        sys.stderr.write("usage: python -m switch worker N\n")
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    import django

    django.setup()
    from mizu_site.environment import BadEnvironment
    from switch.net import ConfigError
    from switch.reactor import install

    install()
    try:
        return Worker(int(arguments[0])).run()
    except (BadEnvironment, ConfigError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def tune() -> None:
    """What was made at the start lives for ever: the collector need not look at it, nor often at calls, which have few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1000)
    sys.setswitchinterval(SWITCH_INTERVAL)


class Worker:
    """All parts of one worker, put together."""

    def __init__(self, number: int) -> None:
        from twisted.internet import reactor

        from mizu_site.environment import Environment, secret_key
        from switch.net import NetConfig

        self.number = number
        self.reactor: Any = reactor
        self.environment = Environment.read()
        self.var: Path = self.environment.var
        self.config = NetConfig.from_env(os.environ, number)
        self.secret = secret_key(os.environ, self.var).encode()
        self.ready = self.var / "run" / f"worker-{number}.ready"
        self.stopping = False

    def run(self) -> int:
        """Until it is told to stop."""
        self.ready.parent.mkdir(parents=True, exist_ok=True)
        self.ready.unlink(missing_ok=True)
        self._world()
        self._parts()
        self.reactor.callWhenRunning(self._begin)
        self.reactor.addSystemEventTrigger("during", "shutdown", self.ready.unlink, True)
        self.failed = ""
        self.reactor.run(installSignalHandlers=False)
        if self.failed:
            sys.stderr.write(f"{self.failed}\n")
            return 2
        return 0

    def _world(self) -> None:
        """Load the world; the compiler may still be at work for the first time."""
        from switch.world.loader import WorldKeeper

        self.keeper = WorldKeeper(self.reactor, self.var, self._world_changed)
        self.doorkeeper: Any = None
        self.net: Any = None

    def _parts(self) -> None:
        """Everything that can be made without a world."""
        from switch.charging.bank import Bank, dsn_of_office
        from switch.charging.spool import Spool, label_of
        from switch.media import PortRange, Relay

        self.label = label_of(self.number)
        self.spool = Spool(self.var / "spool", self.label)
        self.bank = Bank(self.reactor, dsn_of_office(), self.label)
        first, last = self.environment.rtp_ports
        ports = PortRange(first, last, worker=self.number, workers=self.config.workers, clock=time.monotonic)
        bind = self.config.binds[0]
        self.relay = Relay(self.reactor, ports, host=bind, advertise=self.config.advertise)

    def _begin(self) -> None:
        """The reactor runs: wait for the world, then open the sockets."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.reactor.callFromThread(self.stop))
        signal.signal(signal.SIGUSR1, lambda *_: self.reactor.callFromThread(self.tell))
        self.keeper.start()
        if self.keeper.world is None:
            log.info("waiting for the first snapshot in %s", self.var / "world")
        self._when_world()

    def _when_world(self) -> None:
        if self.stopping:
            return
        if self.keeper.world is None:
            self.reactor.callLater(0.05, self._when_world)
            return
        from switch.net import ConfigError

        try:
            self._open()
        except ConfigError as error:
            self.failed = str(error)
            self.reactor.stop()
        except Exception:
            log.exception("the worker cannot start")
            self.failed = "the worker cannot start; its log says why"
            self.reactor.stop()

    def _open(self) -> None:
        from switch.auth import Doorkeeper
        from switch.call.b2bua import B2bua
        from switch.call.board import Board
        from switch.call.inbound import Inbound
        from switch.call.names import Names
        from switch.call.usage import UsageCounters
        from switch.guard import Guard
        from switch.live import Live
        from switch.net import Firewall, Net
        from switch.registrar import Registrar
        from switch.sip.ids import Ids
        from switch.sip.stream import BadStream, Framer
        from switch.sip.transaction import TransactionLayer

        clock = time.monotonic
        ids = Ids(f"w{self.number}")
        usage = UsageCounters(clock)
        self.live = Live(self.reactor, self.environment.redis_url, self.label, usage.counts)
        self.net = Net(
            self.reactor,
            self.config,
            self._message,
            self._flow_error,
            make_framer=Framer,
            framing_error=BadStream,
            worker_of=worker_of,
            spread=self._spread,
            firewall=Firewall(clock),
        )
        names = Names(self.reactor, clock)
        self.guard = Guard(names, clock, self.net.ban, self.net.firewall.limit)
        board = Board(
            sockets=self.net,
            ids=ids,
            bank=self.bank,
            spool=self.spool,
            relay=self.relay,
            names=names,
            world=lambda: self.keeper.world,  # type: ignore[arg-type,return-value]  # there is one by now
            wall=time.time,
            clock=clock,
            usage=usage,
            live=self.live,
        )
        assert self.keeper.world is not None
        self.doorkeeper = Doorkeeper(self.keeper.world, self.secret, self.guard.wrong)
        self.b2bua = B2bua(board, Inbound(board, self.doorkeeper))
        board.layer = TransactionLayer(board.send, self.b2bua, ids)  # type: ignore[arg-type]  # flows are Net's
        board.registrar = Registrar(board, self.doorkeeper, self.live.registered)
        self.board = board
        self._world_changed(self.keeper.world)
        self._connect_live()
        self.net.start()
        self.bank.start()
        self.relay.start()
        self.live.start()
        self.alive = self.spool.keep_alive(self.reactor)
        self._tick()
        self._sweep()
        tune()
        self.ready.write_text(f"{os.getpid()}\n")
        log.info(
            "worker %s listens on %s port %s and %s",
            self.number,
            ",".join(self.config.binds),
            self.config.shared_port,
            self.config.own_port,
        )

    def _message(self, data: bytes, flow: Flow) -> None:
        self.b2bua.on_message(data, flow)

    def _flow_error(self, flow: Flow, reason: Reason) -> None:
        self.b2bua.on_flow_error(flow, reason)

    def _connect_live(self) -> None:
        board, live = self.board, self.live
        live.on_bindings = board.registrar.told
        live.on_usage = board.usage.told
        live.all_bindings = board.registrar.everything
        live.on_order = self._order

    def _order(self, order: Any) -> None:
        """A message of the control channel."""
        if isinstance(order, dict) and order.get("do") == "hangup":
            self.b2bua.hang_up(str(order.get("call")), str(order.get("by")))

    def _world_changed(self, world: Any) -> None:
        if self.doorkeeper is None:
            return
        self.doorkeeper.follow(world)
        self.guard.follow(world)
        self.board.layer.t1 = world.settings.minresendival / 1000
        self.board.layer.patience = 2**world.settings.sipmsgresendcount

    def _tick(self) -> None:
        self.reactor.callLater(TICK, self._tick)
        self.b2bua.tick()

    def _sweep(self) -> None:
        self.reactor.callLater(SWEEP, self._sweep)
        self.board.registrar.sweep(time.time())
        self.guard.sweep()
        self.guard.look_up()

    def _spread(self, data: bytes) -> int | None:
        """One trunk's datagrams all arrive at one worker: let the Call-ID choose, so that every request of a call chooses alike."""
        if self.config.workers == 1 or data.startswith(b"SIP/2.0"):
            return None
        match = _CALL_ID.search(data)
        return zlib.crc32(match.group(1).strip()) % self.config.workers + 1 if match else None

    def tell(self) -> None:
        """SIGUSR1: one line with what is held now, for whoever looks for a leak (see `switch.stats`)."""
        if self.net is not None:
            log.info("stats %s", json.dumps(held(self.board, self.net.counters)))

    # --- the end ----------------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """SIGTERM: end calls, write records, leave. A second one: leave."""
        if self.stopping:
            self.reactor.stop()
            return
        self.stopping = True
        self.ready.unlink(missing_ok=True)
        if self.net is None:
            self.reactor.stop()
            return
        log.info("worker %s stops with %s calls", self.number, len(self.board.calls))
        self.b2bua.drain()
        self._leave(time.monotonic() + LINGER)

    def _leave(self, deadline: float) -> None:
        """Once all BYEs are answered, or after `LINGER` seconds."""
        waiting = any(tx.state not in {"completed", "terminated"} for tx in self.board.layer.clients.values())
        if (waiting or self.board.layer.unacked) and time.monotonic() < deadline:
            self.reactor.callLater(TICK, self._leave, deadline)
            return
        log.info("worker %s ends: %s", self.number, asdict(self.board.counters))
        self.alive.stop()
        self.relay.stop()
        self.bank.stop()
        self.live.stop()
        self.keeper.stop()
        self.spool.close()
        self.net.stop().addCallback(lambda _: self.reactor.stop())


_LABEL = re.compile(r"w([0-9]{1,3})")


def worker_of(data: bytes) -> int | None:
    """The worker whose label a datagram carries in the branch of our Via, or in our tag."""
    from switch.sip.ids import label_of

    label = label_of(data)
    match = _LABEL.fullmatch(label) if label else None
    return int(match.group(1)) if match else None
