"""The page that gives an account a PIN, or takes it away."""

from __future__ import annotations

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from apps.core.admin import show
from apps.desk.views import need, page
from apps.users.models import Account
from apps.users.services import new_pin, remove_pin


class PinForm(forms.Form):
    """What is to happen."""

    remove = forms.BooleanField(label=gettext_lazy("Only take its PIN away"), required=False)


@never_cache
def give(request: HttpRequest, account_id: int) -> HttpResponse:
    """Ask, and give a PIN; the answer shows it, and nothing shows it again."""
    need(request, "users.change_account")
    account = get_object_or_404(Account, pk=account_id)
    if account.is_staff and not request.user.is_superuser:
        raise PermissionDenied
    form = PinForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["remove"]:
            remove_pin(account=account)
            return redirect("admin:users_account_change", account.pk)
        try:
            pin = new_pin(account=account)
        except ValidationError as error:
            show(form, error)
        else:
            context = {"title": _("The PIN of %s") % account.username, "account": account, "pin": pin}
            return page(request, "admin/desk/opened.html", context)
    context = {
        "title": _("A PIN for %s") % account.username,
        "form": form,
        "button": _("Carry it out"),
        "back": reverse("admin:users_account_change", args=[account.pk]),
        "note": _("It has a PIN; a new one takes its place.")
        if hasattr(account, "pin")
        else _("It has none yet."),
    }
    return page(request, "admin/desk/form.html", context, 422 if form.errors else 200)
