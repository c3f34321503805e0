"""The admin's two pages of an account's settings: what holds and where it comes from, and one of them to edit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.core.admin import show
from apps.users import services
from apps.users.models import Account
from apps.users.queries import Effective, settings_of


class ValueForm(forms.Form):
    value = forms.CharField(label=_("Value"), required=False, widget=UnfoldAdminTextInputWidget)


def listing(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Every setting that accounts may have, found by key or help."""
    account = get_object_or_404(Account, pk=pk)
    if not admin.has_view_permission(request, account):
        raise PermissionDenied
    wanted = request.GET.get("q", "").strip().lower()
    rows = [
        {"effective": one, "source": _source(one, account)}
        for one in settings_of(account)
        if wanted in one.definition.key or wanted in str(one.definition.help).lower()
    ]
    context = {
        "title": _("Settings of %s") % account,
        "rows": rows,
        "account": account,
        "q": wanted,
        "may_change": admin.has_change_permission(request, account),
    }
    return _page(admin, request, "admin/users/settings.html", context)


def _source(one: Effective, account: Account) -> Any:
    if one.source is None:
        return _("everybody")
    return _("its own") if one.source == account else one.source


def editing(admin: Any, request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """One setting of one account: its own value, or none."""
    account = get_object_or_404(Account, pk=pk)
    if not admin.has_change_permission(request, account):
        raise PermissionDenied
    effective = next((one for one in settings_of(account) if one.definition.key == key), None)
    if effective is None:
        raise Http404
    form = ValueForm(request.POST or None, initial={"value": effective.shown})
    if request.method == "POST" and form.is_valid() and _store(request, account, key, form):
        return redirect(reverse("admin:users_account_settings", args=[pk]) + f"?q={key}")
    context = {
        "title": key,
        "effective": effective,
        "account": account,
        "form": form,
        "own": effective.source == account,
    }
    return _page(admin, request, "admin/users/setting.html", context)


def _store(request: HttpRequest, account: Account, key: str, form: ValueForm) -> bool:
    try:
        if "inherit" in request.POST:
            services.clear_own(account=account, key=key)
        else:
            services.set_own(account=account, key=key, value=form.cleaned_data["value"])
    except ValidationError as error:
        show(form, error, otherwise="value")
        return False
    messages.success(request, _("%s was changed.") % key)
    return True


def _page(admin: Any, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    context = admin.admin_site.each_context(request) | context | {"opts": admin.opts}
    return TemplateResponse(request, template, context)
