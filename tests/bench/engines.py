"""How fast the money core is: matches and ratings per second, building and mapping a million rates.

`./mizu bench engines [--rates N] [--ratings N] [--json FILE]`. Uses a schema of its own in DATABASE_URL and drops it; without one, a
PostgreSQL that lives only as long as the benchmark.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from apps.core.values import TimeWindow, to_micros
from apps.pricing.deck_build import copy_deck
from apps.pricing.engine import Rate, Terms, band_of, max_duration, rate
from apps.pricing.engine.deck import Deck
from mizu_site.run.testing import throw_away_stores

SCHEMA = "mizu_bench_engines"
NOW = 1_780_000_000
RATINGS = 200_000
TABLES = f"""
CREATE SCHEMA {SCHEMA}; SET search_path TO {SCHEMA};
CREATE TABLE pricing_tariff (id bigint PRIMARY KEY, connect_fee numeric(18,6) NOT NULL, first_increment int NOT NULL,
    next_increment int NOT NULL, minimum_seconds int NOT NULL, free_seconds int NOT NULL, free_after int NOT NULL,
    grace_seconds int NOT NULL, minimum_charge numeric(18,6) NOT NULL, maximum_charge numeric(18,6) NOT NULL,
    surcharge numeric(18,6) NOT NULL);
CREATE TABLE pricing_rate (id bigserial PRIMARY KEY, tariff_id bigint NOT NULL, prefix varchar(20) NOT NULL,
    price numeric(18,6) NOT NULL, connect_fee numeric(18,6), first_increment int, next_increment int,
    minimum_seconds int, free_seconds int, free_after int, min_digits smallint NOT NULL DEFAULT 0,
    max_digits smallint NOT NULL DEFAULT 0, valid_from timestamptz NOT NULL DEFAULT '2020-01-01Z',
    valid_until timestamptz, window_id bigint, grace_seconds int, minimum_charge numeric(18,6),
    maximum_charge numeric(18,6), surcharge numeric(18,6));
INSERT INTO pricing_tariff VALUES (1, 0, 30, 6, 0, 0, 0, 0, 0, 0, 0);
"""
WORKER = """
import sys
from apps.pricing.engine.deck import Deck
def kib(name):
    return next(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith(name))
before = kib("Private_Clean:") + kib("Private_Dirty:")
deck = Deck.open(sys.argv[1])
deck.verify()
for number in sys.stdin.read().split():
    deck.match(number, int(sys.argv[2]))
