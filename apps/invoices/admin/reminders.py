"""Reminders can be read; the job that writes them is the only one who does."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from apps.core.admin import OfficeAdmin, ReadOnly
from apps.invoices.models import Reminder


@admin.register(Reminder)
class ReminderAdmin(ReadOnly, OfficeAdmin):
    list_display = ["created_at", "invoice", "days", "amount", "mailed_at"]
    list_filter = [("invoice__account", AutocompleteSelectFilter), ("created_at", RangeDateTimeFilter)]
    list_select_related = ["invoice"]
    search_fields = ["invoice__number", "invoice__account__username"]
