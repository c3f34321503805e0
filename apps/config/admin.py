"""Every setting with its help, its default and the value in force, edited one at a time."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from apps.config.models import Setting
from apps.config.registry import SETTINGS
from apps.config.services import clear_value, set_value
from apps.core.admin import OfficeAdmin, show


class ValueForm(forms.Form):
    """One value, for all nodes or for one."""

    value = forms.CharField(label=_("Value"), required=False, widget=UnfoldAdminTextInputWidget)
    node = forms.CharField(
        label=_("Node"), required=False, widget=UnfoldAdminTextInputWidget, help_text=_("Empty: every node.")
    )


@admin.register(Setting)
class SettingAdmin(OfficeAdmin):
    """The list shows all settings that there are, not only the changed ones."""

    def get_urls(self) -> list[Any]:
        edit = path(
            "<slug:key>/edit/", self.admin_site.admin_view(self.edit_view), name="config_setting_edit"
        )
        return [edit, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        wanted = request.GET.get("q", "").strip().lower()
        changed: dict[str, list[Setting]] = {}
        for row in Setting.objects.all():
            changed.setdefault(row.key, []).append(row)
        rows = [
            {
                "definition": definition,
                "default": definition.write(definition.default),
                "values": changed.get(key, []),
            }
            for key, definition in sorted(SETTINGS.items())
            if wanted in key or wanted in str(definition.help).lower()
        ]
        context = self.admin_site.each_context(request) | {"title": _("Settings"), "rows": rows, "q": wanted,
                                                           "opts": self.opts}  # fmt: skip
        return TemplateResponse(request, "admin/config/settings.html", context)

    def edit_view(self, request: HttpRequest, key: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        if key not in SETTINGS:
            return redirect("admin:config_setting_changelist")
        node = request.GET.get("node", "")
        default = SETTINGS[key].write(SETTINGS[key].default)
        current = Setting.objects.filter(key=key, node=node).first()
        secret = SETTINGS[key].sealed
        shown = "" if secret else current.value if current else default
        form = ValueForm(request.POST or None, initial={"value": shown, "node": node})
        if secret:
            form.fields["value"].widget = UnfoldAdminPasswordWidget()
            form.fields["value"].help_text = _("It is not shown. Empty: it stays as it is.")
        if request.method == "POST" and form.is_valid() and self._store(request, key, form):
            return redirect(reverse("admin:config_setting_changelist") + f"?q={key}")
        context = self.admin_site.each_context(request) | {
            "title": key,
            "definition": SETTINGS[key],
            "default": default,
            "form": form,
            "changed": current is not None,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/config/edit.html", context)

    def _store(self, request: HttpRequest, key: str, form: ValueForm) -> bool:
        node = form.cleaned_data["node"]
        try:
            if "default" in request.POST:
                clear_value(key=key, node=node)
            elif form.cleaned_data["value"] or not SETTINGS[key].sealed:
                set_value(key=key, value=form.cleaned_data["value"], node=node)
        except ValidationError as error:
            show(form, error, otherwise="value")
            return False
        messages.success(request, _("%s was changed.") % key)
        return True
