"""Price groups, tariffs with their rates edited in place, and who pays by which."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeNumericFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from apps.approvals.models import Approval
from apps.config import queries as config
from apps.core.admin import OfficeAdmin, OfficeInline, ServiceForm, right, show
from apps.pricing import services
from apps.pricing.errors import ImportRefused, PricingError
from apps.pricing.models import CONDITIONS, PriceGroup, Rate, Tariff, TariffAssignment, TariffKind
from apps.users.admin import AccountAdmin
from apps.users.models import Account


@admin.register(PriceGroup)
class PriceGroupAdmin(OfficeAdmin):
    list_display = ["name", "tariff_count", "comment"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceGroup]:
        return super().get_queryset(request).annotate(tariff_count=Count("tariffs"))

    @display(description=_("tariffs"), ordering="tariff_count")
    def tariff_count(self, group: Any) -> int:
        return group.tariff_count


class AssignmentForm(ServiceForm):
    """A tariff given to an account, from the page of either."""

    class Meta:
        model = TariffAssignment
        fields = ["account", "tariff", *CONDITIONS, "valid_from", "valid_until"]

    def carry_out(self) -> TariffAssignment:
        wanted = {"account": self.instance.account, "tariff": self.instance.tariff} | self.cleaned_data
        fields = {name: wanted[name] for name in self._meta.fields if name in wanted}
        if self.instance.pk:
            return services.change_assignment(assignment=self.instance, **fields)
        return services.assign_tariff(**fields)


class AssignmentInline(OfficeInline):
    model = TariffAssignment
    form = AssignmentForm
    fields = ["account", *CONDITIONS, "valid_from", "valid_until"]
    autocomplete_fields = ["account", "caller", "caller_group"]
    verbose_name_plural = _("accounts that pay by it")


class TariffInline(OfficeInline):
    model = TariffAssignment
    form = AssignmentForm
    fk_name = "account"
    fields = ["tariff", "kind", *CONDITIONS, "valid_from", "valid_until"]
    readonly_fields = ["kind"]
    autocomplete_fields = ["tariff", "caller", "caller_group"]


AccountAdmin.inlines_from_above.append(TariffInline)


class ImportForm(forms.Form):
    """A price list in the eight-column format."""

    file = forms.FileField(
        label=_("CSV file"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_(
            "prefix, price, peak price, off-peak price, billing step, minimum, shortest and longest number"
        ),
    )
    replace = forms.BooleanField(
        label=_("Replace all rates of this tariff"), required=False, widget=UnfoldBooleanSwitchWidget
    )


class CloneForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=128, widget=UnfoldAdminTextInputWidget)


class TariffForm(ServiceForm):
    """A price list's head."""

    class Meta:
        model = Tariff
        fields = "__all__"

    def carry_out(self) -> Tariff:
        if not self.instance.pk:
            return services.create_tariff(**self.cleaned_data)
        fields = {name: self.cleaned_data[name] for name in self.changed_data}
        return services.change_tariff(tariff=Tariff.objects.get(pk=self.instance.pk), **fields)


