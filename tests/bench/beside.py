"""The same calls through Mizu and through somebody else's switch, in turn.

The other one bridges every call to one address: no accounts, no prices, no routes, no money, no record. Mizu does all of
that (see `bench calls`). Both are asked by SIPp over loopback, one after the other, each on the first core; the medians
of the rounds are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench import calls_data
from tests.bench.calls import CARRIERS, HOLD_MS, SIPP, Step, answering, cpu, load, prepare, run, show, spread
from tests.instance import Instance
from tests.support import free_port


class Other(NamedTuple):
    """The other one while it runs: where it listens, and the process that is measured."""

    port: int
    pid: int


Start = Callable[[Path, int], AbstractContextManager[Other]]
"""Starts it: a folder for its files, and the port on 127.0.0.1 that it sends every call to."""


def main(argv: list[str], name: str, doc: str | None, start: Start) -> int:
    """Both in turn; prints the medians."""
    parser = argparse.ArgumentParser(prog=f"./mizu bench {name}", description=doc,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, Instance(workers=1) as instance:
        scratch = Path(folder)
        ports = [free_port() for _ in range(CARRIERS)]
        prepare(instance, ports)
        spread(instance)
        carriers = [answering(port, scratch) for port in ports]
        try:
            with start(scratch, ports[0]) as other:
                pin(other.pid)
                result = compare(instance, scratch, name, other, options)
        finally:
            for carrier in carriers:
                carrier.kill()
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def pin(pid: int) -> None:
    """All threads of a process onto the first core, where our worker is."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {min(os.sched_getaffinity(0))})


def compare(
    instance: Instance, scratch: Path, name: str, other: Other, options: argparse.Namespace
) -> dict[str, object]:
    """Both in turn, after a short run of each that does not count."""

    def theirs(rate: int, seconds: int) -> Step:
        return load(
            other.port,
            lambda: cpu({name: other.pid}),
            scratch,
            ["-sf", str(SIPP / "uac.xml"), "-inf", str(scratch / "numbers.csv"), "-d", str(HOLD_MS)],
            rate=rate,
            seconds=seconds,
            source=calls_data.CALLER_ADDRESS,
            method="INVITE",
        )

    def ours(rate: int, seconds: int) -> Step:
        return run(instance, scratch, rate, seconds)

    both = {"mizu": ours, name: theirs}
    steps: dict[str, list[Step]] = {one: [] for one in both}
    for at in both.values():
        at(20, 2)
    for _ in range(options.rounds):
        for one, at in both.items():
            step = at(options.rate, options.seconds)
            print(f"{one:9}", end="")
            show(step)
            steps[one].append(step)
    return {"rate": options.rate} | {
        one: {
            "cpu_us_per_call": round(median(step.cpu_us for step in found)),
            "setup_p50_ms": round(median(step.percentile(0.5) for step in found), 2),
            "setup_p99_ms": round(median(step.percentile(0.99) for step in found), 2),
            "failed": sum(step.failed for step in found),
        }
        for one, found in steps.items()
    }
