"""The page that looks at one account from all sides (guide 14335, "Analyze")."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.desk.analysis import analyse as look
from apps.desk.views import need, page
from apps.users.models import Account


@require_GET
def analyse(request: HttpRequest, account_id: int) -> HttpResponse:
    """State, reach, money, calls, and what would stop the next one."""
    need(request, "users.view_account")
    account = get_object_or_404(
        Account.objects.select_related("parent", "phone_status", "balance"), pk=account_id
    )
    found = look(account, request.user)
    links = places(account)
    context = {
        "title": _("Analysis of %s") % account.username,
        "found": found,
        "account": account,
        "findings": [(one, links.get(one.where, "")) for one in found.findings],
        "may_see_calls": request.user.has_perm("cdrs.view_cdr"),
        "may_see_money": request.user.has_perm("invoices.view_ledgerentry"),
    }
    return page(request, "admin/desk/analysis.html", context)


def places(account: Account) -> dict[str, str]:
    """Where what is wrong can be mended."""
    return {
        "account": reverse("admin:users_account_change", args=[account.pk]),
        "settings": reverse("admin:users_account_settings", args=[account.pk]),
        "phones": reverse("admin_phones", args=[account.pk]),
        "ledger": reverse("admin:invoices_ledgerentry_changelist") + f"?account__id__exact={account.pk}",
        "routes": reverse("admin:routing_routerule_changelist"),
        "calls": reverse("admin_current_calls"),
        "carriers": reverse("admin_carriers_now"),
    }
