"""Hours with prices or routes of their own, and the dates on which they do not follow the weekday (guide 4118-4142, 4978-4996)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.values.hours import HoursKind
from apps.core.values.windows import HOLIDAY

prefix_list_rule = RegexValidator(r"^[0-9*#]*(\s*,\s*[0-9*#]+)*\Z", _("Prefixes separated by commas."))


class Pattern(models.TextChoices):
    """Which hours a time window means."""

    HOURS = HoursKind.HOURS.value, _("hours of certain days")
    PEAK = HoursKind.PEAK.value, _("peak")
    OFF_PEAK = HoursKind.OFF_PEAK.value, _("off-peak, of the days that have a peak")
    WEEKDAY = HoursKind.WEEKDAY.value, _("Monday to Friday")
    WEEKEND = HoursKind.WEEKEND.value, _("weekend")
    OFF_PEAK_AND_WEEKEND = HoursKind.OFF_PEAK_AND_WEEKEND.value, _("off-peak and weekend")
    EVENING = HoursKind.EVENING.value, _("evening")
    NIGHT = HoursKind.NIGHT.value, _("night")
    HOLIDAY = HoursKind.HOLIDAY.value, _("holiday")
    ALL = HoursKind.ALL.value, _("all times")
    DISABLED = HoursKind.DISABLED.value, _("never")


class CountsAs(models.IntegerChoices):
    """What a date counts as in time windows."""

    HOLIDAY = HOLIDAY, _("holiday")
    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class TimeWindow(models.Model):
    """Hours of certain days in a tariff's or a route's own time zone; half-open, and may pass midnight.

    Other patterns than hours take their times from the settings (peaktimebegin, eveningbegin …) unless they have some
    of their own.
    """

    name = models.CharField(_("name"), max_length=64, unique=True)
    pattern = models.CharField(_("pattern"), max_length=24, choices=Pattern.choices, default=Pattern.HOURS)
    weekdays = models.PositiveSmallIntegerField(
        _("days"),
        default=255,
        help_text=_("Sum of Monday 1, Tuesday 2, Wednesday 4, … Sunday 64, holidays 128. For hours only."),
    )
    starts = models.TimeField(
        _("from"), null=True, blank=True, help_text=_("Empty: what the settings say of peak, evening, night.")
    )
    ends = models.TimeField(
        _("to"),
        null=True,
        blank=True,
        help_text=_("The first minute outside; equal to the start means the whole day."),
    )

    class Meta:
        verbose_name = _("time window")
        verbose_name_plural = _("time windows")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(weekdays__range=(1, 255)), name="window_has_a_day"),
            models.CheckConstraint(
                condition=models.Q(starts__isnull=True, ends__isnull=True)
                | models.Q(starts__isnull=False, ends__isnull=False),
                name="window_has_both_ends_or_none",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.pattern == Pattern.HOURS and self.starts is None:
            raise ValidationError({"starts": _("Hours need a start and an end.")})
        if (self.starts is None) != (self.ends is None):
            raise ValidationError({"ends": _("Give both start and end, or none.")})


class Calendar(models.Model):
    """Public holidays of a country or region, and the operator's own dates. Tariffs say which calendars they heed."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    country = models.CharField(
        _("country"), max_length=2, blank=True, help_text=_("ISO 3166 code; empty: own dates only.")
    )
    subdivision = models.CharField(
        _("region"), max_length=8, blank=True, help_text=_("ISO 3166-2 without the country, such as BY.")
    )
    called_prefixes = models.TextField(
        _("called number begins with"),
        blank=True,
        validators=[prefix_list_rule],
        help_text=_("Prefixes with commas; empty: any number. The longest one has the last word on a date."),
    )

    class Meta:
        verbose_name = _("calendar")
        verbose_name_plural = _("calendars")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CalendarDay(models.Model):
    """Dates of the operator's own, first and last included; they go before the country's."""

    calendar = models.ForeignKey(Calendar, models.CASCADE, related_name="own", verbose_name=_("calendar"))
    starts = models.DateField(_("from"))
    ends = models.DateField(_("to"))
    counts_as = models.PositiveSmallIntegerField(
        _("counts as"), choices=CountsAs.choices, default=CountsAs.HOLIDAY
    )
    name = models.CharField(_("name"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("date of a calendar")
        verbose_name_plural = _("dates of calendars")
        ordering = ["calendar", "starts", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends__gte=models.F("starts")), name="calendar_day_ends_after_it_begins"
            )
        ]

    def __str__(self) -> str:
        return f"{self.calendar} {self.starts}"
