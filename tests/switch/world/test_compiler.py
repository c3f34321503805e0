"""The compiler as a process of its own, on a real PostgreSQL: what the office changes is in the workers' hands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from twisted.internet.task import Clock

from apps.config.models import Setting
from apps.config.services import set_value
from apps.pricing.engine import rate
from apps.pricing.models import CalendarDay, Rate, Tariff, TariffAssignment, TimeWindow
from apps.pricing.services import (
    add_rate,
    assign_tariff,
    change_tariff,
    create_tariff,
    save_calendar,
    save_day,
    save_window,
)
from apps.routing.models import RouteRule, RouteTarget
from apps.users.models import Account, Trunk
from apps.users.services import open_account, set_addresses
from switch.call.model import Caller, Decision
from switch.call.pipeline import decide, identify
from switch.world.loader import WorldKeeper, load_now
from switch.world.store import Manifest
from switch.world.world import World
from tests.support import wait_for
from tests.switch.worlds import Usage, request

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow]

ROOT = Path(__file__).resolve().parents[3]
WITHIN = 1.0
"""Seconds within which a change must be in use, by issue; the tests wait longer, and compare."""


def database_url() -> str:
    """Where the tests' own database is, for another process."""
    name = str(connection.settings_dict["NAME"])
    address, mark, options = os.environ["DATABASE_URL"].partition("?")
    return f"{address.rpartition('/')[0]}/{name}{mark}{options}"


NAME = "compiler of a test"
"""By which PostgreSQL knows its connections."""


