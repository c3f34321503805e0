"""Exchange rates by day."""

from __future__ import annotations

from django.contrib import admin

from apps.core.admin import OfficeAdmin
from apps.pricing.models import ExchangeRate


@admin.register(ExchangeRate)
class ExchangeRateAdmin(OfficeAdmin):
    list_display = ["currency", "valid_from", "units"]
    list_filter = ["currency"]
