"""How fast calls are priced: single ratings, and calls re-rated from PostgreSQL and back.

`./mizu bench rating [--calls N] [--rates N] [--ratings N] [--changed PERCENT] [--processes N] [--apply] [--json FILE]`. Uses a PostgreSQL of its own, or the empty database that
DATABASE_URL names: N calls of 1,000 subscribers below a reseller, to a few places mostly, each with a retail, a reseller and a carrier price,
a share of which are other ones after the price lists have changed. One run, by so many processes, from the question to the
stored differences, price lists read and compiled on the way: by the clock, and by CPU (user and system) of the processes and of
PostgreSQL, which tells on a machine with other work what two idle cores would do.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mizu_site.run.testing import throw_away_stores
from tests.bench.engines import RATINGS, ratings

DAY = datetime(2026, 5, 1, tzinfo=UTC)
SECONDS = 20 * 86_400
SUBSCRIBERS = 1000
CHILD = "import sys; from tests.bench.rating import child; child(*sys.argv[1:])"


def main(argv: list[str]) -> int:
    """Measure, print, and write JSON where asked; returns the exit code."""
    parser = argparse.ArgumentParser(prog="./mizu bench rating", description=__doc__)
    parser.add_argument("--calls", type=int, default=5_000_000)
    parser.add_argument("--rates", type=int, default=20_000)
    parser.add_argument("--ratings", type=int, default=RATINGS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--changed", type=int, default=50, help="per cent of the calls whose prices change")
    parser.add_argument("--apply", action="store_true", help="put the changed prices in force too")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with throw_away_stores(os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")) as stores:
        os.environ |= stores
        prepare()
        results = {**ratings(options.ratings), **measured(options)}
        close()
    for name, value in results.items():
        print(f"{name:40} {value:>14,}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def prepare() -> None:
    """All tables, in the database of the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def close() -> None:
    """So that the server can stop."""
    from django.db import connections

    connections.close_all()


def measured(options: argparse.Namespace) -> dict[str, float]:
    """What re-rating so many calls takes."""
    from apps.invoices.services import rerating

    calls = options.calls
    fill(calls, options.rates, options.changed)
    run = rerating.ask(
        by=None, since=DAY, until=DAY + timedelta(seconds=SECONDS), reason="bench", start=False
    )
    server, started = server_cpu(), time.perf_counter()
    words = [sys.executable, "-c", CHILD, str(run.pk), str(options.processes)]
    told = json.loads(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout)
    elapsed, server = time.perf_counter() - started, server_cpu() - server
    results = {
        "calls": calls,
        "processes": options.processes,
        "rerated_per_second_by_the_clock": round(calls / elapsed),
        "rerated_per_second_of_two_cores": round(2 * calls / (told["cpu"] + server)),
        "microseconds_of_processes_a_call": round(told["cpu"] / calls * 1e6, 1),
        "microseconds_of_postgresql_a_call": round(server / calls * 1e6, 1),
        "megabytes_of_the_largest_process": told["megabytes"],
    }
    if options.apply:
        server, started = server_cpu(), time.perf_counter()
        changed = put_in_force(run.pk)
        seconds, server = time.perf_counter() - started, server_cpu() - server
        results |= {
            "prices_changed": changed,
            "microseconds_of_postgresql_a_price_applied": round(server / changed * 1e6, 1),
            "prices_applied_per_second_by_the_clock": round(changed / seconds),
        }
    return results


