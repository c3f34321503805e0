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
from apps.pricing.services.lines import COLUMNS


def export_rates(*, tariff: Tariff, at: datetime | None = None) -> str:
    """The rates valid at a moment, now by default, with a header and the destination as ninth column.

    Connect fees and free seconds have no column. Raises PricingError when a rate has hours of its own that are
    not the tariff's peak time, because the file could not say so.
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
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for key in sorted({key[:3] for key in latest}):
        peak = latest.get((*key, tariff.peak_window_id)) if tariff.peak_window_id else None
        writer.writerow(_row(latest.get((*key, None)), peak))
    return buffer.getvalue()


def _row(always: Rate | None, peak: Rate | None) -> list[str | int]:
    rate = always or peak
    if rate is None or always is None:
        raise PricingError("A prefix has a price in the peak time only, which the file cannot say.")
    return [
        rate.prefix or "*",
        "" if peak else _plain(always.price),
        _plain(peak.price) if peak else "",
        _plain(always.price) if peak else "",
        rate.first_increment or "",
        "" if rate.minimum_seconds is None else rate.minimum_seconds,
        rate.min_digits or "",
        rate.max_digits or "",
        rate.destination,
    ]


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
