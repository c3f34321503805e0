"""The money that a list would move, from calls that were made, to the last micro."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from apps.cdrs.models import Cdr, CdrPrice
from apps.pricelists import replay as replaying
from apps.pricelists import services
from apps.pricelists.models import ChangeSet
from apps.pricing.models import Tariff, TimeWindow
from apps.pricing.services import change_tariff
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)  # a Wednesday


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def tariff() -> Tariff:
    return make.tariff(
        "carrier", prices={"36": "0.05", "3630": "0.10"}, connect_fee=Decimal("0.01"), decimals=6
    )


def call(
    tariff: Tariff, number: str, seconds: int, *, at: datetime = NOON, destination: str = "Hungary"
) -> None:
    payer = make.subscriber()
    cdr = make.call(payer, at=at, seconds=seconds, destination=destination)
    Cdr.objects.filter(pk=cdr.pk).update(called_number=number)
    CdrPrice.objects.filter(call_id=cdr.pk).update(tariff_id=tariff.pk)


def staged(tariff: Tariff, text: str, **options: Any) -> ChangeSet:
    found = services.upload(tariff=tariff, file_name="list.csv", data=text.encode())
    services.choose(change_set=found, columns=found.columns, **options)
    return services.stage(change_set=found)


def total(found: ChangeSet) -> dict[str, Any]:
    figures: dict[str, Any] = found.replay["total"]
    return figures


def test_calls_are_priced_before_and_after_with_fees_and_increments(tariff: Tariff) -> None:
    call(tariff, "36201234567", 61)
    call(tariff, "36301234567", 30, destination="Hungary mobile")
    found = staged(tariff, "Code,Rate,Increments\n36,0.06,60/60\n3630,0.08,1/1\n")
    figures = total(found)
    assert figures["calls"] == 2 and figures["seconds"] == 91
    before = Decimal("0.01") * 2 + Decimal("0.05") * 61 / 60 + Decimal("0.10") * 30 / 60
    assert abs(Decimal(figures["before"]) - before) <= Decimal("0.000001")
    assert Decimal(figures["after"]) == Decimal("0.01") * 2 + Decimal("0.12") + Decimal("0.04")
    assert Decimal(figures["difference"]) == Decimal(figures["after"]) - Decimal(figures["before"])
    by_name = {one["destination"]: Decimal(one["difference"]) for one in found.replay["destinations"]}
    assert by_name["Hungary"] > 0 > by_name["Hungary mobile"]


def test_a_new_longer_prefix_takes_calls_from_the_shorter_one(tariff: Tariff) -> None:
    call(tariff, "36201234567", 60)
    figures = total(staged(tariff, "Code,Rate\n3620,0.07\n"))
    assert (figures["before"], figures["after"]) == ("0.060000", "0.080000")


def test_calls_that_would_lose_their_price_are_counted(tariff: Tariff) -> None:
    call(tariff, "36201234567", 60)
    figures = total(staged(tariff, "Code,Rate\n3630,0.10\n", complete=True))
    assert (figures["lost"], figures["after"]) == (1, "0.000000")


def test_peak_hours_are_priced_by_the_hour_of_the_call(tariff: Tariff) -> None:
    window = TimeWindow.objects.create(name="peak", starts="08:00", ends="18:00", weekdays=31)
    change_tariff(tariff=tariff, peak_window=window)
    call(tariff, "36201234567", 60)
    call(tariff, "36201234567", 60, at=NOON + timedelta(hours=9))
    figures = total(staged(tariff, "Code,Rate,Peak Rate\n36,0.05,0.20\n"))
    assert (figures["before"], figures["after"]) == ("0.120000", "0.270000")


def test_only_calls_of_the_tariff_and_of_the_last_days_count(tariff: Tariff) -> None:
    call(make.tariff("carrier"), "36201234567", 60)
    call(tariff, "36201234567", 60, at=NOW - timedelta(days=31))
    assert total(staged(tariff, "Code,Rate\n36,0.06\n"))["calls"] == 0


def test_of_very_many_calls_an_even_share_stands_for_all(
    tariff: Tariff, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(40):
        call(tariff, "36201234567", 60)
    monkeypatch.setattr(replaying, "MOST_CALLS", 20)
    found = staged(tariff, "Code,Rate\n36,0.06\n")
    figures = total(found)
    assert found.replay["share"] == 2 and 10 < figures["calls"] < 70
    assert Decimal(figures["difference"]) == figures["calls"] * Decimal("0.01")
