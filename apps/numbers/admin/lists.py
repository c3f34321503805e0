"""Lists of numbers, each edited as a text with one number a line."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.core.admin import OfficeAdmin, ServiceForm
from apps.numbers.models import NumberList
from apps.numbers.services import lists as services

COLUMNS = ("name", "purpose", "account", "note")


class ListForm(ServiceForm):
    """A list and its numbers."""

    numbers = forms.CharField(
        label=_("numbers"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12}),
        help_text=_("One a line, with country code."),
    )

    class Meta:
        model = NumberList
        fields = COLUMNS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            rows = self.instance.numbers.order_by("number").values_list("number", flat=True)
            self.fields["numbers"].initial = "\n".join(rows)

    def carry_out(self) -> NumberList:
        fields = {name: self.cleaned_data[name] for name in COLUMNS}
        numbers = self.cleaned_data["numbers"].split("\n")
        numbers = [line for line in numbers if line.strip()]
        if not self.instance.pk:
            return services.create_list(numbers=numbers, **fields)
        stored = NumberList.objects.get(pk=self.instance.pk)
        services.change_list(number_list=stored, **fields)
        services.put_numbers(number_list=stored, numbers=numbers)
        return stored


@admin.register(NumberList)
class NumberListAdmin(OfficeAdmin):
    form = ListForm
    list_display = ["name", "purpose", "shown_account", "how_many", "note"]
    list_filter = ["purpose"]
    search_fields = ["name", "note", "account__username", "numbers__number"]
    autocomplete_fields = ["account"]
    list_select_related = ["account"]
    fieldsets = [
        (None, {"fields": [("name", "purpose"), ("account", "note")]}),
        (_("Numbers"), {"fields": ["numbers"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[NumberList]:
        return super().get_queryset(request).annotate(how_many_numbers=Count("numbers"))

    def get_fieldsets(self, request: HttpRequest, obj: NumberList | None = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return [self.fieldsets[0], (_("Numbers"), {"fields": ["shown_numbers"]})]

    @display(description=_("numbers"))
    def shown_numbers(self, number_list: NumberList) -> str:
        return "\n".join(number_list.numbers.order_by("number").values_list("number", flat=True)) or "—"

    @display(description=_("account"), ordering="account__username")
    def shown_account(self, number_list: NumberList) -> str:
        return number_list.account.username if number_list.account else str(_("everybody"))

    @display(description=_("numbers"), ordering="how_many_numbers")
    def how_many(self, number_list: Any) -> int:
        return int(number_list.how_many_numbers)
