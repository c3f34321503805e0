"""The same calls through Mizu and through Sippy's B2BUA, in turn.

`./mizu bench sippy [--rate N] [--rounds N] [--seconds S] [--json FILE]`

Sippy comes from PyPI into a virtual environment that is thrown away afterwards. Its `b2bua_simple` bridges every call to
one address: no accounts, no prices, no routes, no money, no record. Mizu does all of that (see `bench calls`). Both
are asked by SIPp over loopback, one after the other, each on the first core; the medians of the rounds are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench import calls_data
from tests.bench.calls import CARRIERS, HOLD_MS, SIPP, Step, answering, cpu, load, prepare, run, show, spread
from tests.instance import Instance
from tests.support import free_port

WANTED = "sippy==2.5.0"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./mizu bench sippy", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, Instance(workers=1) as instance:
        scratch = Path(folder)
        python = installed(scratch / "venv")
        ports = [free_port() for _ in range(CARRIERS)]
        prepare(instance, ports)
        spread(instance)
        carriers = [answering(port, scratch) for port in ports]
        try:
            with sippy(python, ports[0]) as (port, pid):
                result = compare(instance, scratch, port, pid, options)
        finally:
            for carrier in carriers:
                carrier.kill()
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def installed(folder: Path) -> Path:
    """A virtual environment with Sippy in it; its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "install", "-q", WANTED], check=True)
    return python


@contextmanager
def sippy(python: Path, carrier: int) -> Iterator[tuple[int, int]]:
    """Its B2BUA, which sends every call to that port; its own port and process id."""
    port = free_port()
    words = [
        python,
        "-m",
        "sippy.b2bua_simple",
        "-f",
        "-l",
        "127.0.0.1",
        "-p",
        str(port),
        "-n",
        f"127.0.0.1:{carrier}",
    ]
    environment = os.environ | {"SIPLOG_BEND": "none"}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
    try:
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def compare(
    instance: Instance, scratch: Path, port: int, pid: int, options: argparse.Namespace
) -> dict[str, object]:
    """Both in turn, after a short run of each that does not count."""

    def theirs(rate: int, seconds: int) -> Step:
        return load(
            port,
            lambda: cpu({"sippy": pid}),
            scratch,
            ["-sf", str(SIPP / "uac.xml"), "-inf", str(scratch / "numbers.csv"), "-d", str(HOLD_MS)],
            rate=rate,
            seconds=seconds,
            source=calls_data.CALLER_ADDRESS,
            method="INVITE",
        )

    def ours(rate: int, seconds: int) -> Step:
        return run(instance, scratch, rate, seconds)

    both = {"mizu": ours, "sippy": theirs}
    steps: dict[str, list[Step]] = {name: [] for name in both}
    for at in both.values():
        at(20, 2)
    for _ in range(options.rounds):
        for name, at in both.items():
            step = at(options.rate, options.seconds)
            print(f"{name:6}", end="")
            show(step)
            steps[name].append(step)
    return {"rate": options.rate} | {
        name: {
            "cpu_us_per_call": round(median(step.cpu_us for step in found)),
            "setup_p50_ms": round(median(step.percentile(0.5) for step in found), 2),
            "setup_p99_ms": round(median(step.percentile(0.99) for step in found), 2),
            "failed": sum(step.failed for step in found),
        }
        for name, found in steps.items()
    }
