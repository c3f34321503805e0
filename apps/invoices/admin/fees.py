"""Recurring and single fees, with what was charged of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from apps.core.admin import OfficeAdmin, ReadOnlyInline, ServiceForm
from apps.invoices.models import Fee, FeeCharge
from apps.invoices.services import fees


class FeeForm(ServiceForm):
    """A fee, as `fees.open_fee` and `fees.change_fee` take it."""

    class Meta:
        model = Fee
        fields = ["account", "name", "net", "interval", "usable", "begins_on", "ends_on", "description"]

    def carry_out(self) -> Fee:
        if self.instance.pk is None:
            return fees.open_fee(**self.cleaned_data)
        given = {name: value for name, value in self.cleaned_data.items() if name in fees.FIELDS}
        return fees.change_fee(fee=self.instance, **given)


class ChargeInline(ReadOnlyInline):
    model = FeeCharge
    fields = ["due_on", "until", "is_return", "net", "vat", "charged_at", "invoice"]


@admin.register(Fee)
class FeeAdmin(OfficeAdmin):
    list_display = ["account", "name", "net", "interval", "usable", "begins_on", "ends_on"]
    list_filter = [("account", AutocompleteSelectFilter), "usable"]
    list_select_related = ["account"]
    search_fields = ["account__username", "name"]
    autocomplete_fields = ["account"]
    form = FeeForm
    fields = ["account", "name", ("net", "interval"), ("begins_on", "ends_on"), "usable", "description"]
    inlines = [ChargeInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["account"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was charged is kept, and so is what it was charged for: a fee is ended instead."""
        unused = obj is None or not obj.charges.exists()
        return unused and super().has_delete_permission(request, obj)
