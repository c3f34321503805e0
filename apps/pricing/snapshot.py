"""Price lists without their rates, as rows for the switch (rates are compiled by `apps.pricing.deck_build`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from django.utils import timezone

from apps.config import queries as config
from apps.core.values.hours import DayParts, spans_of
from apps.pricing.calendars import dates_of
from apps.pricing.models import Calendar, ExchangeRate, Tariff, TariffAssignment, TimeWindow
from apps.users.snapshot import ppm

Row = tuple[Any, ...]

UNITS = 10**8
"""Exchange rates are NUMERIC(18,8): so many parts make one unit."""


def tariffs() -> Iterator[Row]:
    """(id, name, kind, currency, VAT ppm inside the prices, zone, rounding, decimals, crossing, calendars)."""
    calendars: dict[int, list[int]] = defaultdict(list)
    links = Tariff.calendars.through.objects.order_by("tariff_id", "calendar_id")
    for tariff, calendar in links.values_list("tariff_id", "calendar_id"):
        calendars[tariff].append(calendar)
    rows = Tariff.objects.order_by("id").values_list(
        "id", "name", "kind", "currency", "vat_included", "vat_rate", "time_zone", "rounding", "decimals", "crossing"
    )  # fmt: skip
    for tariff, name, kind, currency, included, vat, *rest in rows:
        yield (tariff, name, kind, currency, ppm(vat) if included else 0, *rest, calendars[tariff])


def tariff_ids() -> list[int]:
    """The tariffs that there are."""
    return list(Tariff.objects.order_by("id").values_list("id", flat=True))


def assignments() -> Iterator[Row]:
    """(account, kind, then what `apps.pricing.engine.price_lists.assignment` reads)."""
    rows = TariffAssignment.objects.order_by("account_id", "kind", "id").select_related(
        "caller", "caller_group"
    )
    for one in rows.iterator(2000):
        yield (one.account_id, one.kind, *one.as_row())


def windows() -> Iterator[Row]:
    """(id, spans of (day mask, first minute of the day, first minute outside))."""
    parts = day_parts()
    for window in TimeWindow.objects.order_by("id"):
        own = None
        if window.starts is not None and window.ends is not None:
            own = (_minute(window.starts), _minute(window.ends))
        spans = spans_of(window.pattern, parts, weekdays=window.weekdays, own=own)
        yield window.pk, [[span.weekdays, span.start, span.end] for span in spans]


def day_parts() -> DayParts:
    """What the settings call peak, evening and night."""
    values = config.effective()
    return DayParts(
        peak_begin=60 * values["peaktimebegin"],
        peak_end=60 * values["peaktimeend"],
        evening_begin=60 * values["eveningbegin"],
        night_begin=60 * values["nightbegin"],
        weekend_is_peak=values["weekendispeak"],
    )


def calendars(today: date | None = None) -> Iterator[Row]:
    """(id, called prefixes, (date in days since 1970, what it counts as)), from last year to the year after next."""
    this = (today or timezone.now().date()).year
    as_sunday = bool(config.get("autoholiday"))
    for calendar in Calendar.objects.order_by("id").prefetch_related("own"):
        dates = dates_of(calendar, range(this - 1, this + 3), holidays_are_sundays=as_sunday)
        prefixes = [part.strip() for part in calendar.called_prefixes.split(",") if part.strip()]
        yield calendar.pk, prefixes, sorted(dates.items())


def exchange_rates() -> Iterator[Row]:
    """(currency, first second of validity, hundred-millionths of the currency for one unit of ours), oldest first."""
    rows = ExchangeRate.objects.order_by("currency", "valid_from")
    for currency, day, units in rows.values_list("currency", "valid_from", "units"):
        begins = datetime.combine(day, time(), tzinfo=UTC)
        yield currency, int(begins.timestamp()), int(units * UNITS)


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute
