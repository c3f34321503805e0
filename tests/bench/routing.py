"""How long a call is decided, from the parsed INVITE to the ordered carriers, in an office of a large operator; and how soon a changed rate is in use.

`./mizu bench routing [--rates N] [--carriers N] [--rules N] [--accounts N] [--listed N] [--ported N] [--calls N] [--json FILE]`. Uses a
PostgreSQL of its own, or the empty database that DATABASE_URL names. The snapshot is built by the compiler's code and read by a
worker's. Every carrier has the same prefixes, so that each call is offered by all of them; every rule is for another called prefix,
and one takes every number. Every tenth call is to a ported number. Times are CPU of one thread, so that other work on the machine
counts less.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mizu_site.run.testing import throw_away_stores
from tests.bench import ported
from tests.bench.rating import close, prepare
from tests.switch.worlds import Usage, request

NOW = 1_790_000_000.0
TARGETS = 5
"""Carriers of a rule for one prefix."""
PORTED_EVERY = 10
SIZES = {
    "rates": 1_000_000,
    "carriers": 50,
    "rules": 10_000,
    "accounts": 100_000,
    "listed": 1_000_000,
    "ported": 10_000_000,
}
"""How many there are, unless the options say otherwise; `listed`: blacklisted numbers."""


def main(argv: list[str]) -> int:
    """Measure, print, and write JSON where asked; returns the exit code."""
    parser = argparse.ArgumentParser(prog="./mizu bench routing", description=__doc__)
    for name, default in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with throw_away_stores(os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")) as stores:
        os.environ |= stores
        prepare()
        with tempfile.TemporaryDirectory() as folder:
            results = measured(options, Path(folder))
        close()
    for name, value in results.items():
        print(f"{name:44} {value:>14,}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def measured(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """All figures."""
    from apps.screening.engine import special
    from switch.call.pipeline import decide
    from switch.world.loader import load_now
    from switch.world.parts import ALL, build
    from switch.world.store import Store

    prefixes, moved = fill(options)
    store = Store(folder)
    built, parts = timed(lambda: build(store, {ALL}, node="bench"))
    store.publish(parts, NOW)
    for _ in special.learn_plans():  # as a worker does after its start
        pass
    before = memory()
    loaded, found = timed(lambda: load_now(folder))
    world = found.world
    results: dict[str, float] = {
        **{name: getattr(options, name) for name in SIZES},
        "snapshot_built_seconds": round(built, 2),
        "snapshot_loaded_seconds": round(loaded, 2),
    }
    results |= decisions(decide, world, prefixes, moved, options.calls)
    own, mapped = (now - then for now, then in zip(memory(), before, strict=True))
    results |= {"worker_own_megabytes": round(own, 1), "worker_mapped_megabytes": round(mapped, 1)}
    return results | refresh(store, folder, found)


def fill(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Carriers with rates, rules, subscribers with a retail price for everything, lists; the prefixes that carriers price, and ported numbers."""
    from apps.pricing import services as pricing
    from apps.routing.models import RouteRule, RouteTarget
    from apps.users.models import Account
    from tests import make

    top = make.company()
    pricing.assign_tariff(account=top, tariff=make.tariff(prices={"": "9"}))
    chance = random.Random(1)
    each = options.rates // options.carriers
    prefixes = sorted({str(chance.randrange(10**4, 10**9)) for _ in range(each)})
    carriers = [priced(make.carrier(parent=top), prefixes, chance) for _ in range(options.carriers)]
    Account.objects.bulk_create(
        (Account(username=f"s{n}", kind="subscriber", parent=top, caller_number=f"{99 * 10**9 + n}")
         for n in range(options.accounts)), batch_size=5000,
    )  # fmt: skip
    paths(top)
    rules = RouteRule.objects.bulk_create(
        RouteRule(name=f"rule {n}", priority=100, called_prefixes=prefix, strategy="")
        for n, prefix in enumerate(chance.choices(prefixes, k=options.rules - 1))
    )
    everybody = RouteRule.objects.create(name="all", priority=900, strategy="")
    targets = [RouteTarget(rule=everybody, carrier=one) for one in carriers]
    targets += [
        RouteTarget(rule=rule, carrier=one)
        for rule in rules
        for one in chance.sample(carriers, min(TARGETS, len(carriers)))
    ]
    RouteTarget.objects.bulk_create(targets, batch_size=5000)
    listed(options.listed, chance)
    return prefixes, port(options.ported, carriers, chance)


def listed(count: int, chance: random.Random) -> None:
    """So many blacklisted numbers."""
    from django.db import connection

    numbers = {str(chance.randrange(10**9, 10**13)) for _ in range(count)}
    rows = io.StringIO("".join(f"black\t{number}\t6\tt\t\t\t2026-01-01\n" for number in numbers))
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(
            "COPY screening_screenednumber (book, number, level, enabled, reason, found_by, changed_at) FROM STDIN",
            rows,
        )


