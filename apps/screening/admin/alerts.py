"""Alerts of accounts that spend unlike themselves."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, ReadOnly, right
from apps.screening.alerts import mark_seen
from apps.screening.models import Alert


@admin.register(Alert)
class AlertAdmin(ReadOnly, OfficeAdmin):
    list_before_template = "admin/screening/countries.html"
    list_display = [
        "account",
        "shown_state",
        "calls",
        "cost",
        "usual_cost",
        "currency",
        "raised_at",
        "seen_by",
    ]
    list_display_links = ["account"]
    list_filter = ["raised_at"]
    search_fields = ["account__username"]
    list_select_related = ["account", "seen_by"]
    actions = ["seen"]
    has_seen_permission = right("screening.change_alert")

    @display(description=_("state"), label={"new": "danger", "seen": "success"})
    def shown_state(self, alert: Alert) -> tuple[str, str]:
        return ("seen", str(_("seen"))) if alert.seen_at else ("new", str(_("new")))

    @admin.action(description=_("Mark as seen"), permissions=["seen"])
    def seen(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        for alert in queryset:
            mark_seen(alert=alert, by=request.user)
