"""Free seconds and credit for packets, with what is left of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, ServiceForm
from apps.invoices.models import Allowance
from apps.invoices.services import allowances


class AllowanceForm(ServiceForm):
    """An allowance, as `allowances.give` and `allowances.change` take it."""

    class Meta:
        model = Allowance
        fields = ["account", "name", "kind", "included", "directions", "renew_days", "begins_at", "ends_at"]

    def carry_out(self) -> Allowance:
        if self.instance.pk is None:
            return allowances.give(**self.cleaned_data)
        given = {name: value for name, value in self.cleaned_data.items() if name in allowances.FIELDS}
        return allowances.change(allowance=self.instance, **given)


@admin.register(Allowance)
class AllowanceAdmin(OfficeAdmin):
    list_display = ["account", "name", "kind", "included", "left", "directions", "renew_days", "ends_at"]
    list_filter = [("account", AutocompleteSelectFilter), "kind"]
    list_select_related = ["account", "state"]
    search_fields = ["account__username", "name"]
    autocomplete_fields = ["account"]
    form = AllowanceForm
    fields = ["account", ("name", "kind"), ("included", "directions"), "renew_days", "begins_at", "ends_at"]

    @display(description=_("left"))
    def left(self, allowance: Allowance) -> Decimal:
        return allowance.state.left

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["account", "kind"] if obj else []