def server_cpu() -> float:
    """Seconds of CPU that this PostgreSQL has used, with processes of it that are over."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    top = int(_stat(backend)[1])
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    stats = {pid: _stat(pid) for pid in pids}
    ticks = sum(sum(map(int, one[11:15] if pid == top else one[11:13])) for pid, one in stats.items()
                if one and (pid == top or int(one[1]) == top))  # fmt: skip
    return float(ticks / os.sysconf("SC_CLK_TCK"))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none if the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def fill(calls: int, rates: int, changed: int = 50) -> None:
    """Accounts, price lists, and calls with the prices that they would have now, so many per cent of them dearer then."""
    from django.db import connection

    from apps.cdrs.models import Cdr, CdrPrice
    from apps.cdrs.services import ensure_months
    from apps.pricing import services as pricing
    from tests import make
    from tests.bench.rows import insert

    top, carrier = make.reseller(), make.carrier()
    callers = [make.subscriber(parent=top).pk for _ in range(min(SUBSCRIBERS, 1 + calls // 100))]
    prefixes = [str(30_000 + row) for row in range(rates)]
    for kind, price, holder in (
        ("retail", "0.06", top),
        ("reseller", "0.03", top),
        ("carrier", "0.01", carrier),
    ):
        tariff = make.tariff(kind)
        rows = "\n".join(f"{prefix},{price}" for prefix in prefixes).encode()
        pricing.import_rates(tariff=tariff, stream=io.BytesIO(rows))
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE pricing_rate SET valid_from = '2020-01-01Z' WHERE tariff_id = %s", [tariff.pk]
            )
        pricing.assign_tariff(account=holder, tariff=tariff)
    ensure_months(moments=[DAY.timestamp()])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_callers AS SELECT unnest(%s) AS id, generate_series(0, %s) AS place",
            [callers, len(callers) - 1],
        )
    at = "%(day)s + n * interval '1 second' * %(gap)s"
    calls_made = {
        "id": "(lpad(to_hex((extract(epoch FROM %(day)s)::bigint + floor(n * %(gap)s)::bigint) * 1000 + n %% 1000), 12, '0')"
        " || substr(md5(n::text), 13))::uuid",
        "started_at": at,
        "answered_at": at,
        "ended_at": at,
        "duration": "1 + n %% 300",
        "caller_id": "b.id",
        "called_number": "(30000 + floor(%(rates)s * power(random(), 4)))::int::text || (n %% 100000)::text",
        "carrier_id": "%(carrier)s",
        "currency": "'EUR'",
    }
    values = {
        "day": DAY,
        "gap": SECONDS / calls,
        "rates": rates,
        "carrier": carrier.pk,
        "calls": calls,
        "callers": len(callers),
    }
    source = "generate_series(0, %(calls)s - 1) n JOIN bench_callers b ON b.place = n %% %(callers)s"
    insert(Cdr, calls_made, source, values)
    for kind, account, price in (
        ("retail", "caller_id", 60_000),
        ("reseller", str(top.pk), 30_000),
        ("carrier", "carrier_id", 10_000),
    ):
        # To the tariff's four decimals; of some calls the price was another one.
        net = "round(duration * %(price)s / 60 * 0.000001, 4) + (duration %% 100 < %(changed)s)::int"
        whose = {"call_id": "id", "started_at": "started_at", "kind": "%(kind)s", "account_id": account}
        seconds = {
            "billed_seconds": "duration",
            "seconds": "duration",
            "billing_step": "1",
            "unit_price": "0",
        }
        amounts = {"currency": "'EUR'", "net": net, "gross": net, "vat": "0", "vat_rate": "0"}
        insert(
            CdrPrice,
            {**whose, **seconds, **amounts},
            "cdrs_cdr",
            {"kind": kind, "price": price, "changed": changed},
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE cdrs_cdr, cdrs_cdrprice, pricing_rate")


def put_in_force(run: int) -> int:
    from apps.cdrs.models import PriceChange, Rerating
    from apps.invoices.services import rerating

    found = Rerating.objects.get(pk=run)
    assert found.state == "ready" and not found.without_price, found.problems
    rerating.apply(run=found, by=None)
    return int(PriceChange.objects.count())


def child(run: str, processes: str) -> None:
    """Reckons the run, with its helpers, and tells what that took."""
    import django

    django.setup()
    from apps.invoices.services import rerating

    rerating.proceed(run_id=int(run), processes=int(processes))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(
        json.dumps(
            {
                "cpu": sum(one.ru_utime + one.ru_stime for one in used),
                "megabytes": round(max(one.ru_maxrss for one in used) / 1024),
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
