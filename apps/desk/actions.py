"""What can be done to the accounts that were chosen in their list: files, a setting, a group."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _

from apps.config.registry import SETTINGS
from apps.core.admin import show
from apps.desk.services import exports
from apps.desk.services.chosen import give_setting, group
from apps.desk.views import page
from apps.groups.models import AccountGroup
from apps.users.admin import AccountAdmin
from apps.users.models import Account

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_INPUT = {"class": "office-input"}


@admin.action(description=_("Save as CSV"), permissions=["view"])
def save_csv(model_admin: Any, request: HttpRequest, queryset: QuerySet[Account]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(exports.as_csv(queryset), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="accounts.csv"'
    return response


@admin.action(description=_("Save as XLSX"), permissions=["view"])
def save_xlsx(model_admin: Any, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
    response = HttpResponse(exports.as_xlsx(queryset), content_type=XLSX)
    response["Content-Disposition"] = 'attachment; filename="accounts.xlsx"'
    return response


class SettingForm(forms.Form):
    """A setting and the value that the chosen accounts get."""

    key = forms.ChoiceField(
        label=_("Setting"),
        choices=[(key, key) for key, one in sorted(SETTINGS.items()) if one.account],
        widget=forms.Select(attrs=_INPUT),
    )
    value = forms.CharField(label=_("Value"), required=False, widget=forms.TextInput(attrs=_INPUT))
    inherit = forms.BooleanField(
        label=_("No value of their own"), required=False, help_text=_("What holds above them holds again.")
    )


class GroupForm(forms.Form):
    """The group that the chosen accounts come into, or leave."""

    name = forms.ModelChoiceField(
        label=_("Group"), queryset=AccountGroup.objects.all(), widget=forms.Select(attrs=_INPUT)
    )
    out = forms.BooleanField(label=_("Take them out of it"), required=False)


@admin.action(description=_("Give a setting…"), permissions=["change"])
def choose_setting(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Account]
) -> HttpResponse | None:
    def carry_out(values: dict[str, Any]) -> int:
        value = None if values["inherit"] else values["value"]
        return give_setting(accounts=queryset, key=values["key"], value=value, by=request.user)

    return _asked(request, queryset, SettingForm, carry_out, "choose_setting")


@admin.action(description=_("Put into a group…"), permissions=["change"])
def choose_group(model_admin: Any, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse | None:
    if not request.user.has_perm("groups.change_accountgroup"):
        raise PermissionDenied

    def carry_out(values: dict[str, Any]) -> int:
        return group(accounts=queryset, by=request.user, **values)

    return _asked(request, queryset, GroupForm, carry_out, "choose_group")


def _asked(
    request: HttpRequest, queryset: QuerySet[Account], kind: type[forms.Form], carry_out: Any, action: str
) -> HttpResponse | None:
    """Ask what, and do it when it was said; the list comes back with a sentence."""
    said = "said" in request.POST
    form = kind(request.POST if said else None)
    if said and form.is_valid():
        try:
            count = carry_out(form.cleaned_data)
        except ValidationError as error:
            show(form, error)
        else:
            messages.success(request, _("%d accounts were changed.") % count)
            return None
    context = {
        "title": _("For %d accounts") % queryset.count(),
        "form": form,
        "action": action,
        "chosen": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "across": request.POST.get("select_across", "0"),
    }
    return page(request, "admin/desk/chosen.html", context)


AccountAdmin.actions_from_above += [save_csv, save_xlsx, choose_setting, choose_group]