print(kib("Private_Dirty:") + kib("Private_Clean:") - before, kib("Pss:"), kib("Rss:"), flush=True)
sys.stdin.close()
"""


def main(argv: list[str]) -> int:
    """Measure, print, and write JSON where asked; returns the exit code."""
    parser = argparse.ArgumentParser(prog="./mizu bench engines", description=__doc__)
    parser.add_argument("--rates", type=int, default=1_000_000)
    parser.add_argument("--ratings", type=int, default=RATINGS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with throw_away_stores(os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")) as stores:
        results = {**ratings(options.ratings), **decks(options.rates, stores["DATABASE_URL"])}
    for name, value in results.items():
        print(f"{name:32} {value:>14,}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def per_second(work: Callable[[], int]) -> int:
    """A second of CPU of one core, of three runs the best; `work` returns how much it did."""
    best = 0.0
    for _ in range(3):
        start = time.thread_time()
        done = work()
        best = max(best, done / (time.thread_time() - start))
    return round(best)


def ratings(count: int = RATINGS) -> dict[str, int]:
    """Single ratings, and their inverse, a second."""
    one = Rate(1, "36", to_micros("0.0123"), 0, 30, 6)
    plain = Terms((band_of(one),), currency="EUR", decimals=4, vat_ppm=270_000)
    peak = TimeWindow(31, 480, 1080)
    split = Terms((band_of(one, peak), band_of(Rate(2, "36", to_micros("0.005")))), zone="Europe/Budapest")
    chance = random.Random(1)
    calls = [(NOW + chance.randrange(10**6), chance.randrange(1, 3600)) for _ in range(count)]
    budgets = [(start, seconds * 1000) for start, seconds in calls]

    def rated(terms: Terms, these: list[tuple[int, int]]) -> int:
        for start, seconds in these:
            rate(terms, start, seconds)
        return len(these)

    def inverted(terms: Terms, these: list[tuple[int, int]]) -> int:
        for start, budget in these:
            max_duration(terms, start, budget)
        return len(these)

    return {
        "ratings_per_second": per_second(lambda: rated(plain, calls)),
        "ratings_with_windows_per_second": per_second(lambda: rated(split, calls[: count // 10])),
        "max_durations_per_second": per_second(lambda: inverted(plain, budgets)),
        "max_durations_with_windows_per_second": per_second(lambda: inverted(split, budgets[: count // 10])),
    }


@contextmanager
def scratch(database: str) -> Iterator[Any]:
    """A cursor in a schema that is dropped afterwards, whatever happens."""
    connection = psycopg2.connect(database)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            cursor.execute(TABLES)
            connection.commit()
            yield cursor
            connection.rollback()
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            connection.commit()
    finally:
        connection.close()


def random_prefixes(count: int) -> list[str]:
    """As in real price lists: 1 to 12 digits, most of them 8 to 11."""
    chance = random.Random(2)
    lengths = [*range(1, 13), *[8, 9, 10, 11] * 12]
    found: set[str] = set()
    while len(found) < count:
        length = chance.choice(lengths)
        found.add(str(chance.randrange(10 ** (length - 1), 10**length)))
    return sorted(found)


def fill(cursor: Any, prefixes: list[str]) -> None:
    with tempfile.TemporaryFile("w+") as file:
        file.writelines(f"1\t{prefix}\t{index % 9_000 / 10_000}\n" for index, prefix in enumerate(prefixes))
        file.seek(0)
        cursor.copy_expert("COPY pricing_rate (tariff_id, prefix, price) FROM STDIN", file)
    cursor.connection.commit()


def decks(count: int, database: str) -> dict[str, float]:
    prefixes = random_prefixes(count)
    with scratch(database) as cursor, tempfile.TemporaryDirectory() as folder:
        fill(cursor, prefixes)
        path = Path(folder) / "1.deck"
        start = time.perf_counter()
        assert copy_deck(cursor, 1, path) == count
        built = time.perf_counter() - start
        chance = random.Random(3)
        # Half of the numbers continue a prefix, half are any number.
        numbers = [chance.choice(prefixes) + str(chance.randrange(1000)) for _ in range(50_000)]
        numbers += [str(chance.randrange(10**10, 10**12)) for _ in range(50_000)]
        chance.shuffle(numbers)
        busy = chance.choices(numbers[:5_000], k=100_000)
        deck = Deck.open(path)

        def matched(these: list[str]) -> int:
            for number in these:
                deck.match(number, NOW)
            return len(these)

        return {
            "rates": count,
            "build_seconds": round(built, 2),
            "deck_megabytes": round(path.stat().st_size / 1e6, 1),
            "matches_per_second": per_second(lambda: matched(busy)),
            "matches_never_cached_per_second": per_second(lambda: matched(numbers)),
            **memory(path, numbers),
        }


def memory(path: Path, numbers: list[str]) -> dict[str, float]:
    """What a worker that has matched 100,000 numbers keeps to itself, and the node with four of them."""
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(path), str(NOW)],
        input=" ".join(numbers),
        capture_output=True,
        text=True,
        check=True,
    )
    own, _, resident = (int(word) / 1024 for word in done.stdout.split())
    size = path.stat().st_size / 2**20
    private = max(own, 0.0)
    return {
        "worker_rss_mb": round(resident, 1),
        "worker_private_mb": round(private, 1),
        "node_mb_4_workers": round(size + 4 * private, 1),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
