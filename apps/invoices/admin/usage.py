"""What accounts have spent and talked by day, and how their monthly limits have grown; to be read only."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter

from apps.core.admin import OfficeAdmin, ReadOnly
from apps.invoices.models import Growth, Usage


@admin.register(Usage)
class UsageAdmin(ReadOnly, OfficeAdmin):
    list_display = ["day", "account", "spent", "seconds", "highest"]
    list_filter = [("account", AutocompleteSelectFilter), ("day", RangeDateFilter)]
    list_select_related = ["account"]
    search_fields = ["account__username"]


@admin.register(Growth)
class GrowthAdmin(ReadOnly, OfficeAdmin):
    list_display = ["month", "account", "before", "after"]
    list_filter = [("account", AutocompleteSelectFilter)]
    list_select_related = ["account"]
    search_fields = ["account__username"]
