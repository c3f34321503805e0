"""Pages of the admin about what is live: how carriers stand, and an account's phones."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.users.choices import Kind
from apps.users.live import (
    NoSuchPhone,
    SwitchUnavailable,
    carrier_states,
    phones_of,
    register_again,
    unregister,
)
from apps.users.models import Account


@require_GET
def carriers(request: HttpRequest) -> HttpResponse:
    """Every carrier: whether it answers and since when, and our registrations with it; htmx asks every few seconds."""
    if not request.user.has_perm("users.view_trunk"):
        raise PermissionDenied
    context = {"title": _("Carriers now"), "rows": [], "unavailable": False}
    try:
        states = carrier_states()
    except SwitchUnavailable:
        context["unavailable"] = True
    else:
        known = Account.objects.filter(kind=Kind.CARRIER, trunk__isnull=False).select_related("trunk")
        context["rows"] = [
            (carrier, states.get(carrier.pk, [])) for carrier in known.order_by("username")[:1000]
        ]
    if request.htmx:
        return render(request, "admin/users/carriers_table.html", context)
    return render(request, "admin/users/carriers.html", admin.site.each_context(request) | context)


@require_GET
def phones(request: HttpRequest, account_id: int) -> HttpResponse:
    """The phones that are registered for an account."""
    if not request.user.has_perm("users.view_account"):
        raise PermissionDenied
    account = get_object_or_404(Account, pk=account_id)
    context = {"title": _("Phones of %s") % account.username, "account": account, "unavailable": False}
    try:
        context["phones"] = phones_of([account.pk])
    except SwitchUnavailable:
        context["unavailable"] = True
    return render(request, "admin/users/phones.html", admin.site.each_context(request) | context)


@require_POST
def forget_phone(request: HttpRequest, account_id: int) -> HttpResponse:
    """Unregister one of them."""
    if not request.user.has_perm("users.change_sipcredential"):
        raise PermissionDenied
    account = get_object_or_404(Account, pk=account_id)
    try:
        unregister(account=account, contact=request.POST.get("contact", ""), by=request.user)
    except NoSuchPhone:
        messages.warning(request, _("That phone is not registered any more."))
    except SwitchUnavailable:
        messages.error(request, _("The switch cannot be reached. Is Redis running?"))
    else:
        messages.success(request, _("The phone was unregistered. It may register again."))
    return redirect("admin_phones", account_id)


@require_POST
def register_carrier(request: HttpRequest, account_id: int) -> HttpResponse:
    """Register with a carrier again now, instead of when its time has come (guide 9882-9885)."""
    if not request.user.has_perm("users.change_trunkaccount"):
        raise PermissionDenied
    carrier = get_object_or_404(Account, pk=account_id, kind=Kind.CARRIER)
    try:
        register_again(carrier=carrier, by=request.user)
    except SwitchUnavailable:
        messages.error(request, _("The switch cannot be reached. Is Redis running?"))
    else:
        messages.success(request, _("The switch registers with %s again.") % carrier.username)
    return redirect("admin_carriers_now")
