"""Time windows and calendars."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.pricing.calendars import public_holidays
from apps.pricing.models import Calendar, CalendarDay, CountsAs, TimeWindow

LONGEST_SPAN = 366


@transaction.atomic
def save_window(*, window: TimeWindow | None = None, **fields: Any) -> TimeWindow:
    """Make a time window, or change one. Raises ValidationError, by field."""
    stored = TimeWindow.objects.select_for_update().get(pk=window.pk) if window else TimeWindow()
    for name, value in fields.items():
        setattr(stored, name, value)
    stored.full_clean()
    stored.save()
    return stored


@transaction.atomic
def save_calendar(*, calendar: Calendar | None = None, **fields: Any) -> Calendar:
    """Make a calendar, or change one. Raises ValidationError, by field, for a country without known holidays too."""
    stored = Calendar.objects.select_for_update().get(pk=calendar.pk) if calendar else Calendar()
    for name, value in fields.items():
        setattr(stored, name, value)
    stored.country = stored.country.upper()
    stored.subdivision = stored.subdivision.upper()
    stored.full_clean()
    if stored.subdivision and not stored.country:
        raise ValidationError({"subdivision": _("A region needs its country.")})
    public_holidays(stored, [timezone.now().year])
    stored.save()
    return stored


@transaction.atomic
def save_day(
    *,
    calendar: Calendar,
    starts: date,
    ends: date | None = None,
    counts_as: int = CountsAs.HOLIDAY,
    name: str = "",
    day: CalendarDay | None = None,
) -> CalendarDay:
    """Say what dates count as, one day or a span. Raises ValidationError, by field."""
    stored = CalendarDay.objects.select_for_update().get(pk=day.pk) if day else CalendarDay()
    stored.calendar, stored.starts, stored.ends = calendar, starts, ends or starts
    stored.counts_as, stored.name = counts_as, name
    if stored.ends < stored.starts:
        raise ValidationError({"ends": _("The last day is before the first.")})
    if (stored.ends - stored.starts).days > LONGEST_SPAN:
        raise ValidationError({"ends": _("At most a year at once.")})
    stored.full_clean()
    stored.save()
    return stored
