"""How many phones can register in a second, what one REGISTER costs, and what memory all of them take.

`./mizu bench register [--workers N] [--contacts N] [--from RATE] [--to RATE] [--step RATE] [--seconds S] [--json FILE]`

A whole instance of its own with so many subscribers; SIPp registers one after the other: REGISTER, 401, REGISTER with a
digest (MD5), 200: one registration is two requests and two answers, and is told to the other workers through Redis.
1. The rate rises step by step as in `bench calls`, until a registration fails, the rate is not reached to 97 %, or more
   than 0.1 % of them need a retransmission.
2. At 80 % of the best rate everybody registers (this fills the memory), and the delay from the first REGISTER to the 200
   is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import register_data
from tests.bench.calls import SETTLED, SIPP, Step, climb, cpu, load, resident, show, spread, switch_pids
from tests.instance import Instance
from tests.support import wait_for


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./mizu bench register", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--from", dest="first", type=int, default=500)
    parser.add_argument("--to", dest="last", type=int, default=5000)
    parser.add_argument("--step", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with Instance(workers=options.workers) as instance, tempfile.TemporaryDirectory() as scratch:
        result = measure(instance, Path(scratch), options)
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if result["registrations_per_second"] and not result["failed"] else 1


def measure(instance: Instance, scratch: Path, options: argparse.Namespace) -> dict[str, object]:
    """Make the subscribers, raise the rate until it fails, then let everybody register."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.register_data", str(options.contacts)], env=instance.env, check=False
    )  # fmt: skip
    assert done.returncode == 0, "the subscribers could not be made"
    wait_for(lambda: known(instance), 120, "the subscribers to be known to the switch")
    spread(instance)
    phones = scratch / "phones.csv"
    phones.write_text("SEQUENTIAL\n" + "".join(map(phone, register_data.names(options.contacts))))
    empty = resident(instance)

    def step(rate: int, seconds: int) -> Step:
        return load(
            instance.sip_port,
            lambda: cpu(switch_pids(instance)),
            scratch,
            ["-sf", str(SIPP / "register.xml"), "-inf", str(phones)],
            rate=rate,
            seconds=seconds,
            source=register_data.ADDRESS,
            method="REGISTER",
        )

    step(100, 2)
    best = climb(step, options)
    rate = max(1, int(0.8 * (best.asked if best else options.first)))
    everybody = step(rate, -(-options.contacts // rate))
    show(everybody)
    return {
        "registrations_per_second": best.asked if best else 0,
        "cpu_us_per_registration": round((best or everybody).cpu_us),
        "p50_ms": round(everybody.percentile(0.50), 2),
        "p99_ms": round(everybody.percentile(0.99), 2),
        "contacts": everybody.good,
        "rss_mb": round(resident(instance) / 1e6),
        "rss_mb_before": round(empty / 1e6),
        "failed": (best.failed if best else 0) + everybody.failed,
        "cpu_us_by_process": (best or everybody).shares(),
        "workers": options.workers,
        "measured_at": rate,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }


def phone(name: int) -> str:
    """A line of SIPp's table: the user name, and the header that answers the challenge."""
    return f"{name};[authentication username={name} password={register_data.SECRET}]\n"


def known(instance: Instance) -> bool:
    """Whether the newest file of the snapshot is a moment old."""
    newest = max(path.stat().st_mtime for path in (instance.var / "world").iterdir())
    return time.time() - newest > 2 * SETTLED
