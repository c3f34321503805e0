"""Ported numbers take minutes to compile; everything else goes on meanwhile, and nothing that was known is forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection

from apps.core.notify import CHANNEL
from apps.portability.engine import PortedFile
from apps.portability.models import PortedChange, PortedState
from apps.portability.services import port
from apps.pricing.models import Rate
from switch.world.lane import Lane
from switch.world.parts import ALL, build
from switch.world.store import Manifest, Store, read_part
from tests.support import wait_for
from tests.switch.world.test_compiler import Site, compiler, price, ready, subscriber

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow]


def imported(stamp: int) -> None:
    """As after an import of many numbers: the office knows another state of them."""
    PortedChange.objects.all().delete()
    PortedState.objects.update_or_create(pk=1, defaults={"stamp": stamp})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, 'ported')", [CHANNEL])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    port(number="36201234567", code="20810")
    imported(5)
    with compiler(tmp_path):
        wait_for(lambda: ready(tmp_path), 30, "compiler.ready")
        yield Site(tmp_path)


@contextmanager
def nobody_reads_ported_numbers() -> Iterator[None]:
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE portability_portednumber IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        other.close()


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COPY%'"
        )
        return bool(cursor.fetchone()[0])


def stamp_of(folder: Path) -> int:
    return int(PortedFile(folder / Manifest.read(folder).parts["ported"]).stamp)


def test_a_changed_price_is_in_use_while_ported_numbers_are_compiled(site: Site) -> None:
    """They wait behind a lock that is taken away only when the price has come: order, not time."""
    world = site.var / "world"
    _, tariff = subscriber("2001")
    site.sees(lambda world: price(world, "2001", "3620") == 100_000, "the first price")
    with nobody_reads_ported_numbers():
        imported(6)
        wait_for(somebody_waits, 30, "the lane, at the lock")
        Rate.objects.filter(tariff=tariff).update(price=Decimal("0.25"))
        site.sees(lambda world: price(world, "2001", "3620") == 250_000, "the changed price")
        assert somebody_waits() and stamp_of(world) == 5
    wait_for(lambda: stamp_of(world) == 6, 30, "the new file of ported numbers")
    assert list((world / "lane").iterdir()) == []


def test_numbers_that_changed_before_stay_changed_until_the_new_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The office forgets changes that the new file has; the old one, which is still in use, has them not."""
    started: list[int] = []
    monkeypatch.setattr(Lane, "start", lambda _: started.append(1))
    store, lane = Store(tmp_path), Lane(tmp_path)
    imported(5)
    store.publish(build(store, {ALL}, node=""), time.time())
    port(number="36201234567", code="20810")

    def changed(parts: dict[str, str]) -> list[str]:
        store.publish(parts, time.time())
        rows = [rows for section, rows in read_part(tmp_path / parts["porting"]) if section == "port_changes"]
        return [row[0] for some in rows for row in some]

    assert changed(build(store, {"porting"}, node="", lane=lane)) == ["36201234567"]
    imported(6)
    assert changed(build(store, {"ported", "porting"}, node="", lane=lane)) == ["36201234567"] and started
    assert stamp_of(tmp_path) == 5
    assert changed(build(store, {"ported", "porting"}, node="")) == [] and stamp_of(tmp_path) == 6
