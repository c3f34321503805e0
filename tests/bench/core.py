"""What a call costs the worker's own code: everything but sockets, database and Redis.

`./mizu bench core [--calls N] [--rounds N] [--profile] [--against FOLDER] [--json FILE]`

One process, no kernel, a clock of its own (so that transactions end as they do at `RATE` calls a second): the whole signalling of `bench calls` (INVITE, 100, 180, 200, ACK, BYE, 200 on both sides) goes
through parser, transactions, pipeline, call and journal lines as in a worker, with sockets that keep what is sent and a
bank that grants at once. So it compares two versions of the code on a busy machine, where a run over sockets cannot.
The figure is user and system time of the thread a call, the best of the rounds; `--profile` shows where it goes.

`--against` a folder with another version of the sources: both carry calls in turns of some 0.2 s, each in a process of its
own, and the median of the ratios is told. Whatever else the machine does meets both alike.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mizu_site.run.place import ROOT
from switch.auth import Doorkeeper
from switch.call.b2bua import B2bua
from switch.call.inbound import Inbound
from switch.call.usage import UsageCounters
from switch.charging.spool import Spool
from switch.memory import Collector
from switch.net import Flow
from switch.sip.ids import Ids
from switch.sip.transaction import TransactionLayer
from tests.bench.calls_data import CALLER_ADDRESS, FIRST_PREFIX
from tests.switch.parts import quiet_board
from tests.switch.worlds import NOW, Office

RATES = 20_000
RATE = 100
WARM = 40 * RATE
TURN, TURNS = 250, 10
"""Calls a turn, and turns a round of `--against`."""
TICK = 0.02
CALLER = Flow("udp", CALLER_ADDRESS, 5061, False, 0, 1)
OFFER = (
    "v=0\r\no=- 53655765 2353687637 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8 0 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"
    "a=sendrecv\r\n"
)


class Sockets:
    """The network, as calls see it; what is sent waits in `sent`."""

    def __init__(self) -> None:
        self.sent: list[tuple[Flow, bytes]] = []

    def send(self, flow: Flow, data: bytes) -> None:
        self.sent.append((flow, data))

    def connect_flow(
        self, transport: str, host: str, port: int, *, via_shared: bool = False, **_: object
    ) -> Flow:
        return Flow(transport, host, port, not via_shared, 0, 1)

    def local_address(self, flow: Flow) -> tuple[str, int]:
        return "127.0.0.1", 6073 if flow.own else 5060

    def is_own(self, host: str, port: int, flow: Flow) -> bool:
        return host == "127.0.0.1" and port in {5060, 6073}

    def backlog(self) -> float:
        return 0.0

    def siblings(self) -> list[int]:
        return []

    def alive(self, flow: Flow) -> bool:
        return True


class Bank:
    """Money without end, granted at once."""

    away = False
    full = False

    def hold(
        self, call_id: str, shares: Any, done: Callable[[dict[int, int]], None], caps: Any = None
    ) -> None:
        done({account: wanted for account, wanted, *_ in shares})

    def release(self, call_id: str) -> None:
        pass


class Unwatched:
    """Nobody looks at the calls."""

    def changed(self, call: Any) -> None:
        pass

    gone = changed


class Bench:
    """A worker's calls without its sockets, and both ends of every call."""

    def __init__(self, folder: Path, rates: int = RATES) -> None:
        self.rates = rates
        office = Office()
        trunk = office.account("bench-trunk", "customer_trunk", media="direct")
        office.address(trunk, CALLER_ADDRESS)
        prefixes = [str(FIRST_PREFIX + row) for row in range(rates)]
        office.tariff("retail", dict.fromkeys(prefixes, 50_000), to=trunk)
        carriers = [
            office.carrier(f"bench-carrier-{n}", dict.fromkeys(prefixes, 10_000 * n), media="direct")
            for n in (1, 2, 3)
        ]
        for place, row in enumerate(office.rows["trunks"]):
            row[1:4] = ["127.0.0.1", 7000 + place, "udp"]
        office.rule("bench", *carriers, caller=trunk, final=True)
        world = office.world(folder / "world")
        self.sockets = Sockets()
        self.now = 1000.0
        self.ticked = 0.0
        usage = UsageCounters(self.clock)
        self.board = quiet_board(
            folder,
            sockets=self.sockets,
            ids=Ids("w1"),
            bank=Bank(),
            spool=Spool(folder / "spool", "core-1-1"),
            world=lambda: world,
            wall=lambda: NOW + self.now,
            clock=self.clock,
            usage=usage,
            live=Unwatched(),
        )
        doorkeeper = Doorkeeper(world, b"core", lambda host: None)
        self.b2bua = B2bua(self.board, Inbound(self.board, doorkeeper))
        self.board.layer = TransactionLayer(self.board.send, self.b2bua, self.board.ids)  # type: ignore[arg-type]
        self.numbers = 0

    def clock(self) -> float:
        return self.now

    def pass_time(self, seconds: float = 1 / RATE) -> None:
        """By default the time between two calls; the worker's timers tick as they do."""
        self.now += seconds
        if self.now - self.ticked >= TICK:
            self.ticked = self.now
            self.b2bua.tick()

    def call(self, refused: str = "", given_up: bool = False) -> list[list[bytes]]:
        """One whole call; all that the worker sent, per message that it got.

        With `refused` (a status line's end) the carrier does not take it; `given_up`: the caller cancels it while it rings.
        """
        self.numbers += 1
        n = self.numbers
        called = f"{FIRST_PREFIX + random.randrange(self.rates)}{random.randrange(10**5):05}"
        shared = (
            f'From: "bench" <sip:1001@127.0.0.2:5061>;tag=1S{n}\r\nTo: <sip:{called}@127.0.0.1:5060>%s\r\n'
            f"Call-ID: {n}-1@127.0.0.2\r\nCSeq: %s\r\nContact: <sip:1001@127.0.0.2:5061>\r\nMax-Forwards: 70\r\n"
        )
        via = f"Via: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK-1-{n}-%s;rport\r\n"
        invite = (
            f"INVITE sip:{called}@127.0.0.1:5060 SIP/2.0\r\n{via % 0}{shared % ('', '1 INVITE')}"
            "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\nUser-Agent: sipp-bench\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(OFFER)}\r\n\r\n{OFFER}"
        )
        out = [self.hear(invite, CALLER)]
        flow, asked = self.sockets.sent[-1]
        out.append(self.hear(self.reply(asked, "180 Ringing", n), flow))
        if given_up:
            cancel = f"CANCEL sip:{called}@127.0.0.1:5060 SIP/2.0\r\n{via % 0}{shared % ('', '1 CANCEL')}\r\n"
            out.append(self.hear(cancel, CALLER))
            asking = next(data for _, data in reversed(self.sockets.sent) if data.startswith(b"CANCEL"))
            out.append(self.hear(self.reply(asking, "200 OK", n), flow))
            refused = "487 Request Terminated"
        if refused:
            out.append(self.hear(self.reply(asked, refused, n), flow))
            ack = f"ACK sip:{called}@127.0.0.1:5060 SIP/2.0\r\n{via % 0}{shared % ('', '1 ACK')}\r\n"
            out.append(self.hear(ack, CALLER))
            self.sockets.sent.clear()
            return out
        out.append(self.hear(self.reply(asked, "200 OK", n, OFFER), flow))
        answer = next(data for _, data in reversed(self.sockets.sent) if data.startswith(b"SIP/2.0 200"))
        tag = answer.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0].partition(b";tag=")[2].decode()
        contact = answer.partition(b"\r\nContact: <")[2].partition(b">")[0].decode()
        end = f"{shared % (f';tag={tag}', '{} {}')}Content-Length: 0\r\n\r\n"
        out.append(self.hear(f"ACK {contact} SIP/2.0\r\n{via % 5}{end.format(1, 'ACK')}", CALLER))
        out.append(self.hear(f"BYE {contact} SIP/2.0\r\n{via % 7}{end.format(2, 'BYE')}", CALLER))
        flow, bye = next((f, data) for f, data in reversed(self.sockets.sent) if data.startswith(b"BYE"))
        out.append(self.hear(self.reply(bye, "200 OK", n), flow))
        self.sockets.sent.clear()
        return out

    def hear(self, text: str, flow: Flow) -> list[bytes]:
        before = len(self.sockets.sent)
        self.b2bua.on_message(text.encode(), flow)
        return [data for _, data in self.sockets.sent[before:]]

    def reply(self, request: bytes, status: str, n: int, body: str = "") -> str:
        """A carrier's answer, as SIPp writes it."""
        wanted = ("Via", "From", "To", "Call-ID", "CSeq")
        head = request.decode().partition("\r\n\r\n")[0].split("\r\n")[1:]
        lines = [line for line in head if line.partition(":")[0] in wanted]
        tagged = [f"{x};tag=1U{n}" if x.startswith("To: ") and ";tag=" not in x else x for x in lines]
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"SIP/2.0 {status}\r\n" + "\r\n".join(tagged) + "\r\nContact: <sip:127.0.0.1:7000>\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )  # fmt: skip

    def run(self, calls: int) -> float:
        """Seconds of CPU for so many calls, the peers' work taken off."""
        peers = self.peers(calls)
        begun = time.thread_time()
        for _ in range(calls):
            self.pass_time()
            self.call()
        return time.thread_time() - begun - peers

    def peers(self, calls: int) -> float:
        """Seconds of CPU that the benchmark itself needs for writing the peers' messages."""
        heard, self.hear = self.hear, lambda text, flow: []  # type: ignore[method-assign]
        self.sockets.sent[:] = self.sample
        begun = time.thread_time()
        for _ in range(calls):
            self.call()
            self.sockets.sent[:] = self.sample
        used = time.thread_time() - begun
        self.hear = heard  # type: ignore[method-assign]
        self.sockets.sent.clear()
        return used

    def warm(self) -> None:
        """The first calls fill caches; they also show what a call is."""
        kept: list[tuple[Flow, bytes]] = []
        for _ in range(WARM):
            self.pass_time()
            self.call()
        sent = self.call()
        assert [len(part) for part in sent] == [2, 1, 2, 0, 2, 0], sent
        for part in sent:
            kept += [(CALLER, data) for data in part]
        self.sample = [one for one in kept if not one[1].startswith(b"INVITE")]
        self.sample.append(next(one for one in kept if one[1].startswith(b"INVITE")))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./mizu bench core", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--calls", type=int, default=2000, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--against", type=Path, metavar="FOLDER")
    parser.add_argument("--turns", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    if options.against:
        result = compare(options.against.resolve(), options.rounds)
    else:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder))
            bench.warm()
            Collector(time.monotonic)
            if options.turns:
                take_turns(bench)
                return 0
            if options.profile:
                profile = cProfile.Profile()
                profile.runcall(bench.run, options.calls)
                pstats.Stats(profile).sort_stats("tottime").print_stats(45)
                return 0
            rounds = [1e6 * bench.run(options.calls) / options.calls for _ in range(options.rounds)]
        result = {"cpu_us_per_call": round(min(rounds), 1), "rounds": [round(one, 1) for one in rounds]}
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")
    return 0


