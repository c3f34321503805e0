"""How many calls a second the switch carries, and what one costs.

`./mizu bench calls [--workers N] [--from RATE] [--to RATE] [--step RATE] [--seconds S] [--json FILE]`

A whole instance of its own; SIPp on both sides over loopback; a trunk known by its address, prepaid; three carriers
with 100,000 rates each, least cost; every call held, carried (180, 200, ACK, one second, BYE) and recorded.
1. The rate rises step by step, `--seconds` each, until one fails: a call failed, less than 97 % of the rate was
   reached, or more than 0.1 % of the calls needed a retransmission. Then by quarters of a step from the last good one.
2. At 80 % of the best rate the set-up delay (INVITE to 200) is measured, from the microseconds that SIPp notes with
   each message: its own response times are those of a clock that ticks every 4 ms.
3. No hold may be left when the writer has caught up, and there must be a record for every call.
CPU per call is user and system time of all switch processes (workers, writer, compiler) divided by good calls.
The workers have the first core(s) for themselves where there is more than one; SIPp and PostgreSQL the last.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from apps.screening.engine.special import kind_of
from tests.bench import calls_data
from tests.instance import Instance
from tests.support import free_port, wait_for

SIPP = Path(__file__).parent / "sipp"
HOLD_MS = 1000
CARRIERS = 3
SETTLED = 2.0
SWEPT = 150.0
"""Seconds: holds whose answer was lost (the database slower than the worker waits) go with the writer's next sweep."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Step:
    """What one rate gave. Rates are calls per second; `cpu` is seconds by process, `delays` are ms."""

    asked: float
    reached: float
    good: int
    failed: int
    retransmissions: int
    cpu: dict[str, float]
    delays: list[float]

    @property
    def passed(self) -> bool:
        few = self.retransmissions <= max(1, self.good // 1000)
        return self.failed == 0 and self.good > 0 and self.reached >= 0.97 * self.asked and few

    @property
    def cpu_us(self) -> float:
        return sum(self.shares().values())

    def shares(self) -> dict[str, int]:
        """Microseconds a call, by process."""
        return {name: round(1e6 * used / max(1, self.good)) for name, used in self.cpu.items()}

    def percentile(self, share: float) -> float:
        ordered = sorted(self.delays)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./mizu bench calls", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--from", dest="first", type=int, default=100)
    parser.add_argument("--to", dest="last", type=int, default=1200)
    parser.add_argument("--step", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with Instance(workers=options.workers) as instance, tempfile.TemporaryDirectory() as scratch:
        result = measure(instance, Path(scratch), options)
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if result["calls_per_second"] and not result["failed"] else 1


def measure(instance: Instance, scratch: Path, options: argparse.Namespace) -> dict[str, object]:
    """Prepare the office, raise the rate until it fails, then, when all that has left is settled, measure the delay at 80 % of the best."""
    ports = [free_port() for _ in range(CARRIERS)]
    prepare(instance, ports)
    spread(instance)
    carriers = [answering(port, scratch) for port in ports]
    try:
        run(instance, scratch, 50, 2)  # the first calls find cold caches; they do not count
        best = climb(lambda rate, seconds: run(instance, scratch, rate, seconds), options)
        rate = max(1, int(0.8 * (best.asked if best else options.first)))
        wait_for_records(instance)  # what a step has left that failed would be measured with it
        calm = run(instance, scratch, rate, options.seconds)
        show(calm)
    finally:
        for carrier in carriers:
            carrier.kill()
    records = wait_for_records(instance)
    return {
        "calls_per_second": best.asked if best else 0,
        "cpu_us_per_call": round((best or calm).cpu_us),
        "setup_p50_ms": round(calm.percentile(0.50), 2),
        "setup_p99_ms": round(calm.percentile(0.99), 2),
        "rss_mb": round(resident(instance) / 1e6),
        "failed": (best.failed if best else 0) + calm.failed,
        "cpu_us_by_process": (best or calm).shares(),
        "workers": options.workers,
        "setup_measured_at": rate,
        "records": records,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }


def climb(at: Callable[[int, int], Step], options: argparse.Namespace) -> Step | None:
    """The step with the best rate, None when even the first failed: in whole steps at first, in quarters then."""
    best: Step | None = None
    rates = list(range(options.first, options.last + 1, options.step))
    fine = max(1, options.step // 4)
    finely = False
    while rates:
        step = at(rates.pop(0), options.seconds)
        show(step)
        if step.passed:
            best = step
        elif finely or best is None:
            break
        else:
            finely = True
            rates = list(range(int(best.asked) + fine, int(step.asked), fine))
    return best


def prepare(instance: Instance, ports: list[int]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.calls_data", *map(str, ports)], env=instance.env, check=False
    )
    assert done.returncode == 0, "the benchmark's data could not be made"
    wait_for(lambda: compiled(instance), 60, "the price lists to be compiled")


def compiled(instance: Instance) -> bool:
    """Whether every tariff has its deck, the newest file of the snapshot is a moment old, and so all is known."""
    world = instance.var / "world"
    parts = json.loads((world / "manifest.json").read_text())["parts"]
    tariffs = [row[0] for row in instance.sql("SELECT id FROM pricing_tariff")]
    newest = max(path.stat().st_mtime for path in world.iterdir())
    return all(f"deck:{tariff}" in parts for tariff in tariffs) and time.time() - newest > SETTLED


def spread(instance: Instance) -> None:
    """The workers on the first cores, all others on the last."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return
    for name, one in instance.processes().items():
        number = int(name.rpartition("-")[2]) if name.startswith("worker-") else 0
        core = cores[(number - 1) % len(cores)] if number else cores[-1]
        os.sched_setaffinity(one["pid"], {core})


def answering(port: int, scratch: Path) -> subprocess.Popen[bytes]:
    """A carrier that answers every call at once."""
    return subprocess.Popen(
        ["sipp", "-sf", str(SIPP / "uas.xml"), "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-trace_err"],
        cwd=scratch, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def run(instance: Instance, scratch: Path, rate: int, seconds: int) -> Step:
    """Place calls at a rate for some seconds, and wait until all have ended."""
    numbers = scratch / "numbers.csv"
    if not numbers.exists():
        numbers.write_text("RANDOM\n" + "".join(f"{number()};\n" for _ in range(20_000)))
    scenario = ["-sf", str(SIPP / "uac.xml"), "-inf", str(numbers), "-d", str(HOLD_MS)]
    return load(
        instance.sip_port,
        lambda: cpu(switch_pids(instance)),
        scratch,
        scenario,
        rate=rate,
        seconds=seconds,
        source=calls_data.CALLER_ADDRESS,
        method="INVITE",
    )


def load(
    port: int,
    used: Callable[[], dict[str, float]],
    scratch: Path,
    scenario: list[str],
    *,
    rate: int,
    seconds: int,
    source: str,
    method: str,
) -> Step:
    """Run a scenario of SIPp at a rate for some seconds; `used`: seconds of CPU so far, by process of what is measured."""
    stats, messages = scratch / "stat.csv", scratch / "messages.log"
    for old in (stats, messages):
        old.unlink(missing_ok=True)
    before = used()
    caller = subprocess.Popen(
        ["sipp", f"127.0.0.1:{port}", *scenario, "-i", source, "-p", str(free_port(source)),
         "-r", str(rate), "-m", str(rate * seconds), "-l", "20000", "-nostdin", "-trace_stat", "-stf", str(stats),
         "-fd", "1", "-trace_shortmsg", "-shortmessage_file", str(messages), "-timeout", f"{seconds * 3 + 30}s"],
        cwd=scratch, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    caller.wait(timeout=seconds * 4 + 60)
    after = used()
    with stats.open() as stream:
        last = [row for row in csv.DictReader(stream, delimiter=";") if row.get("SuccessfulCall(C)")][-1]
    begun, delays = timed(messages, method)
    return Step(
        asked=rate,
        reached=(len(begun) - 1) / (begun[-1] - begun[0]) if len(begun) > 1 else 0.0,
        good=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]) + rate * seconds - int(last["TotalCallCreated"]),
        retransmissions=int(last["Retransmissions(C)"]),
        cpu={name: after[name] - before.get(name, 0.0) for name in after},
        delays=delays,
    )


def timed(messages: Path, method: str) -> tuple[list[float], list[float]]:
    """From SIPp's list of messages: when each call began (epoch seconds), and the ms from its first request to the 200."""
    begun: dict[str, float] = {}
    answered: dict[str, float] = {}
    for line in messages.read_text().splitlines():
        _, _, at, way, call, cseq, start = line.split("\t")
        if cseq.endswith(f" {method}"):
            if way == "S":
                begun.setdefault(call, float(at))
            elif start.startswith("SIP/2.0 200"):
                answered.setdefault(call, float(at))
    return sorted(begun.values()), [1000 * (at - begun[call]) for call, at in answered.items()]


def number() -> str:
    """A number that one of the 100,000 prefixes covers, and that is not refused for its kind."""
    while True:
        found = f"{calls_data.FIRST_PREFIX + random.randrange(calls_data.RATES)}{random.randrange(10**5):05}"
        if not kind_of(found):
            return found


def switch_pids(instance: Instance) -> dict[str, int]:
    return {
        name: int(one["pid"])
        for name, one in instance.processes().items()
        if name.startswith("worker-") or name in ("writer", "compiler")
    }


def cpu(pids: dict[str, int]) -> dict[str, float]:
    """User and system seconds of these processes so far."""
    used = {}
    for name, pid in pids.items():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used[name] = (int(fields[11]) + int(fields[12])) / TICKS
    return used


def resident(instance: Instance) -> int:
    """Bytes of memory that the processes hold, shared pages counted once each by their share."""
    total = 0
    for pid in switch_pids(instance).values():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def wait_for_records(instance: Instance) -> int:
    """How many call records there are once the writer has caught up; no money may still be held."""
    wait_for(lambda: not instance.sql("SELECT FROM invoices_hold LIMIT 1"), SWEPT, "every hold to be let go")
    return int(instance.sql("SELECT count(*) FROM cdrs_cdr")[0][0])


def show(step: Step) -> None:
    verdict = "ok" if step.passed else "FAILED"
    print(
        f"{step.asked:5.0f}/s: {verdict}, reached {step.reached:.0f}, good {step.good}, failed {step.failed},"
        f" retransmissions {step.retransmissions}, {step.cpu_us:.0f} µs CPU each,"
        f" delay p50 {step.percentile(0.5):.1f} ms p99 {step.percentile(0.99):.1f} ms",
        flush=True,
    )
