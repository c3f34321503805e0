"""Pages of the admin that are not tables: calls that are up now, and the day at a glance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.cdrs.live import LiveCallsUnavailable, NoSuchCall, current_calls, hang_up
from apps.cdrs.live import log_messages as follow
from apps.cdrs.live import record as order_recording
from apps.cdrs.models import Cdr
from apps.cdrs.queries import causes, hourly, question_of, traffic, ways_tried
from apps.config.queries import get as setting
from apps.core.formats import clock, money
from apps.routing.health.admin import panel
from apps.routing.simulation import may_simulate
from apps.routing.views import answer, page


@require_GET
def current(request: HttpRequest) -> HttpResponse:
    """The calls that are up or ringing; htmx asks for the table alone every two seconds."""
    if not request.user.has_perm("cdrs.view_cdr"):
        raise PermissionDenied
    context = {"title": _("Current calls")} | _live(request)
    if request.htmx:
        return render(request, "admin/cdrs/current_table.html", context)
    return render(request, "admin/cdrs/current.html", admin.site.each_context(request) | context)


@require_GET
def why_so(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """A past call decided once more: which way it takes, and why."""
    if not (may_simulate(request.user) and request.user.has_perm("cdrs.view_cdr")):
        raise PermissionDenied
    cdr = get_object_or_404(Cdr, pk=call_id)
    return page(request, {"cdr": cdr, "tried": ways_tried(cdr)} | answer(question_of(cdr)))


@require_POST
def end(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """An operator ends a call."""
    return _order(request, "cdrs.hang_up", call_id, hang_up, _("The call was told to end."))


@require_POST
def log_messages(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """An operator wants to follow a call in the switch's log while it goes on."""
    done = _("The switch now writes every message of this call to its log.")
    return _order(request, "cdrs.view_siptrace", call_id, follow, done)


@require_POST
def record(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """An operator begins or ends the recording of a call."""
    on = request.POST.get("on") == "yes"
    done = (
        _("The switch was told to record the call.") if on else _("The switch was told to end the recording.")
    )
    return _order(request, "recordings.record_call", call_id, partial(order_recording, on=on), done)


def _order(
    request: HttpRequest, right: str, call_id: UUID, order: Callable[..., None], done: str
) -> HttpResponse:
    """Give the switch an order about a call, and say what came of it."""
    if not request.user.has_perm(right):
        raise PermissionDenied
    try:
        order(call_id=str(call_id), by=request.user)
    except NoSuchCall:
        messages.warning(request, _("That call is over already."))
    except LiveCallsUnavailable:
        messages.error(request, _("The switch cannot be reached. Is Redis running?"))
    else:
        messages.success(request, done)
    return redirect("admin_current_calls")


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Today so far, in the reader's own time zone, for the admin's first page (Unfold's DASHBOARD_CALLBACK)."""
    if not request.user.has_perm("cdrs.view_cdr"):
        return context
    now = timezone.now().astimezone(ZoneInfo(request.user.time_zone))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = traffic(midnight, midnight + timedelta(days=1))
    yesterday = traffic(midnight - timedelta(days=1), now - timedelta(days=1))
    currency = setting("currency")
    return (
        context
        | {
            "cards": [
                (_("Calls today"), today.calls, _("yesterday until now: %s") % yesterday.calls),
                (_("Answered"), f"{today.asr:.1f} %", _("ASR; %s calls") % today.answered),
                (_("Minutes"), f"{today.seconds / 60:.1f}", _("average call %s") % clock(today.acd)),
                (_("Revenue"), money(today.revenue, currency), _("net of VAT")),
                (
                    _("Margin"),
                    money(today.margin, currency),
                    _("after %s of carrier cost") % money(today.cost, currency),
                ),
            ],
            "bars": _bars(hourly(Cdr.objects.all(), midnight, 24)),
            "causes": causes(Cdr.objects.all(), midnight, midnight + timedelta(days=1)),
        }
        | _live(request)
        | panel(request)
    )


def _live(request: HttpRequest) -> dict[str, Any]:
    try:
        return {"calls": current_calls(request.user), "unavailable": False}
    except LiveCallsUnavailable:
        return {"calls": [], "unavailable": True}


def _bars(hours: list[tuple[Any, int, int]]) -> list[dict[str, Any]]:
    """Each hour's bar in per cent of the busiest hour: all calls, and the answered ones in front; gaps are above."""
    top = max((calls for _hour, calls, _answered in hours), default=0) or 1
    bars = []
    for hour, calls, answered in hours:
        height, part = round(100 * calls / top), round(100 * answered / top)
        bars.append(
            {"hour": hour.hour, "calls": calls, "answered": answered, "height": height, "gap": 100 - height,
             "answered_height": part, "answered_gap": 100 - part}
        )  # fmt: skip
    return bars
