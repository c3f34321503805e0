"""Ported numbers, the carrier map, and blocks of numbers: lists, imports and exports."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from apps.core.admin import OfficeAdmin, ServiceForm
from apps.portability import services
from apps.portability.models import DEFAULT_PORT, NumberBlock, Operator, PortedNumber
from apps.pricing.errors import ImportRefused
from apps.users.choices import Kind
from apps.users.models import Account


def _text(label: Any, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, widget=UnfoldAdminTextInputWidget, **options)


class PortedForm(ServiceForm):
    """A number with its target, which it shares with others."""

    carrier = forms.ModelChoiceField(
        label=_("carrier"), queryset=Account.objects.filter(kind=Kind.CARRIER), required=False
    )
    code = _text(_("operator's code"), help_text=_("Its carrier stands in the carrier map."))
    prefix = _text(_("prefix"), help_text=_("Takes the place of the number's beginning, or goes before it."))
    domain = _text(_("domain"))
    port = forms.IntegerField(
        label=_("port"),
        required=False,
        min_value=1,
        max_value=65535,
        initial=DEFAULT_PORT,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    number = forms.CharField(label=_("number"), max_length=32, widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = PortedNumber
        fields = ["number", "new_number", "priority"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        target = self.instance.target if self.instance.pk else None
        if target is not None:
            for name in services.TARGET:
                if name in self.fields:
                    self.fields[name].initial = getattr(target, name)

    def clean_number(self) -> str:
        return services.plain("number", self.cleaned_data["number"])

    def carry_out(self) -> PortedNumber:
        names = ("number", "new_number", "priority", *services.TARGET)
        values = {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}
        if not self.instance.pk:
            return services.port(**values)
        return services.change(ported=PortedNumber.objects.get(pk=self.instance.pk), **values)


class FileForm(forms.Form):
    """A file of ported numbers."""

    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("CSV with a header: %s") % ", ".join(services.COLUMNS),
    )
    replace = forms.BooleanField(
        label=_("It is the whole table"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Numbers that are not in it are not ported any more."),
    )


class BlockFileForm(forms.Form):
    """A file of blocks."""

    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("CSV with a header: %s. It takes the place of all blocks.")
        % ", ".join(services.BLOCK_COLUMNS),
    )


class _WithFile(OfficeAdmin):
    """A list with a page that takes a file."""

    file_form: type[forms.Form]

    def has_fill_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        names = [
            f"{self.opts.app_label}.{verb}_{self.opts.model_name}" for verb in ("add", "change", "delete")
        ]
        return all(request.user.has_perm(name) for name in names)

    def has_see_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_view_permission(request))

    def take(self, data: dict[str, Any]) -> str:
        """Carry the import out; a sentence that says what it did. Raises ImportRefused."""
        raise NotImplementedError

    def ask(self, request: HttpRequest, title: Any) -> HttpResponse:
        form = self.file_form(request.POST or None, request.FILES or None)
        errors: list[tuple[int, str]] = []
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        if request.method == "POST" and form.is_valid():
            try:
                messages.success(request, self.take(form.cleaned_data))
                return redirect(back)
            except ImportRefused as refused:
                errors = refused.errors
        context = self.admin_site.each_context(request) | {
            "title": title, "form": form, "errors": errors[:200], "error_count": len(errors), "opts": self.opts, "back": back,
        }  # fmt: skip
        return render(request, "admin/pricing/import.html", context, status=422 if errors else 200)


@admin.register(PortedNumber)
class PortedNumberAdmin(_WithFile):
    form = PortedForm
    file_form = FileForm
    list_display = ["__str__", "target", "new_number", "priority", "created_at"]
    list_select_related = ["target__carrier"]
    search_fields = ["number__startswith"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("number", "new_number"),
                    ("carrier", "code"),
                    ("domain", "port"),
                    ("prefix", "priority"),
                ]
            },
        )
    ]
    actions_list = ["import_file", "export_file"]

    def take(self, data: dict[str, Any]) -> str:
        done = services.import_ported(stream=data["file"], replace=data["replace"])
        return str(
            _("%(lines)d lines read, %(kept)d numbers kept, %(doubles)d double ones removed.")
            % {"lines": done.lines, "kept": done.kept, "doubles": done.doubles}
        )

    @action(description=_("Import from file"), url_path="import-file", icon="upload", permissions=["fill"])
    def import_file(self, request: HttpRequest) -> HttpResponse:
        return self.ask(request, _("Import ported numbers"))

    @action(description=_("Export as CSV"), url_path="export-file", icon="download", permissions=["see"])
    def export_file(self, request: HttpRequest) -> StreamingHttpResponse:
        response = StreamingHttpResponse(services.export_ported(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="ported-numbers.csv"'
        return response


class OperatorForm(ServiceForm):
    """An operator of the carrier map."""

    class Meta:
        model = Operator
        fields = ["code", "name", "carrier", "prefix"]

    def carry_out(self) -> Operator:
        known = Operator.objects.get(pk=self.instance.pk) if self.instance.pk else None
        values = {name: self.cleaned_data[name] for name in self.Meta.fields}
        return services.save_operator(operator=known, **values)


@admin.register(Operator)
class OperatorAdmin(OfficeAdmin):
    form = OperatorForm
    list_display = ["code", "name", "carrier", "prefix"]
    list_select_related = ["carrier"]
    search_fields = ["code", "name"]
    autocomplete_fields = ["carrier"]
    fieldsets = [(None, {"fields": [("code", "name"), ("carrier", "prefix")]})]


class BlockForm(ServiceForm):
    """Whose the numbers are that begin so."""

    class Meta:
        model = NumberBlock
        fields = ["prefix", "spid", "cnl"]

    def carry_out(self) -> NumberBlock:
        known = NumberBlock.objects.get(pk=self.instance.pk) if self.instance.pk else None
        values = {name: self.cleaned_data[name] for name in self.Meta.fields}
        return services.save_block(block=known, **values)


@admin.register(NumberBlock)
class NumberBlockAdmin(_WithFile):
    form = BlockForm
    file_form = BlockFileForm
    list_display = ["prefix", "spid", "cnl"]
    search_fields = ["prefix__startswith", "spid"]
    fieldsets = [(None, {"fields": ["prefix", ("spid", "cnl")]})]
    actions_list = ["import_file"]

    def take(self, data: dict[str, Any]) -> str:
        lines = services.import_blocks(stream=data["file"])
        return str(_("%(lines)d blocks taken.") % {"lines": lines})

    @action(description=_("Import from file"), url_path="import-file", icon="upload", permissions=["fill"])
    def import_file(self, request: HttpRequest) -> HttpResponse:
        return self.ask(request, _("Import blocks of numbers"))