@contextmanager
def compiler(var: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m switch compiler`, stopped in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "switch", "compiler"],
        cwd=ROOT,
        env=os.environ
        | {"MIZU_VAR": str(var), "DATABASE_URL": database_url(), "PGAPPNAME": NAME}
        | environment,
        stderr=(var / "compiler.log").open("ab"),
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def ready(var: Path) -> bool:
    return (var / "run" / "compiler.ready").exists()


class Site:
    """A running compiler, and a worker's keeper that follows it on a clock moved by hand."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.clock = Clock()
        self.keeper = WorldKeeper(self.clock, var)
        self.keeper.start()

    @property
    def world(self) -> World:
        self.clock.advance(0.1)
        while self.keeper._steps:
            self.clock.advance(0.01)
        assert self.keeper.world is not None
        return self.keeper.world

    def sees(self, condition: Any, what: str) -> float:
        """Waits for the change; the seconds that it took."""
        begun = time.monotonic()
        wait_for(lambda: condition(self.world), 20, what)
        return time.monotonic() - begun


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with compiler(tmp_path):
        wait_for(lambda: ready(tmp_path), 30, "compiler.ready")
        yield Site(tmp_path)


def price(world: World, account: str, number: str) -> int | None:
    """Micros per minute that the account's retail tariff asks for the number."""
    found = next((row[0] for row in world.accounts.values() if row[1] == account), None)
    caller = world.account(found) if found else None
    tariff = world.tariff(caller, "retail") if caller else None
    terms = world.terms(tariff, number, time.time(), currency="EUR", vat_ppm=0) if tariff else ""
    return None if isinstance(terms, str) else terms.bands[0].tiers[0].price


def subscriber(name: str) -> tuple[Account, Tariff]:
    company = open_account(username=f"{name}-house", kind="owner")
    account = open_account(username=name, kind="subscriber", parent=company, sip_password="not for phones 7")
    tariff = create_tariff(name=f"{name}-prices", kind="retail")
    add_rate(tariff=tariff, prefix="36", price=Decimal("0.10"), destination="Hungary")
    assign_tariff(account=account, tariff=tariff)
    return account, tariff


def test_a_changed_price_is_in_use_within_a_second(site: Site) -> None:
    _, tariff = subscriber("1001")
    site.sees(lambda world: price(world, "1001", "3620") == 100_000, "the first price")
    taken = []
    for cents in (25, 26, 27):  # the best of three: the machine that tests is busy with other things too
        Rate.objects.filter(tariff=tariff).update(price=Decimal(cents).scaleb(-2))
        taken.append(
            site.sees(lambda world, c=cents: price(world, "1001", "3620") == c * 10_000, "the price")
        )
    assert min(taken) < WITHIN


def test_only_the_deck_that_changed_gets_a_new_file(site: Site) -> None:
    _, tariff = subscriber("1001")
    _, other = subscriber("1002")
    site.sees(lambda world: price(world, "1002", "3620") == 100_000, "the prices")
    before = Manifest.read(site.var / "world").parts
    stamp = (site.var / "world" / before[f"deck:{other.pk}"]).stat().st_mtime_ns
    add_rate(tariff=tariff, prefix="44", price=Decimal("0.30"))
    site.sees(lambda world: price(world, "1001", "4420") == 300_000, "the new rate")
    after = Manifest.read(site.var / "world").parts
    assert {part for part in after if after[part] != before[part]} == {f"deck:{tariff.pk}"}
    assert (site.var / "world" / after[f"deck:{other.pk}"]).stat().st_mtime_ns == stamp


def test_every_part_of_the_office_reaches_the_switch(site: Site) -> None:
    account, _ = subscriber("1001")
    carrier = open_account(username="carrier", kind="carrier")
    Trunk.objects.create(account=carrier, host="192.0.2.9", prefix="00")
    costs = create_tariff(name="costs", kind="carrier")
    add_rate(tariff=costs, prefix="*", price=Decimal("0.05"))
    assign_tariff(account=carrier, tariff=costs)
    whole_day = TimeWindow.objects.create(name="always", starts="00:00", ends="00:00")
    rule = RouteRule.objects.create(name="all", window=whole_day, called_prefixes="36, 44")
    RouteTarget.objects.create(rule=rule, carrier=carrier)
    trunk = open_account(username="wholesale", kind="customer_trunk", parent=account.parent)
    set_addresses(account=trunk, networks=["198.51.100.0/28"])
    TariffAssignment.objects.create(
        account=trunk, tariff=Tariff.objects.get(name="1001-prices"), kind="retail"
    )
    Setting.objects.create(key="maxcallduration", value="777")

    def decided(world: World) -> Decision | None:
        call = request("003620", received_at=time.time())
        caller = identify(call, world)
        found = decide(call, caller, world, time.time(), Usage()) if isinstance(caller, Caller) else None
        return found if isinstance(found, Decision) and found.max_seconds == 777 else None

    site.sees(decided, "the decision")
    decision = decided(site.world)
    assert decision is not None
    assert decision.destination == "Hungary"
    assert [(one.account.username, one.number) for one in decision.targets] == [("carrier", "003620")]
    credential = site.world.credential("1001")
    assert credential is not None
    assert len(credential.ha1_sha256) == 64


def test_a_holiday_that_is_entered_and_a_peak_that_is_moved_reach_the_switch(site: Site) -> None:
    """The whole day is peak at first, and dear; then there is no peak; then again, but the day is a holiday."""
    _, tariff = subscriber("1001")

    def peak_from_to(begin: int, end: int) -> None:
        set_value(key="peaktimebegin", value=begin)
        set_value(key="peaktimeend", value=end)

    def minute(world: World) -> int:
        caller = world.named("1001")
        found = world.tariff(caller, "retail") if caller else None
        now = time.time()
        terms = world.terms(found, "3620", now, currency="EUR", vat_ppm=0) if found else ""
        return 0 if isinstance(terms, str) else rate(terms, now, 60).net

    peak_from_to(0, 0)
    set_value(key="weekendispeak", value=True)
    peak = save_window(name="peak", pattern="peak")
    add_rate(tariff=tariff, prefix="36", price=Decimal("0.90"), window=peak, surcharge=Decimal("0.04"))
    site.sees(lambda world: minute(world) == 940_000, "the peak price")
    hour = datetime.now(UTC).hour
    peak_from_to((hour + 11) % 24, (hour + 13) % 24)
    site.sees(lambda world: minute(world) == 100_000, "the price of other hours")
    peak_from_to(0, 0)
    site.sees(lambda world: minute(world) == 940_000, "the peak price again")
    calendar = save_calendar(name="ours", called_prefixes="36")
    change_tariff(tariff=tariff, calendars=[calendar])
    today = datetime.now(UTC).date()
    save_day(calendar=calendar, starts=today, ends=today + timedelta(days=1))
    site.sees(lambda world: minute(world) == 100_000, "the price of holidays")
    CalendarDay.objects.all().delete()
    site.sees(lambda world: minute(world) == 940_000, "an ordinary day")


def test_a_tariff_that_is_removed_leaves_the_snapshot(site: Site) -> None:
    tariff = create_tariff(name="gone", kind="retail")
    part = f"deck:{tariff.pk}"
    wait_for(lambda: part in Manifest.read(site.var / "world").parts, 20, "the deck")
    tariff.delete()
    wait_for(lambda: part not in Manifest.read(site.var / "world").parts, 20, "its end")


def test_a_lost_connection_is_made_again_and_nothing_is_missed(site: Site) -> None:
    _, tariff = subscriber("1001")
    site.sees(lambda world: price(world, "1001", "3620") == 100_000, "the first price")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s",
            [NAME],
        )
        assert cursor.fetchone()[0] > 0
    Rate.objects.filter(tariff=tariff).update(price=Decimal("0.40"))
    site.sees(lambda world: price(world, "1001", "3620") == 400_000, "the price changed meanwhile")


def test_workers_start_without_the_database_by_the_files_that_are_there(tmp_path: Path) -> None:
    subscriber("1001")
    with compiler(tmp_path):
        wait_for(lambda: ready(tmp_path), 30, "compiler.ready")
    assert not ready(tmp_path)
    with compiler(tmp_path, DATABASE_URL="postgres://postgres@127.0.0.1:1/nowhere"):
        wait_for(lambda: ready(tmp_path), 30, "compiler.ready without a database")
        world = load_now(tmp_path / "world").world
        assert world is not None
        assert price(world, "1001", "3620") == 100_000


def test_a_second_compiler_on_a_node_gives_way(site: Site) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "switch", "compiler"],
        cwd=ROOT,
        env=os.environ | {"MIZU_VAR": str(site.var), "DATABASE_URL": database_url()},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 1
    assert b"another compiler runs" in second.stderr


def test_a_list_of_a_hundred_thousand_rates_is_in_use_soon_and_finds_the_longest_prefix(site: Site) -> None:
    _, tariff = subscriber("1001")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pricing_rate (tariff_id, prefix, destination, price, min_digits, max_digits, valid_from)"
            " SELECT %s, number::text, 'Place ' || number %% 100, (number %% 1000) / 1000.0, 0, 0, %s"
            " FROM generate_series(4400000, 4499999) AS number",
            [tariff.pk, timezone.now()],
        )
    took = site.sees(lambda world: price(world, "1001", "447712399") == 123_000, "the long list")
    assert took < 10
    assert price(site.world, "1001", "3620") == 100_000
    assert price(site.world, "1001", "4500") is None
