"""How long a carrier's list takes to be read, compared and replayed: `./mizu bench pricelist [--rows N] [--calls N] [--json FILE]`.

A workbook of N prefixes (XLSX: code, destination, price, increments, day), one in five of them dearer, one in ten cheaper than in
the tariff of as many rates; the calls of the last month were priced by it. From the upload to what the page shows. Uses a
PostgreSQL of its own, or the empty database that DATABASE_URL names.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mizu_site.run.testing import throw_away_stores
from tests.bench.rating import close, prepare, server_cpu


def main(argv: list[str]) -> int:
    """Measure, print, and write JSON where asked; returns the exit code."""
    parser = argparse.ArgumentParser(prog="./mizu bench pricelist", description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with throw_away_stores(os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")) as stores:
        os.environ |= stores
        prepare()
        results = measured(options.rows, options.calls)
        close()
    for name, value in results.items():
        print(f"{name:40} {value:>14,}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def measured(rows: int, calls: int) -> dict[str, float]:
    """Seconds by the clock of each step, CPU of this process and of PostgreSQL, and this process's memory."""
    from apps.pricelists import services
    from apps.pricelists.services import staging

    tariff = fill(rows, calls)
    data = workbook(rows)
    steps = {name: Step(getattr(staging, name)) for name in ("_read_file", "_compare", "replay")}
    for name, step in steps.items():
        setattr(staging, name, step)
    cpu, server, begun = time.process_time(), server_cpu(), time.perf_counter()
    uploaded = services.upload(tariff=tariff, file_name="list.xlsx", data=data)
    opening = time.perf_counter() - begun
    found = services.stage(change_set=uploaded)
    elapsed = time.perf_counter() - begun
    assert found.state == "ready" and sum(found.summary.values()) >= rows, found.errors[:3]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "rows": rows,
        "calls_replayed": found.replay["total"]["calls"],
        "seconds_in_all": round(elapsed, 1),
        "seconds_of_the_upload": round(opening, 1),
        "seconds_of_reading": round(steps["_read_file"].seconds, 1),
        "seconds_of_comparing": round(steps["_compare"].seconds, 1),
        "seconds_of_replaying": round(steps["replay"].seconds, 1),
        "seconds_of_cpu": round(time.process_time() - cpu + children.ru_utime + children.ru_stime, 1),
        "seconds_of_cpu_of_postgresql": round(server_cpu() - server, 1),
        "megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


class Step:
    """A function that notes how long it took."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, *words: Any) -> Any:
        begun = time.perf_counter()
        try:
            return self.function(*words)
        finally:
            self.seconds += time.perf_counter() - begun


def fill(rows: int, calls: int) -> Any:
    """A tariff with so many rates, and last month's calls by it, most of them to a few places."""
    from django.db import connection
    from django.utils import timezone

    from apps.cdrs.models import Cdr, CdrPrice
    from apps.cdrs.services import ensure_months
    from tests import make
    from tests.bench.rows import insert

    tariff, carrier, caller = (
        make.tariff("carrier", name="bench prices"),
        make.carrier(username="bench-carrier"),
        make.subscriber(username="bench-caller"),
    )
    now = time.time()
    ensure_months(moments=[now, now - 30 * 86_400])
    values: dict[str, Any] = {"rows": rows, "calls": calls, "carrier": carrier.pk, "caller": caller.pk, "now": timezone.now(),
              "tariff": tariff.pk}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pricing_rate (tariff_id, prefix, destination, price, min_digits, max_digits, valid_from)"
            " SELECT %(tariff)s, 1000000 + n, 'Place ' || n / 40, 0.01 + n %% 997 * 0.0001, 0, 0, '2020-01-01Z'"
            " FROM generate_series(0, %(rows)s - 1) n",
            values,
        )
        cursor.execute(
            "CREATE TEMP TABLE made AS SELECT gen_random_uuid() AS id, n, 1000000 + floor(%(rows)s * power(random(), 3))::int AS prefix,"
            " %(now)s - interval '1 second' * (3600 + n * 29.0 * 86400 / %(calls)s) AS at FROM generate_series(0, %(calls)s - 1) n",
            values,
        )
    begun = {"started_at": "at", "answered_at": "at", "ended_at": "at"}
    called = {"called_number": "prefix::text || '1234'", "destination": "'Place ' || (prefix - 1000000) / 40"}
    parties = {"caller_id": "%(caller)s", "carrier_id": "%(carrier)s", "currency": "'EUR'"}
    insert(Cdr, {"id": "id", "duration": "1 + n %% 300", **begun, **called, **parties}, "made", values)
    whose = {"call_id": "id", "started_at": "at", "kind": "'carrier'", "account_id": "%(carrier)s"}
    seconds = {"billed_seconds": "1 + n %% 300", "seconds": "1 + n %% 300"}
    price = {"tariff_id": "%(tariff)s", "prefix": "prefix::text", "unit_price": "0.01", "billing_step": "1"}
    amounts = {"currency": "'EUR'", "net": "1", "vat": "0", "gross": "1", "vat_rate": "0"}
    insert(CdrPrice, {**whose, **seconds, **price, **amounts}, "made", values)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE cdrs_cdr, cdrs_cdrprice, pricing_rate")
    return tariff


def workbook(rows: int) -> bytes:
    """The list as a carrier sends it."""
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True, "in_memory": True}) as book:
        sheet = book.add_worksheet("rates")
        sheet.write_row(0, 0, ["Code", "Destination", "Rate per minute", "Increments", "Effective date"])
        for row in range(rows):
            factor = 1.2 if row % 5 == 0 else 0.9 if row % 10 == 1 else 1
            price = round((0.01 + row % 997 * 0.0001) * factor, 6)
            sheet.write_row(
                row + 1, 0, [str(1_000_000 + row), f"Place {row // 40}", price, "1/1", "2030-01-01"]
            )
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