@admin.register(Tariff)
class TariffAdmin(OfficeAdmin):
    form = TariffForm
    list_display = [
        "name",
        "shown_kind",
        "owner",
        "group",
        "currency",
        "rate_count",
        "increments",
        "rounding",
        "changed_at",
    ]
    list_filter = ["kind", "group", "currency", ("owner", AutocompleteSelectFilter)]
    search_fields = ["name", "comment"]
    list_select_related = ["group", "owner"]
    readonly_fields = ["owner"]
    inlines = [AssignmentInline]
    actions_detail = ["show_rates", "carriers_list", "import_file", "export_file", "export_xlsx", "clone"]
    fieldsets = [
        (None, {"fields": [("name", "kind"), ("group", "currency"), "owner", "comment"]}),
        (
            _("What holds for every rate unless it says otherwise"),
            {
                "fields": [
                    ("connect_fee", "minimum_seconds"),
                    ("first_increment", "next_increment"),
                    ("free_seconds", "free_after"),
                    ("grace_seconds", "surcharge"),
                    ("minimum_charge", "maximum_charge"),
                ]
            },
        ),
        (_("Rounding and tax"), {"fields": [("rounding", "decimals"), ("vat_included", "vat_rate")]}),
        (_("Time"), {"fields": [("time_zone", "peak_window"), ("crossing", "calendars")]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tariff]:
        return super().get_queryset(request).annotate(rate_count=Count("rates"))

    @display(
        description=_("kind"),
        ordering="kind",
        label={
            TariffKind.RETAIL: "info",
            TariffKind.CARRIER: "success",
            TariffKind.RESELLER: "warning",
        },
    )
    def shown_kind(self, tariff: Tariff) -> tuple[str, str]:
        return tariff.kind, tariff.get_kind_display()

    @display(description=_("rates"), ordering="rate_count")
    def rate_count(self, tariff: Any) -> int:
        return tariff.rate_count

    @display(description=_("increments"))
    def increments(self, tariff: Tariff) -> str:
        return f"{tariff.first_increment}/{tariff.next_increment}"

    has_see_rates_permission = right("pricing.view_rate")

    @action(description=_("Rates"), url_path="rates", icon="list", permissions=["see_rates"])
    def show_rates(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(reverse("admin:pricing_rate_changelist") + f"?tariff__id__exact={object_id}")

    has_add_list_permission = right("pricelists.add_changeset")

    @action(
        description=_("Carrier's price list"), url_path="list", icon="price_change", permissions=["add_list"]
    )
    def carriers_list(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """To the page for a file of any form, previewed before it is applied; the app above this one has it."""
        return redirect(reverse("admin:pricelists_changeset_add") + f"?tariff={object_id}")

    @action(description=_("Import from file"), url_path="import", icon="upload", permissions=["import_file"])
    def import_file(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tariff = get_object_or_404(Tariff, pk=object_id)
        form = ImportForm(request.POST or None, request.FILES or None)
        errors: list[tuple[int, str]] = []
        if request.method == "POST" and form.is_valid():
            try:
                result = services.import_rates(
                    tariff=tariff, stream=form.cleaned_data["file"], replace=form.cleaned_data["replace"]
                )
            except ImportRefused as refused:
                errors = refused.errors
            else:
                counts = {"added": result.added, "ended": result.ended}
                messages.success(request, _("%(added)d rates added, %(ended)d older ones end.") % counts)
                return redirect(reverse("admin:pricing_tariff_change", args=[object_id]))
        context = self.admin_site.each_context(request) | {
            "title": _("Import rates into %(tariff)s") % {"tariff": tariff},
            "form": form,
            "errors": errors[:200],
            "error_count": len(errors),
            "opts": self.opts,
            "original": tariff,
            "back": reverse("admin:pricing_tariff_change", args=[object_id]),
        }
        return render(request, "admin/pricing/import.html", context, status=422 if errors else 200)

    def has_import_file_permission(self, request: HttpRequest, object_id: int | None = None) -> bool:
        return bool(
            request.user.has_perm("pricing.change_tariff") and request.user.has_perm("pricing.add_rate")
        )

    @action(description=_("Clone"), url_path="clone", icon="content_copy", permissions=["import_file"])
    def clone(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """A page that asks for the name: what makes something is not done by following a link."""
        tariff = get_object_or_404(Tariff, pk=object_id)
        form = CloneForm(request.POST or None, initial={"name": _("Copy of %s") % tariff.name})
        if request.method == "POST" and form.is_valid():
            try:
                copy = services.clone_tariff(tariff=tariff, name=form.cleaned_data["name"])
            except ValidationError as error:
                show(form, error)
            else:
                return redirect(reverse("admin:pricing_tariff_change", args=[copy.pk]))
        context = self.admin_site.each_context(request) | {
            "title": _("Clone %(tariff)s") % {"tariff": tariff},
            "form": form,
            "opts": self.opts,
            "original": tariff,
            "button": _("Clone"),
            "back": reverse("admin:pricing_tariff_change", args=[object_id]),
        }
        return render(request, "admin/pricing/import.html", context, status=422 if form.errors else 200)

    @action(description=_("Export as CSV"), url_path="export", icon="download", permissions=["see_rates"])
    def export_file(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tariff = get_object_or_404(Tariff, pk=object_id)
        try:
            text = services.export_rates(tariff=tariff)
        except PricingError as error:
            messages.error(request, str(error))
            return redirect(reverse("admin:pricing_tariff_change", args=[object_id]))
        response = HttpResponse(text, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="tariff-{tariff.pk}.csv"'
        return response

    @action(description=_("Export as XLSX"), url_path="xlsx", icon="download", permissions=["see_rates"])
    def export_xlsx(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Prices in force and to come; the app above this one writes workbooks."""
        return redirect(reverse("admin:pricelists_rates_xlsx", args=[object_id]))


class RateForm(ServiceForm):
    """One rate, on its own page or as a row of the list. What is above the limit of four eyes is asked for."""

    class Meta:
        model = Rate
        fields = "__all__"

    by: Account

    def carry_out(self) -> Rate | Approval:
        if not self.instance.pk:
            return services.add_or_ask(by=self.by, **self.cleaned_data)
        fields = {name: self.cleaned_data[name] for name in self.changed_data}
        return services.change_or_ask(rate=Rate.objects.get(pk=self.instance.pk), by=self.by, **fields)


@admin.register(Rate)
class RateAdmin(OfficeAdmin):
    """Rates of every tariff, prices edited in the list itself."""

    form = RateForm
    list_display = ["shown_prefix", "destination", "tariff", "price", "window", "connect_fee", "surcharge",
                    "first_increment", "next_increment", "valid_from", "valid_until"]  # fmt: skip
    list_display_links = ["shown_prefix"]
    list_editable = ["price", "valid_until"]
    list_filter = ["tariff", "window", ("price", RangeNumericFilter)]
    list_select_related = ["tariff", "window"]
    search_fields = ["prefix__startswith", "destination"]
    autocomplete_fields = ["tariff"]
    fieldsets = [
        (None, {"fields": [("tariff", "destination"), ("prefix", "price"), ("window", "connect_fee")]}),
        (
            _("Instead of the tariff's own"),
            {
                "fields": [
                    ("first_increment", "next_increment"),
                    ("minimum_seconds", "free_seconds"),
                    ("free_after", "grace_seconds"),
                    ("minimum_charge", "maximum_charge"),
                    ("surcharge",),
                ]
            },
        ),
        (_("When it applies"), {"fields": [("min_digits", "max_digits"), ("valid_from", "valid_until")]}),
    ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.by = request.user
        return form

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        form = super().get_changelist_form(request, **kwargs)
        form.by = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Rate, form: Any, change: bool) -> None:
        made = form.carry_out()
        if not isinstance(made, Approval):
            obj.pk = made.pk
            obj._state.adding = False
            obj.refresh_from_db()
            return
        obj.waits_as = made
        if change:
            obj.refresh_from_db()
        messages.warning(request, _("This price waits for a second person; nothing was changed yet."))

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The history of what was asked for is the request's."""
        return super().log_addition(request, getattr(obj, "waits_as", obj), message)

    def response_add(self, request: HttpRequest, obj: Rate, post_url_continue: Any = None) -> HttpResponse:
        if getattr(obj, "waits_as", None) is None:
            return super().response_add(request, obj, post_url_continue)
        return redirect("admin:pricing_rate_changelist")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Under four eyes a rate is ended by its last day, which waits for the second person."""
        return not config.get("approval_rate_percent") and super().has_delete_permission(request, obj)

    @display(description=_("prefix"), ordering="prefix")
    def shown_prefix(self, rate: Rate) -> str:
        return rate.prefix or "*"