# --- two versions in turns --------------------------------------------------------------------------------------------------------


def take_turns(bench: Bench) -> None:
    """Carry as many calls as each line of the input says; answer with the seconds of CPU."""
    print("ready", flush=True)
    for line in sys.stdin:
        print(bench.run(int(line)), flush=True)


class Version:
    """A version of the sources that carries calls when it is its turn. This very benchmark is what runs in both."""

    def __init__(self, sources: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, "--turns"],
            cwd=sources, env=os.environ | {"PYTHONPATH": str(sources)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._hear()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("one of the two versions has ended; what it said stands above")
        return line

    def run(self, calls: int) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{calls}\n")
        self._process.stdin.flush()
        return float(self._hear())

    def end(self) -> None:
        self._process.communicate()


def compare(sources: Path, rounds: int) -> dict[str, object]:
    """How much of the other version's CPU this one needs."""
    ours, theirs = Version(ROOT), Version(sources)
    pairs = [(ours.run(TURN), theirs.run(TURN)) for _ in range(TURNS * rounds)]
    ours.end()
    theirs.end()
    ratios = sorted(mine / other for mine, other in pairs)
    quarter = len(ratios) // 4
    return {
        "ratio": round(ratios[len(ratios) // 2], 3),
        "half_of_the_pairs": [round(ratios[quarter], 3), round(ratios[-quarter - 1], 3)],
        "cpu_us_per_call": [round(1e6 * min(column) / TURN, 1) for column in zip(*pairs, strict=True)],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
