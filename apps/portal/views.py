"""The portal: what a subscriber or a reseller sees of their own, and a reseller of those below.

Every page starts from a query set of `queries` that holds only what its reader may see, so that somebody else's
call, invoice or account is as good as not there (404).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.cdrs.live import LiveCallsUnavailable, current_calls
from apps.cdrs.models import Cdr
from apps.cdrs.queries import prices_of, visible_calls
from apps.cdrs.why import why
from apps.invoices.models import LedgerEntry
from apps.invoices.queries import pdf_of, visible_invoices
from apps.recordings.queries import audible_recordings
from apps.resellers.queries import features_of, looked_after, rights_of
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import visible_to

View = Callable[..., HttpResponse]
PER_PAGE = 25
LONGEST_SPAN = timedelta(days=92)


def for_customers(view: View) -> View:
    """A page for whoever has logged in, but staff: what those may see is decided in the admin, right by right."""

    @require_GET
    @login_required
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        return redirect("admin:index") if request.user.is_staff else view(request, *args, **options)

    return page


@for_customers
def home(request: HttpRequest) -> HttpResponse:
    """Balance, the last calls and invoices."""
    recent = visible_calls(request.user).filter(started_at__gte=timezone.now() - timedelta(days=31))
    context = {
        "balance": getattr(request.user, "balance", None),
        "calls": recent.order_by("-started_at")[:8],
        "invoices": visible_invoices(request.user)[:5],
        "accounts": visible_to(request.user).exclude(pk=request.user.pk)[:8]
        if _has_others(request.user)
        else None,
        "now": _now(request),
    }
    return render(request, "portal/home.html", context)


@for_customers
def calls(request: HttpRequest) -> HttpResponse:
    """Calls between two days of the reader's own time zone, at most three months of them."""
    zone = ZoneInfo(request.user.time_zone)
    today = timezone.now().astimezone(zone).date()
    last = _day(request.GET.get("to")) or today
    first = _day(request.GET.get("from")) or last - timedelta(days=30)
    first = min(max(first, last - LONGEST_SPAN), last)
    start = datetime.combine(first, time.min, zone)
    end = datetime.combine(last + timedelta(days=1), time.min, zone)
    found = (
        visible_calls(request.user).filter(started_at__gte=start, started_at__lt=end).select_related("caller")
    )
    number = _asked(request, "number").lstrip("+")
    if number:
        found = found.filter(called_number__startswith=number)
    context = {
        "page": _page(request, found.order_by("-started_at", "-id")),
        "first": first,
        "last": last,
        "number": number,
        "query": urlencode({"from": first, "to": last, "number": number}) + "&",
    }
    return render(request, "portal/calls.html", context)


@for_customers
def calls_now(request: HttpRequest) -> HttpResponse:
    """The calls that are up, for the home page, which asks for them every few seconds."""
    return render(request, "portal/calls_now.html", {"now": _now(request)})


@for_customers
def call(request: HttpRequest, call_id: str) -> HttpResponse:
    """One call, and what it cost those whom the reader may see."""
    record: Cdr = get_object_or_404(visible_calls(request.user), pk=call_id)
    prices = prices_of(record).filter(
        account__in=visible_to(request.user).values("id"), kind__in=["retail", "reseller"]
    )
    shown = [(price, why(record, price, inside=False)) for price in prices]
    return render(request, "portal/call.html", {"call": record, "prices": shown})


@for_customers
def recordings(request: HttpRequest) -> HttpResponse:
    """What was recorded for the reader, or for those below."""
    return render(
        request, "portal/recordings.html", {"page": _page(request, audible_recordings(request.user))}
    )


@for_customers
def invoices(request: HttpRequest) -> HttpResponse:
    """Invoices and credit notes."""
    return render(request, "portal/invoices.html", {"page": _page(request, visible_invoices(request.user))})


@require_GET
@login_required
def invoice_pdf(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """The document itself; also for staff who may read invoices."""
    if request.user.is_staff and not request.user.has_perm("invoices.view_invoice"):
        raise PermissionDenied
    invoice = get_object_or_404(visible_invoices(request.user), pk=invoice_id)
    response = HttpResponse(pdf_of(invoice), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{invoice.number}.pdf"'
    return response


@for_customers
def ledger(request: HttpRequest) -> HttpResponse:
    """Why the balance is what it is."""
    entries = LedgerEntry.objects.filter(account=request.user).order_by("-id")
    context = {"page": _page(request, entries), "balance": getattr(request.user, "balance", None)}
    return render(request, "portal/ledger.html", context)


@for_customers
def accounts(request: HttpRequest) -> HttpResponse:
    """The accounts below the reader."""
    below = visible_to(request.user).exclude(pk=request.user.pk).select_related("balance", "parent")
    wanted = _asked(request, "q")
    if wanted:
        below = below.filter(username__icontains=wanted) | below.filter(display_name__icontains=wanted)
    context = {
        "page": _page(request, below.order_by("username")),
        "q": wanted,
        "query": urlencode({"q": wanted}) + "&",
    }
    return render(request, "portal/accounts.html", context)


@for_customers
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """One account below the reader, with its last calls and invoices."""
    shown: Account = get_object_or_404(
        visible_to(request.user).select_related("balance", "parent", "phone_status"), pk=account_id
    )
    since = timezone.now() - timedelta(days=31)
    context = {
        "account": shown,
        "calls": Cdr.objects.filter(caller=shown, started_at__gte=since).order_by("-started_at")[:10],
        "invoices": visible_invoices(request.user).filter(account=shown)[:10],
        "ways": _ways(request.user, shown),
    }
    return render(request, "portal/account.html", context)


def _ways(user: Account, shown: Account) -> list[tuple[str, Any]]:
    """What the reader may do with the account: names of pages, and what they are called."""
    rights = rights_of(user)
    if not looked_after(user, rights).filter(pk=shown.pk).exists():
        return []
    ways: list[tuple[str, Any]] = [("portal_change_account", _("Change"))]
    if shown.parent_id == user.pk and features_of(user)["feature_creditedit"]:
        ways.append(("portal_credit", _("Credit")))
    if rights.tariffs:
        ways.append(("portal_account_prices", _("Prices")))
    return ways


def _has_others(user: Account) -> bool:
    return user.kind in (Kind.RESELLER, Kind.OWNER) or visible_to(user).exclude(pk=user.pk).exists()


def _now(request: HttpRequest) -> list[object] | None:
    """Current calls, or nothing when nobody can tell."""
    try:
        return list(current_calls(request.user))
    except LiveCallsUnavailable:
        return None


def _asked(request: HttpRequest, name: str) -> str:
    """What was typed into a search field, without what no column can hold."""
    return request.GET.get(name, "").replace("\0", "").strip()[:64]


def _day(text: str | None) -> date | None:
    """A day that a person may mean; others could not be turned into another time zone."""
    try:
        day = parse_date(text or "")
    except ValueError:
        return None
    return day if day and 1970 <= day.year <= 2200 else None


def _page(request: HttpRequest, rows: QuerySet[Any]) -> Page:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
