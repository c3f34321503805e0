"""The tree of accounts as a page of its own: opened level by level, so that it does not matter how large it is (guide 2104-2125)."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.core.formats import money
from apps.desk.views import need, page
from apps.users.choices import COLOURS
from apps.users.models import Account
from apps.users.queries import ancestors

MOST = 100
"""Accounts of one level that are shown at once."""


@require_GET
def tree(request: HttpRequest) -> HttpResponse:
    """The accounts at the top, or (`?below=`) those right below one; htmx asks for a level alone. `?find=` opens the way to one."""
    need(request, "users.view_account")
    below, after = request.GET.get("below", ""), request.GET.get("after", "")
    if request.htmx:
        parent = get_object_or_404(Account, pk=int(below)) if below.isdigit() else None
        return render(request, "admin/desk/branches.html", {"nodes": _level(parent, after), "parent": parent})
    context: dict[str, Any] = {"title": _("Tree of accounts"), "find": request.GET.get("find", "").strip()}
    if context["find"]:
        found = Account.objects.filter(username=context["find"]).first()
        context["way"] = [*reversed(ancestors(found)), found] if found else None
    context["nodes"] = _level(None, "")
    return page(request, "admin/desk/tree.html", context)


def _level(parent: Account | None, after: str) -> dict[str, Any]:
    """One level, by name; `more` is the name after which it goes on."""
    rows = list(_children(parent).filter(username__gt=after)[: MOST + 1])
    more = rows[MOST - 1].username if len(rows) > MOST else ""
    return {"rows": [_node(row) for row in rows[:MOST]], "more": more}


def _children(parent: Account | None) -> QuerySet[Account]:
    chosen = Account.objects.filter(parent=parent) if parent else Account.objects.filter(parent=None)
    count = Count("children", filter=Q(children__isnull=False))
    return chosen.select_related("balance").annotate(below=count).order_by("username")


def _node(account: Account) -> dict[str, Any]:
    balance = getattr(account, "balance", None)
    return {
        "account": account,
        "below": account.below,  # type: ignore[attr-defined]  # _children gives it
        "balance": money(balance.amount, account.currency) if balance else "",
        "colour": COLOURS.get(account.kind, ""),
    }
