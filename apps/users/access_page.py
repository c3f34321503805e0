"""The admin's page of how an account logs in to the web: its second factors, and whether it waits after wrong passwords."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.users.models import Account, Lockout
from apps.users.services.lockouts import unlock
from apps.users.services.second_factor import remove_second_factors


def access(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Show it; a POST ends a wait, or takes a lost second factor away."""
    account = get_object_or_404(Account, pk=pk)
    if not admin.has_view_permission(request, account):
        raise PermissionDenied
    if request.method == "POST":
        return _change(admin, request, account)
    context = {
        "title": _("Access of %s") % account,
        "account": account,
        "factors": Authenticator.objects.filter(user=account).order_by("type", "pk"),
        "lockouts": Lockout.objects.filter(username=account.username.lower()).order_by("-last_at")[:50],
        "may_unlock": request.user.has_perm("users.delete_lockout"),
        "may_remove": _may_remove(admin, request, account),
        "opts": admin.opts,
    }
    return TemplateResponse(
        request, "admin/users/access.html", admin.admin_site.each_context(request) | context
    )


def _change(admin: Any, request: HttpRequest, account: Account) -> HttpResponse:
    if "unlock" in request.POST:
        if not request.user.has_perm("users.delete_lockout"):
            raise PermissionDenied
        for lockout in Lockout.objects.filter(username=account.username.lower()):
            unlock(lockout=lockout)
        messages.success(request, _("They may try again."))
    elif "remove" in request.POST:
        if not _may_remove(admin, request, account):
            raise PermissionDenied
        remove_second_factors(account=account, by=request.user)
        messages.success(request, _("The password alone is enough now, until a new second factor is set up."))
    return redirect("admin:users_account_access", account.pk)


def _may_remove(admin: Any, request: HttpRequest, account: Account) -> bool:
    """Nobody takes away one's own here, because that page asks for it first; staff's only an administrator."""
    return bool(admin.has_change_permission(request, account)) and request.user != account
