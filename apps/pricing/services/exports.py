"""Writing a tariff as the file that `import_rates` reads."""

from __future__ import annotations

import io
from datetime import datetime
from decimal import Decimal

from defusedcsv import csv
from django.db.models import Q
from django.utils import timezone

from apps.pricing.errors import PricingError
from apps.pricing.models import Rate, Tariff
from apps.pricing.services.lines import COLUMNS, DETAILS


def export_rates(*, tariff: Tariff, at: datetime | None = None) -> str:
    """The rates valid at a moment, now by default, with a header. Columns after the ninth only where a rate needs them.

    Raises PricingError when a rate has hours of its own that are not the tariff's peak time, or when the peak rate of a
    prefix differs from its other one in more than the price, because the file could not say so.
    """
    at = at or timezone.now()
    rates = tariff.rates.filter(valid_from__lte=at).filter(Q(valid_until=None) | Q(valid_until__gt=at))
    latest: dict[tuple[str, int, int, int | None], Rate] = {}
    for rate in rates.order_by("prefix", "min_digits", "max_digits", "window", "valid_from"):
        if rate.window_id not in (None, tariff.peak_window_id):
            raise PricingError(
                f"Prefix {rate.prefix or '*'} has hours of its own, which the file cannot say."
            )
        latest[rate.prefix, rate.min_digits, rate.max_digits, rate.window_id] = rate
    rows = []
    for key in sorted({key[:3] for key in latest}):
        peak = latest.get((*key, tariff.peak_window_id)) if tariff.peak_window_id else None
        rows.append(_row(latest.get((*key, None)), peak))
    width = max((len(row) for row in rows), default=0)
    headings = [*COLUMNS, *(name for name, _ in DETAILS)]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(headings[: max(width, len(COLUMNS))])
    writer.writerows(row + [""] * (width - len(row)) for row in rows)
    return buffer.getvalue()


def _row(always: Rate | None, peak: Rate | None) -> list[str | int]:
    """A line of the file, as long as it must be."""
    if always is None:
        raise PricingError("A prefix has a price in the peak time only, which the file cannot say.")
    if peak and _same(peak) != _same(always):
        raise PricingError(
            f"Prefix {always.prefix or '*'} differs between peak and other hours in more than the price,"
            " which the file cannot say."
        )
    row = [
        always.prefix or "*",
        "" if peak else _plain(always.price),
        _plain(peak.price) if peak else "",
        _plain(always.price) if peak else "",
        always.first_increment or "",
        _plain(always.minimum_seconds),
        always.min_digits or "",
        always.max_digits or "",
        always.destination,
        *(_plain(_detail(always, field)) for _, field in DETAILS),
    ]
    while len(row) > len(COLUMNS) and row[-1] == "":
        row.pop()
    return row


def _same(rate: Rate) -> list[Decimal | int | None]:
    """What one line of the file says of all hours."""
    return [rate.first_increment, rate.minimum_seconds, *(_detail(rate, field) for _, field in DETAILS)]


def _detail(rate: Rate, field: str) -> Decimal | int | None:
    value: Decimal | int | None = getattr(rate, field)
    if field == "next_increment" and value == rate.first_increment:
        return None  # what the billing step says already
    return value


def _plain(amount: Decimal | int | None) -> str:
    if amount is None:
        return ""
    text = f"{amount:f}" if isinstance(amount, Decimal) else str(amount)
    return text.rstrip("0").rstrip(".") if "." in text else text
