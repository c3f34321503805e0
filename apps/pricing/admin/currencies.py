"""Precision of currencies; exchange rates by day, one by one, from a file, or from the European Central Bank's history."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from apps.core.admin import OfficeAdmin, ServiceForm, right, show
from apps.pricing import services
from apps.pricing.errors import ImportRefused
from apps.pricing.models import CurrencyPrecision, ExchangeRate


class RateForm(ServiceForm):
    class Meta:
        model = ExchangeRate
        fields = ["currency", "valid_from", "units"]

    def carry_out(self) -> ExchangeRate:
        if self.instance.pk and {"currency", "valid_from"} & set(self.changed_data):
            raise ValidationError(_("Enter a rate of another day or currency as a new one."))
        return services.set_exchange_rate(**self.cleaned_data)


class FileForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("currency, day (2026-11-27), units for one of ours"),
    )


class BankForm(forms.Form):
    since = forms.DateField(label=_("From"), widget=UnfoldAdminSingleDateWidget)
    currencies = forms.CharField(
        label=_("Currencies"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("ISO 4217 codes with commas; empty: those of accounts and tariffs."),
    )

    def clean_currencies(self) -> list[str]:
        return [one.strip().upper() for one in self.cleaned_data["currencies"].split(",") if one.strip()]


@admin.register(ExchangeRate)
class ExchangeRateAdmin(OfficeAdmin):
    form = RateForm
    list_display = ["currency", "valid_from", "units"]
    list_filter = ["currency"]
    actions_list = ["import_file", "load_ecb"]

    has_enter_rates_permission = right("pricing.add_exchangerate")

    @action(description=_("Import from file"), url_path="import", icon="upload", permissions=["enter_rates"])
    def import_file(self, request: HttpRequest) -> HttpResponse:
        form = FileForm(request.POST or None, request.FILES or None)
        errors: list[tuple[int, str]] = []
        if request.method == "POST" and form.is_valid():
            try:
                loaded = services.import_exchange_rates(data=form.cleaned_data["file"].read())
            except ImportRefused as refused:
                errors = refused.errors
            else:
                return self._done(request, loaded)
        return self._page(request, _("Import exchange rates"), form, errors)

    @action(
        description=_("Rates of the European Central Bank"),
        url_path="ecb",
        icon="account_balance",
        permissions=["enter_rates"],
    )
    def load_ecb(self, request: HttpRequest) -> HttpResponse:
        form = BankForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                return self._done(request, services.load_ecb(**form.cleaned_data))
            except ValidationError as error:
                show(form, error)
        return self._page(request, _("Load rates of the European Central Bank"), form)

    def _done(self, request: HttpRequest, loaded: Any) -> HttpResponse:
        counts = {"added": loaded.added, "changed": loaded.changed}
        messages.success(request, _("%(added)d exchange rates added, %(changed)d changed.") % counts)
        return redirect(reverse("admin:pricing_exchangerate_changelist"))

    def _page(
        self, request: HttpRequest, title: Any, form: forms.Form, errors: list[tuple[int, str]] | None = None
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": title,
            "form": form,
            "errors": (errors or [])[:200],
            "error_count": len(errors or []),
            "opts": self.opts,
            "back": reverse("admin:pricing_exchangerate_changelist"),
        }
        status = 422 if errors or form.errors else 200
        return render(request, "admin/pricing/import.html", context, status=status)


class PrecisionForm(ServiceForm):
    class Meta:
        model = CurrencyPrecision
        fields = ["currency", "decimals", "cash_step"]

    def carry_out(self) -> CurrencyPrecision:
        if self.instance.pk and "currency" in self.changed_data:
            raise ValidationError(_("Enter another currency as a new one."))
        return services.set_precision(**self.cleaned_data)


@admin.register(CurrencyPrecision)
class CurrencyPrecisionAdmin(OfficeAdmin):
    form = PrecisionForm
    list_display = ["currency", "decimals", "cash_step"]
