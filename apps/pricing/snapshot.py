"""Price lists without their rates, as rows for the switch (rates are compiled by `switch.world.deck_build`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

from apps.pricing.models import ExchangeRate, Tariff, TariffAssignment, TimeWindow
from apps.users.snapshot import ppm

Row = tuple[Any, ...]

UNITS = 10**8
"""Exchange rates are NUMERIC(18,8): so many parts make one unit."""


def tariffs() -> Iterator[Row]:
    """(id, name, kind, currency, VAT ppm inside the prices, zone, rounding, decimals)."""
    rows = Tariff.objects.order_by("id").values_list(
        "id", "name", "kind", "currency", "vat_included", "vat_rate", "time_zone", "rounding", "decimals"
    )
    for tariff, name, kind, currency, included, vat, *rest in rows:
        yield (tariff, name, kind, currency, ppm(vat) if included else 0, *rest)


def tariff_ids() -> list[int]:
    """The tariffs that there are."""
    return list(Tariff.objects.order_by("id").values_list("id", flat=True))


def assignments() -> Iterator[Row]:
    """(account, kind, tariff)."""
    rows = TariffAssignment.objects.order_by("account_id", "kind")
    return rows.values_list("account_id", "kind", "tariff_id").iterator(2000)


def windows() -> Iterator[Row]:
    """(id, weekday mask, first minute of the day, first minute outside)."""
    for window, weekdays, starts, ends in TimeWindow.objects.order_by("id").values_list(
        "id", "weekdays", "starts", "ends"
    ):
        yield window, weekdays, _minute(starts), _minute(ends)


def exchange_rates() -> Iterator[Row]:
    """(currency, first second of validity, hundred-millionths of the currency for one unit of ours), oldest first."""
    rows = ExchangeRate.objects.order_by("currency", "valid_from")
    for currency, day, units in rows.values_list("currency", "valid_from", "units"):
        begins = datetime.combine(day, time(), tzinfo=UTC)
        yield currency, int(begins.timestamp()), int(units * UNITS)


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute
