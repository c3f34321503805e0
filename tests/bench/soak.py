"""Whether memory stays as it is: calls, registrations, rubbish and wrong passwords at a steady rate, for an hour.

`./mizu bench soak [--minutes N] [--rate CALLS A SECOND] [--json FILE]`

A whole instance of its own. Every `EVERY` seconds each process's resident memory is noted, and what the workers hold.
1. The first half fills caches (each is bounded) and the heap of the largest messages: it does not count.
2. In the second half the memory of all processes of the switch must have come to rest: its last quarter may be
   `ALLOWED` MB above the one before, whether a quarter is two minutes or fifteen.
3. At the end the load stops: no call, dialog, hold or transaction may be left, and no failure may have been counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

from tests.faults import health, house, traffic
from tests.faults.house import NUMBER, TWO_PAYERS, Books
from tests.faults.wire import Peer, Phone
from tests.instance import Instance
from tests.support import wait_for
from tests.switch.sip.protos import METHODS, Base, requests

EVERY = 5.0
SHORTEST = 5.0
ALLOWED = 6.0
BROKEN = 40
"""Broken requests between two looks at the memory."""
CHEAPEST = 20
"""The port of the demo's cheapest carrier above the switch's own."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment. Memory is MB, by process."""

    second: float
    memory: dict[str, float]
    calls: int
    transactions: int

    @property
    def total(self) -> float:
        return sum(self.memory.values())


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./mizu bench soak", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    if options.minutes < SHORTEST:
        parser.error(f"caches are not full in less: give it {SHORTEST:g} minutes at least")
    with Instance() as instance, tempfile.TemporaryDirectory(prefix="mizu-soak-") as folder:
        looks = list(soak(instance, Path(folder), options.minutes * 60, options.rate))
        left = settle(instance)
    result = verdict(looks, left)
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(
            json.dumps(result | {"looks": [asdict(look) for look in looks]}, indent=1) + "\n"
        )
    return 0 if result["flat"] and result["clean"] else 1


def soak(instance: Instance, folder: Path, seconds: float, rate: int) -> Iterator[Look]:
    """Run the load for so long, and look every few seconds."""
    Books(instance, house.made(instance))
    login = next(one for one in instance.logins() if one["what"] == "phone 1001")
    rubbish = cycle(endless())
    began = time.monotonic()
    number = TWO_PAYERS + NUMBER
    with (
        traffic.carrier(folder, instance.sip_port + CHEAPEST),
        traffic.caller(folder, instance.sip_port, number, rate=rate, at_once=rate * 10) as caller,
        Phone(instance.sip_port, login["username"], login["password"]) as phone,
        Phone(instance.sip_port, login["username"], "wrong") as guesser,
        Peer(instance.sip_port) as stranger,
    ):
        while time.monotonic() - began < seconds:
            due = time.monotonic() + EVERY
            phone.log_on()
            guesser.send(guesser.register(guesser.proof(guesser.challenge())))
            for data in islice(rubbish, BROKEN):
                stranger.send(data)
            for peer in (phone, guesser, stranger):
                peer.heard.clear()
                while peer.listen(0):
                    pass
                peer.heard.clear()
            look = look_at(instance, time.monotonic() - began)
            print(
                f"{look.second:6.0f} s  {look.total:6.1f} MB  {look.calls} calls, {look.transactions} transactions",
                flush=True,
            )
            yield look
            assert caller.process.poll() is None, "the caller has ended"
            stranger.quiet(max(0.0, due - time.monotonic()))
        caller.finish(60)


def endless() -> Iterator[bytes]:
    """Broken requests of every method in turn."""
    for offset in range(200):
        for method in METHODS:
            yield from (data for _, data in requests(Base(method), every=200, offset=offset))


def look_at(instance: Instance, second: float) -> Look:
    held = health.total(instance)
    memory = {}
    for name, one in instance.processes().items():
        if name.startswith("worker-") or name in {"writer", "compiler"}:
            pages = int(Path(f"/proc/{one['pid']}/statm").read_text().split()[1])
            memory[name] = pages * 4096 / 1e6
    return Look(round(second, 1), memory, held["calls"], held["clients"] + held["servers"])


def settle(instance: Instance) -> dict[str, int]:
    """Wait until all timers are over; what is held then, of what ought to be nothing."""
    names = ("calls", "dialogs", "invites", "lines", "untimed", "clients", "servers", "unacked", "failures")

    def left() -> dict[str, int]:
        held = health.total(instance)
        return {name: held[name] for name in names if held[name]}

    try:
        wait_for(lambda: not left(), 90, "everything to be let go")
        wait_for(lambda: not instance.sql("SELECT FROM invoices_hold LIMIT 1"), 60, "every hold to be let go")
    except AssertionError as error:
        print(error)
    return left()


def verdict(looks: list[Look], left: dict[str, int]) -> dict[str, object]:
    """Compare the last quarter with the one before."""
    quarter = len(looks) // 4
    first, third, fourth = (
        sum(look.total for look in some) / len(some)
        for some in (looks[:quarter], looks[-2 * quarter : -quarter], looks[-quarter:])
    )
    return {
        "seconds": looks[-1].second, "memory_mb_first_quarter": round(first, 1), "memory_mb_third_quarter": round(third, 1),
        "memory_mb_last_quarter": round(fourth, 1), "growth_mb": round(fourth - third, 1),
        "most_calls": max(look.calls for look in looks), "flat": fourth - third <= ALLOWED, "left": left, "clean": not left,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
