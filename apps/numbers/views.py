"""The admin's page on which a number is tried."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from apps.numbers.models import Transport
from apps.numbers.trial import try_number
from apps.users.choices import Kind
from apps.users.models import Account

_INPUT = {"class": "office-input"}


class Named(forms.CharField):
    """An account by its user name."""

    def __init__(self, *kinds: str, **options: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs=_INPUT), max_length=150, **options)
        self.kinds = kinds

    def clean(self, value: Any) -> Any:
        name = super().clean(value)
        if not name:
            return None
        found = Account.objects.filter(username=name)
        if self.kinds:
            found = found.filter(kind__in=self.kinds)
        account = found.first()
        if account is None:
            raise forms.ValidationError(_("There is no such account."))
        return account


class TryForm(forms.Form):
    """Who calls what, from where, and by which carrier it would go."""

    caller = Named(label=gettext_lazy("Account that calls"))
    dialled = forms.CharField(
        label=gettext_lazy("Number as dialled"), max_length=64, widget=forms.TextInput(attrs=_INPUT)
    )
    shown = forms.CharField(
        label=gettext_lazy("Caller number as sent"),
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs=_INPUT),
    )
    source = forms.GenericIPAddressField(
        label=gettext_lazy("From address"), required=False, widget=forms.TextInput(attrs=_INPUT)
    )
    transport = forms.ChoiceField(
        label=gettext_lazy("Transport"),
        choices=Transport.choices[1:],
        required=False,
        widget=forms.Select(attrs=_INPUT),
    )
    carrier = Named(Kind.CARRIER, label=gettext_lazy("Carrier"), required=False)


@require_GET
def try_page(request: HttpRequest) -> HttpResponse:
    """Every step from what is dialled to what is sent."""
    if not request.user.has_perm("numbers.view_rewriterule"):
        raise PermissionDenied
    form = TryForm(request.GET) if "dialled" in request.GET else TryForm(initial={"transport": "udp"})
    context: dict[str, Any] = {**admin.site.each_context(request), "title": _("Try a number"), "form": form}
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        context["trial"] = try_number(**given | {"transport": given["transport"] or "udp"})
    return render(request, "admin/numbers/try.html", context, status=422 if form.errors else 200)
