"""Pages of the admin that are not tables: where a call would go, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.routing.forms import WhereForm
from apps.routing.simulation import Question, SwitchUnavailable, may_simulate, simulate

FORM = ("caller", "address", "caller_number", "called", "at")


@require_GET
def where(request: HttpRequest) -> HttpResponse:
    """Where would this call go? The switch is asked, nobody is dialled."""
    if not may_simulate(request.user):
        raise PermissionDenied
    asked = any(name in request.GET for name in FORM)
    form = WhereForm(request.GET if asked else None)
    context: dict[str, Any] = {"form": form}
    status = 200
    if asked and form.is_valid():
        context |= answer(form.question())
    elif asked:
        status = 422
    return page(request, context, status)


def answer(question: Question) -> dict[str, Any]:
    """What the template shows of the switch's answer; `error`: why there is none."""
    try:
        found = simulate(question)
    except SwitchUnavailable as error:
        return {"error": str(error)}
    return {"found": found, "at": datetime.fromtimestamp(found["at"], UTC)}


def page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The page around an answer."""
    common = {"title": _("Where would this call go?"), "opts": None}
    everything = admin.site.each_context(request) | common | context
    return render(request, "admin/routing/where.html", everything, status=status)
