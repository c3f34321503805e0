"""Which dates a calendar takes out of the week: public holidays of its country, and the operator's own (guide 4978-4996)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import date

import holidays
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apps.core.values.windows import HOLIDAY
from apps.pricing.models import Calendar

logger = logging.getLogger(__name__)

FRIDAY, SUNDAY = 4, 6
LANGUAGE = "en_US"  # where the library has it, else the country's own
EPOCH = date(1970, 1, 1)


def dates_of(calendar: Calendar, years: Iterable[int], *, holidays_are_sundays: bool) -> dict[int, int]:
    """What each such date (days since 1970) counts as; the operator's own dates, of any year, go before the country's.

    Saturdays and Sundays that a country works instead of a day between a holiday and the weekend count as Fridays.
    """
    kind, years = SUNDAY if holidays_are_sundays else HOLIDAY, set(years)
    found: dict[int, int] = {}
    try:
        if calendar.country:
            public = _of_country(calendar, years)
            found = {(day - EPOCH).days: FRIDAY for day in public.weekend_workdays if day.year in years}
            found |= {(day - EPOCH).days: kind for day in public}
    except ValidationError as error:  # written past the services, or the library no longer knows it
        logger.warning("calendar %s has its own dates only: %s", calendar, error.messages)
    for own in calendar.own.all():
        for number in range((own.starts - EPOCH).days, (own.ends - EPOCH).days + 1):
            found[number] = kind if own.counts_as == HOLIDAY else own.counts_as
    return found


def public_holidays(calendar: Calendar, years: Iterable[int]) -> dict[date, str]:
    """The names of the country's public holidays by date; none without a country.

    Raises ValidationError for a country or region that the library does not know.
    """
    if not calendar.country:
        return {}
    return {day: str(name) for day, name in _of_country(calendar, set(years)).items()}


def _of_country(calendar: Calendar, years: set[int]) -> holidays.HolidayBase:
    try:
        return holidays.country_holidays(
            calendar.country, subdiv=calendar.subdivision or None, years=years, language=LANGUAGE
        )
    except NotImplementedError as error:
        raise ValidationError({"country": _("No holidays are known of this country or region.")}) from error
