"""Time windows, and calendars with their dates."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from apps.core.admin import OfficeAdmin, OfficeInline, ServiceForm, right
from apps.pricing import services
from apps.pricing.calendars import EPOCH, dates_of, public_holidays
from apps.pricing.models import Calendar, CalendarDay, CountsAs, Pattern, TimeWindow


class WindowForm(ServiceForm):
    class Meta:
        model = TimeWindow
        fields = "__all__"

    def carry_out(self) -> TimeWindow:
        window = self.instance if self.instance.pk else None
        return services.save_window(window=window, **self.cleaned_data)


@admin.register(TimeWindow)
class TimeWindowAdmin(OfficeAdmin):
    form = WindowForm
    list_display = ["name", "pattern", "days", "starts", "ends"]
    list_filter = ["pattern"]
    search_fields = ["name"]

    @display(description=_("days"))
    def days(self, window: TimeWindow) -> str:
        if window.pattern != Pattern.HOURS:
            return ""
        names = [_("Mo"), _("Tu"), _("We"), _("Th"), _("Fr"), _("Sa"), _("Su"), _("holidays")]
        return " ".join(str(name) for day, name in enumerate(names) if window.weekdays >> day & 1)


class CalendarForm(ServiceForm):
    class Meta:
        model = Calendar
        fields = "__all__"

    def carry_out(self) -> Calendar:
        calendar = self.instance if self.instance.pk else None
        return services.save_calendar(calendar=calendar, **self.cleaned_data)


class DayForm(ServiceForm):
    class Meta:
        model = CalendarDay
        fields = ["starts", "ends", "counts_as", "name"]

    def carry_out(self) -> CalendarDay:
        day = self.instance if self.instance.pk else None
        names = ("starts", "ends", "counts_as", "name")
        fields = {name: self.cleaned_data[name] for name in names}
        calendar = self.cleaned_data.get("calendar") or self.instance.calendar
        return services.save_day(calendar=calendar, day=day, **fields)


class DayInline(OfficeInline):
    model = CalendarDay
    form = DayForm
    fields = ["starts", "ends", "counts_as", "name"]
    verbose_name_plural = _("own dates, which go before the country's")


@admin.register(Calendar)
class CalendarAdmin(OfficeAdmin):
    form = CalendarForm
    list_display = ["name", "country", "subdivision", "called_prefixes"]
    search_fields = ["name", "country"]
    actions_detail = ["show_dates"]

    def get_inlines(self, request: HttpRequest, obj: Calendar | None) -> list[Any]:
        return [DayInline] if obj else []

    has_see_dates_permission = right("pricing.view_calendar")

    @action(description=_("Dates"), url_path="dates", icon="calendar_month", permissions=["see_dates"])
    def show_dates(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What the switch will go by this year and next."""
        calendar = get_object_or_404(Calendar, pk=object_id)
        this = timezone.now().year
        names = public_holidays(calendar, (this, this + 1))
        own = {day: one.name for one in calendar.own.all() for day in _days(one)}
        dates = dates_of(calendar, (this, this + 1), holidays_are_sundays=False)
        rows = [
            {"date": date, "counts_as": CountsAs(kind).label, "name": own.get(date) or names.get(date, "")}
            for number, kind in sorted(dates.items())
            if (date := EPOCH.fromordinal(EPOCH.toordinal() + number)).year >= this
        ]
        context: dict[str, Any] = self.admin_site.each_context(request) | {
            "title": _("Dates of %s") % calendar,
            "rows": rows,
            "opts": self.opts,
            "original": calendar,
        }
        return TemplateResponse(request, "admin/pricing/dates.html", context)


def _days(one: CalendarDay) -> list[Any]:
    return [EPOCH.fromordinal(number) for number in range(one.starts.toordinal(), one.ends.toordinal() + 1)]
