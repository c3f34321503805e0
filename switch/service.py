"""`python -m switch worker N`: one SIP worker, from its sockets to its last record.

1. Read the environment, the world and the journal's folder; open the sockets; say `ready`.
2. Carry calls until SIGTERM.
3. Then: no new call (503), BYE to those that are up, their records, exit 0. A second signal ends it at once.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import sys
import time
import zlib
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.net import Flow, Reason
    from switch.stir.stir import Stir

from switch.memory import Collector
from switch.stats import held

log = logging.getLogger("switch.service")

TICK = 0.02
SWITCH_INTERVAL = 0.001
"""Seconds that the reactor waits for the interpreter at most when another thread (Redis, disk) computes."""
SWEEP = 10.0
SWEEP_TRACES = 1.0
LOOK = 1.0
LINGER = 3.0
"""Seconds that BYEs and records have at the end."""
LOG_LEVELS = {
    "errors": logging.ERROR,
    "minimal": logging.WARNING,
    "normal": logging.INFO,
    "detailed": logging.DEBUG,
}
_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)


def know_no_tables() -> None:
    """Of Django its settings and texts alone: models would take as long to load as all the rest.

    Texts stay in English, because translations are looked for in all apps; nobody but the log hears them from here. Logging is
    set up by our own settings: Django's, which come first elsewhere, bring its mail, its pages, and by these the models after all.
    """
    from logging.config import dictConfig

    from django.conf import settings

    settings.USE_I18N = False
    dictConfig(settings.LOGGING)


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
    know_no_tables()
    from mizu_site.environment import BadEnvironment
    from switch.net import ConfigError
    from switch.reactor import install

    install()
    try:
        return Worker(int(arguments[0])).run()
    except (BadEnvironment, ConfigError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


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
        self.capture: socket.socket | None = None

    def _parts(self) -> None:
        """Everything that can be made without a world."""
        from switch.charging.bank import Bank, dsn_of_office
        from switch.charging.spool import Spool, label_of
        from switch.media import Client, PortRange, Relay
        from switch.media.rtpengine import Node

        self.label = label_of(self.number)
        self.spool = Spool(self.var / "spool", self.label)
        self.bank = Bank(self.reactor, dsn_of_office(), self.label)
        first, last = self.environment.rtp_ports
        ports = PortRange(first, last, worker=self.number, workers=self.config.workers, clock=time.monotonic)
        bind = self.config.binds[0]
        self.relay = Relay(
            self.reactor, ports, host=bind, also=self.config.binds[1:], advertise=self.config.advertise
        )

        self.rtpengine = Client(self.reactor)
        self.stir = self._stir()
        port = self.environment.rtpengine
        self.own_rtpengine = (Node("127.0.0.1", port),) if port else ()

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
        from switch.call.b2bua import B2bua
        from switch.call.board import Board
        from switch.call.dns import Dns
        from switch.call.inbound import Inbound
        from switch.call.names import Names
        from switch.call.reoffer import node_down
        from switch.call.usage import UsageCounters
        from switch.events.lines import Both
        from switch.guard import Guard
        from switch.live import Live
        from switch.media.player import Voices
        from switch.media.recorder import Recorders
        from switch.net import Firewall, Net
        from switch.registrar import Registrar
        from switch.sip.ids import Ids, worker_of
        from switch.sip.stream import BadStream, Framer
        from switch.sip.transaction import TransactionLayer
        from switch.trace import Tracer
        from switch.trunks.keeper import Keeper
        from switch.trunks.lead import Lead
        from switch.trunks.states import Trunks

        assert self.keeper.world is not None
        clock = time.monotonic
        ids = Ids(f"w{self.number}")
        usage = UsageCounters(clock)
        self.live = Live(self.reactor, self.environment.redis_url, self.label, usage.counts)
        self.net = Net(
            self.reactor,
            self.config.and_secondary(self.keeper.world.settings.secondarybind),
            self._message,
            self._flow_error,
            make_framer=Framer,
            framing_error=BadStream,
            worker_of=worker_of,
            spread=self._spread,
            firewall=Firewall(clock),
        )
        self.dns = Dns(self.reactor)
        names = self.names = Names(self.dns, clock, self.net.families)
        firewall = self.net.firewall
        self.guard = Guard(names, clock, self.net.ban, firewall.limit, firewall.ban_after)
        firewall.on_flood = lambda host: self.reactor.callLater(0, self.guard.flooded, host)
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
            trace=Tracer(
                wall=time.time,
                local=self.net.local_address,
                deliver=self.live.traced,
                send_hep=self._send_hep,
            ),
            rtpengine=self.rtpengine,
            secret=self.secret,
            guesser=self.guard.wrong,
            voices=Voices(self.var / "voices"),
            recorders=Recorders(self.var, clock),
            leads_to=self.guard.leads_to,
            stir=self.stir,
            meaningless=self.guard.meaningless,
        )
        assert self.keeper.world is not None
        board.trunks = Trunks(self.secret, clock)
        self.trunks = Keeper(board, Lead(self.var / "run" / "trunks.lock"))
        self._judges(board)
        self.rtpengine.on_down.append(partial(node_down, board))
        inbound = Inbound(board, self.doorkeeper)
        self.events = inbound.events
        board.live = self.outside.watching(Both(self.live, self.events.lines), board)
        self.b2bua = B2bua(board, inbound)
        board.layer = TransactionLayer(board.send, self.b2bua, ids)  # type: ignore[arg-type]  # flows are Net's
        board.registrar = Registrar(board, self.doorkeeper, self.live.registered)
        self.board = board
        self._world_changed(self.keeper.world)
        self._connect_live()
        self._start()
        log.info(
            "worker %s listens on %s port %s and %s",
            self.number,
            ",".join(self.config.binds),
            self.config.shared_port,
            self.config.own_port,
        )

    def _judges(self, board: Board) -> None:
        """Who knows whether a secret is right: we, and servers of others."""
        from switch.auth import Doorkeeper
        from switch.outside.clients import Outside

        assert self.keeper.world is not None
        self.doorkeeper = Doorkeeper(self.keeper.world, self.secret, self.guard.wrong)
        self.outside = Outside(self.reactor, self.secret, time.monotonic)
        self.doorkeeper.gate = board.gate = self.outside.gate

    def _stir(self) -> Stir:
        """Signed caller numbers, with certificates that are fetched on this reactor."""
        from switch.stir.fetch import Fetcher
        from switch.stir.stir import Stir
        from switch.stir.store import Store

        fetcher = Fetcher(self.reactor)
        return Stir(Store(fetcher, time.time), fetcher, self.secret, time.time)

    def _start(self) -> None:
        """Everything stands: open the sockets, connect to the stores, let time pass."""
        from apps.screening.engine.special import learn_plans
        from switch.reactor import by_and_by

        self.net.start()
        self.bank.start()
        self.relay.start()
        self.rtpengine.start()
        self.live.start()
        self.alive = self.spool.keep_alive(self.reactor)
        self.collector = Collector(time.monotonic)
        self._tick()
        self._sweep()
        self._sweep_traces()
        self._flush_recordings()
        self._look()
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.ready.write_text(f"{os.getpid()}\n")
        by_and_by(self.reactor, learn_plans(), TICK)

    def _message(self, data: bytes, flow: Flow) -> None:
        if not self.guard.unwanted(data):
            self.b2bua.on_message(data, flow)

    def _send_hep(self, packet: bytes, server: tuple[str, int]) -> None:
        """To the capture server, which may be away: then nobody waits for it."""
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        if self.capture is None or self.capture.family != family:
            self.capture = socket.socket(family, socket.SOCK_DGRAM)
            self.capture.setblocking(False)
        with suppress(OSError):
            self.capture.sendto(packet, server)

    def _flow_error(self, flow: Flow, reason: Reason) -> None:
        self.b2bua.on_flow_error(flow, reason)

    def _connect_live(self) -> None:
        from switch.bans import BanShare
        from switch.call.recents import RecentsShare
        from switch.events.share import EventsShare
        from switch.net.fetching import Fetcher
        from switch.trunks.telling import Telling

        board, live = self.board, self.live
        board.lookups.fetch = Fetcher(self.reactor).get
        live.on_bindings = board.registrar.told
        board.registrar.elsewhere.shelf = live
        live.on_usage = board.usage.told
        board.registrar.changed.append(self.events.phones_changed)
        board.usage.addresses.in_reactor = self.reactor.callFromThread
        live.sharers.append(board.usage.addresses)
        live.sharers.append(BanShare(self.guard, self.label, self.reactor.callFromThread, live.put))
        self.doorkeeper.on_asked, self.doorkeeper.on_proved = self.guard.asked, self.guard.proved
        live.sharers.append(EventsShare(self.events, self.label, self.reactor.callFromThread, live.put))
        live.sharers.append(
            RecentsShare(board.recents, self.label, self.reactor.callFromThread, live.put, time.time)
        )
        live.sharers.append(Telling(board.outcomes, board.usage, self.label, self.reactor.callFromThread))
        live.on_trunks = board.trunks.told
        live.trunk_states = self.trunks.states
        live.all_bindings = board.registrar.everything
        live.on_order = self._order

    def _order(self, order: Any) -> None:
        """A message of the control channel."""
        if not isinstance(order, dict):
            return
        if order.get("do") == "hangup":
            self.b2bua.hang_up(str(order.get("call")), str(order.get("by")))
        elif order.get("do") == "trace":
            self.b2bua.trace(str(order.get("call")))
        elif order.get("do") == "record":
            self.b2bua.record(str(order.get("call")), str(order.get("by")), on=bool(order.get("on")))
        elif order.get("do") == "unregister":
            account, contact, by = order.get("account"), order.get("contact"), order.get("by")
            if isinstance(account, int):
                self.b2bua.guarded(self.board.registrar.forget, account, str(contact), str(by))
        elif order.get("do") == "register":
            if isinstance(carrier := order.get("carrier"), int):
                self.b2bua.guarded(self.trunks.again, carrier)
        elif order.get("do") == "explain" and order.get("worker") == self.label:
            self.b2bua.guarded(self._explain, order)
        elif order.get("do") == "waiting":
            told = [order.get(name) for name in ("account", "new", "old")]
            if all(isinstance(one, int) for one in told):
                self.b2bua.guarded(self.events.waiting_told, *told)

    def _explain(self, order: dict[str, Any]) -> None:
        """The office asks where a call would go: the same decision, of which nothing comes."""
        from switch.call.explain import answered

        answer = answered(order, self.board.world(), self.board.wall(), self.board.usage)
        if answer is not None:
            self.live.put(answer)

    def _world_changed(self, world: Any) -> None:
        if self.doorkeeper is None:
            return
        from switch.media import parse_nodes
        from switch.tls_files import tls_files

        self.doorkeeper.follow(world)
        settings = world.settings
        self.dns.follow(settings.dnsservers)
        self.names.follow(settings.resolvedns)
        self.guard.follow(world)
        self.net.secure(tls_files(settings, self.var, self.secret))
        self.net.follow(settings)
        self.stir.follow(settings, self.var)
        self.board.usage.addresses.follow(world.days_by_address)
        self.relay.dscp = settings.rtp_dscp
        self.relay.limit(settings.maxnetworkspeed * 1000 // 8 // self.config.workers)
        self.board.layer.t1 = settings.minresendival / 1000
        self.board.layer.patience = 2**settings.sipmsgresendcount
        self.board.recorders.free_megabytes = settings.recordingfreemb
        anybody = not {"siptrace", "loglevel"}.isdisjoint(world.own_settings())
        self.board.trace.follow(settings, anybody=anybody)
        if "MIZU_LOG_LEVEL" not in os.environ:
            logging.getLogger().setLevel(LOG_LEVELS[settings.loglevel])
        self.rtpengine.follow(parse_nodes(settings.rtpengine_nodes) or self.own_rtpengine)

    def _tick(self) -> None:
        self.reactor.callLater(TICK, self._tick)
        self.b2bua.tick()

    def _sweep_traces(self) -> None:
        self.reactor.callLater(SWEEP_TRACES, self._sweep_traces)
        self.board.trace.sweep()

    def _flush_recordings(self) -> None:
        from switch.media.recorder import EVERY

        self.reactor.callLater(EVERY, self._flush_recordings)
        self.board.recorders.flush()

    def _sweep(self) -> None:
        self.reactor.callLater(SWEEP, self._sweep)
        self.board.registrar.sweep(time.time())
        self.guard.sweep()
        self.guard.look_up()
        self.net.look_for_certificates()
        self.stir.look()
        self.collector.look(idle=not self.board.calls)

    def _look(self) -> None:
        self.reactor.callLater(LOOK, self._look)
        self.b2bua.guarded(self.trunks.look)
        self.b2bua.guarded(self.board.registrar.alive.second)
        self.b2bua.guarded(self.events.second)

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
        self.b2bua.guarded(self.trunks.leave)
        self.b2bua.guarded(self.events.leave)
        self._leave(time.monotonic() + LINGER)

    def _leave(self, deadline: float) -> None:
        """Once all BYEs are answered, or after `LINGER` seconds."""
        if (self.board.layer.waits() or self.rtpengine.busy) and time.monotonic() < deadline:
            self.reactor.callLater(TICK, self._leave, deadline)
            return
        log.info("worker %s ends: %s", self.number, asdict(self.board.counters))
        self.trunks.end()
        self.alive.stop()
        self.relay.stop()
        self.rtpengine.stop()
        self.outside.stop()
        self.bank.stop()
        self.board.trace.drain()
        self.board.recorders.stop()
        self.live.stop()
        self.keeper.stop()
        self.spool.close()
        self.net.stop().addCallback(lambda _: self.reactor.stop())