def port(count: int, carriers: list[Any], chance: random.Random) -> list[str]:
    """So many ported numbers, each to one of 300 operators that a carrier leads to; some of them."""
    from django.db import connection

    from apps.portability.models import PortTarget

    PortTarget.objects.bulk_create(
        PortTarget(id=n, code=f"op{n}", carrier=carriers[n % len(carriers)]) for n in range(1, 301)
    )
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE portability_portednumber ALTER created_at SET DEFAULT now()")
        found = ported.fill(cursor.cursor, count, chance)
        cursor.execute("ANALYZE portability_portednumber")
    return found


def paths(top: Any) -> None:
    """What the services would have written of the subscribers that were made all at once."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users_account SET path = %s || id || '/' WHERE kind = 'subscriber'", [top.path]
        )


def priced(carrier: Any, prefixes: list[str], chance: random.Random) -> Any:
    """The carrier with a price list of its own for these prefixes."""
    from django.db import connection

    from apps.pricing import services as pricing
    from tests import make

    tariff = make.tariff("carrier", prices={"": "1"})
    rows = "".join(f"{tariff.pk}\t{prefix}\t0.{chance.randrange(10**4):04}\n" for prefix in prefixes)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS given (tariff_id bigint, prefix text, price numeric)")
        cursor.execute("TRUNCATE given")
        cursor.cursor.copy_expert("COPY given FROM STDIN", io.StringIO(rows))
        names = [name for name in columns(cursor) if name not in ("id", "tariff_id", "prefix", "price")]
        same = ", ".join(names)
        cursor.execute(
            f"INSERT INTO pricing_rate (tariff_id, prefix, price, {same})"
            f" SELECT g.tariff_id, g.prefix, g.price, {', '.join(f'r.{name}' for name in names)}"
            " FROM given g JOIN pricing_rate r ON r.tariff_id = g.tariff_id AND r.prefix = ''"
        )
    pricing.assign_tariff(account=carrier, tariff=tariff)
    return carrier


def columns(cursor: Any) -> list[str]:
    cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'pricing_rate'")
    return [row[0] for row in cursor.fetchall()]


def decisions(decide: Any, world: Any, prefixes: list[str], gone: list[str], calls: int) -> dict[str, float]:
    """Calls of all subscribers to all prefixes, by the best route."""
    from switch.call.model import Decision

    chance = random.Random(2)
    accounts = [row[0] for row in world.accounts.values() if row[2] == "subscriber"]
    numbers = [
        f"{chance.choice(prefixes)}{chance.randrange(10**4, 10**5)}"
        if turn % PORTED_EVERY
        else chance.choice(gone)
        for turn in range(calls)
    ]
    callers = chance.choices(accounts, k=calls)
    usage, times, offered = Usage(), [], 0
    gc.disable()
    for caller, number in zip(callers, numbers, strict=True):
        account, invite = world.account(caller), request(number)
        begun = time.thread_time_ns()
        found = decide(invite, account, world, NOW, usage)
        spent = time.thread_time_ns() - begun
        if isinstance(found, Decision):  # premium-rate and listed numbers are refused, and soon
            times.append(spent)
            offered += len(found.targets)
    gc.enable()
    times.sort()
    decided = len(times)
    return {
        "calls_decided": decided,
        "targets_of_a_call": round(offered / decided, 1),
        "decided_p50_microseconds": round(times[decided // 2] / 1000),
        "decided_p99_microseconds": round(times[decided * 99 // 100] / 1000),
    }


def refresh(store: Any, folder: Path, found: Any) -> dict[str, float]:
    """From one changed rate to a world that prices by it: the compiler's part, and the worker's."""
    from decimal import Decimal

    from apps.pricing.models import Rate
    from apps.pricing.services import change_rate
    from switch.world.loader import load_now
    from switch.world.parts import build

    rate = Rate.objects.filter(tariff__kind="carrier").exclude(prefix="").latest("id")
    change_rate(rate=rate, price=Decimal("0.4242"))
    wanted = {f"deck:{rate.tariff_id}", "tariffs"}
    compiled, parts = timed(lambda: build(store, wanted, node="bench"))
    store.publish(parts, NOW + 1)
    loaded, newer = timed(lambda: load_now(folder, found))
    assert newer.world.version != found.world.version
    return {
        "changed_rate_compiled_milliseconds": round(1000 * compiled),
        "changed_rate_loaded_milliseconds": round(1000 * loaded),
    }


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds by the clock, and what came of it."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def memory() -> tuple[float, float]:
    """Megabytes that this process has to itself, and those of files, which all workers of a node share."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    kilobytes = {words[0]: int(words[1]) for words in map(str.split, lines[1:])}
    own = kilobytes["Anonymous:"]
    return own / 1024, (kilobytes["Rss:"] - own) / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
