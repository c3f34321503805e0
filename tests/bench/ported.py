"""How fast a ported number is found among ten million: `./mizu bench ported [--numbers N] [--json FILE]`.

The table is filled in a schema of its own of DATABASE_URL, or of a PostgreSQL that lives as long as the benchmark, and the file is
built from it as the compiler does. Look-ups are counted cold (the first of each beginning) and warm, with what a worker's memory
grows by.
"""

import argparse
import io
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg2

from apps.portability.build import build
from apps.portability.engine import PortedFile
from mizu_site.run.testing import throw_away_stores

SCHEMA = "mizu_bench_ported"
TABLES = f"""
CREATE SCHEMA {SCHEMA}; SET search_path TO {SCHEMA};
CREATE TABLE portability_porttarget (id bigserial PRIMARY KEY, carrier_id bigint, code varchar(32) NOT NULL,
    prefix varchar(16) NOT NULL, domain varchar(253) NOT NULL, port int NOT NULL);
CREATE TABLE portability_portednumber (id bigserial PRIMARY KEY, number varchar(16) COLLATE "C" NOT NULL, target_id bigint,
    new_number varchar(16) COLLATE "C" NOT NULL, priority smallint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE portability_numberblock (prefix varchar(16) COLLATE "C", spid varchar(32), cnl varchar(16));
INSERT INTO portability_porttarget (code, prefix, domain, port) SELECT 'op' || n, '', '', 5060 FROM generate_series(1, 300) n;
"""
BATCH = 200_000
LOOKUPS = 200_000


def main(argv: list[str]) -> int:
    """Measure, print, and write JSON where asked; returns the exit code."""
    parser = argparse.ArgumentParser(prog="mizu bench ported", description=__doc__)
    parser.add_argument("--numbers", type=int, default=10_000_000)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args(argv)
    with throw_away_stores(os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")) as stores:
        figures = measure(stores["DATABASE_URL"], wanted.numbers)
    for name, value in figures.items():
        print(f"{name:44} {value!s:>24}")
    if wanted.json:
        wanted.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def measure(url: str, count: int) -> dict[str, Any]:
    """Fill, build, look up."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    draw = random.Random(1)
    try:
        with connection.cursor() as cursor, tempfile.TemporaryDirectory() as folder:
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            cursor.execute(TABLES)
            begun = time.perf_counter()
            sample = fill(cursor, count, draw)
            filled = time.perf_counter()
            cursor.execute("CREATE INDEX ON portability_portednumber (number, priority)")
            cursor.execute("ANALYZE portability_portednumber")
            indexed = time.perf_counter()
            path = Path(folder) / "ported"
            kept = build(cursor, path, 1)
            done = time.perf_counter()
            size = path.stat().st_size
            return {
                "numbers in the file": kept,
                "filled by COPY, s": round(filled - begun, 1),
                "file built from the table, s": round(done - indexed, 1),
                "file, MiB": round(size / 2**20, 1),
            } | _look_up(path, sample, draw)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.close()


def fill(cursor: Any, count: int, draw: random.Random) -> list[str]:
    """Numbers that differ, in no order, each gone to one of 300 targets; some of them."""
    step = 10**9 // count
    sample: list[str] = []
    order = list(range(0, count, BATCH))
    draw.shuffle(order)
    for begin in order:
        numbers = [
            f"36{place * step + draw.randrange(step):09d}"
            for place in range(begin, min(begin + BATCH, count))
        ]
        draw.shuffle(numbers)
        sample += numbers[: max(1, LOOKUPS * len(numbers) // count)]
        rows = io.StringIO("".join(f"{number}\t{draw.randrange(1, 301)}\t\t1\n" for number in numbers))
        cursor.copy_expert(
            "COPY portability_portednumber (number, target_id, new_number, priority) FROM STDIN", rows
        )
    return sample


def _look_up(path: Path, sample: list[str], draw: random.Random) -> dict[str, Any]:
    before = _private()
    file = PortedFile(path)
    draw.shuffle(sample)
    missing = [number[:-1] + str((int(number[-1]) + 5) % 10) for number in sample]
    cold = _timed(file, sample)
    found = {
        "hit, cold, median / p99 / worst, µs": cold,
        "hit, warm": _timed(file, sample),
        "miss, warm": _timed(file, missing),
    }
    return found | {
        "memory of its own, KiB": _private() - before,
        "of 1,000 numbers found": _found(file, sample[:1000]),
    }


def _timed(file: PortedFile, numbers: list[str]) -> str:
    taken = []
    clock = time.perf_counter_ns
    find = file.find
    for number in numbers:
        begun = clock()
        find(number)
        taken.append(clock() - begun)
    taken.sort()
    median, late, worst = taken[len(taken) // 2], taken[len(taken) * 99 // 100], taken[-1]
    return f"{median / 1000:.2f} / {late / 1000:.2f} / {worst / 1000:.0f}"


def _found(file: PortedFile, numbers: list[str]) -> int:
    return sum(file.find(number) is not None for number in numbers)


def _private() -> int:
    """KiB that belong to this process alone; the pages of the mapped file are everybody's."""
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))
