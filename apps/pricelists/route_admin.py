"""Replays of routes: their list, the form of a new one, and what came of one, which is waited for there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.config import queries as config
from apps.core.admin import OfficeAdmin, show
from apps.pricelists.models import RouteReplay, Stage
from apps.pricelists.replay import DAYS
from apps.pricelists.replay_states import OPEN, stop_replay
from apps.pricelists.route_forms import ReplayForm
from apps.pricelists.services.route_replays import begin_replay
from apps.pricing.models import Tariff
from apps.routing.models import RouteRule
from apps.users.models import Account

SHOWS = ("routing.view_routerule", "pricing.view_rate", "cdrs.view_cdr")
"""A replay tells of all these; who may not see one of them sees none."""
_COLOURS = {Stage.DONE: "success", Stage.FAILED: "danger", Stage.RUNNING: "info", Stage.WAITING: "info"}


@admin.register(RouteReplay)
class RouteReplayAdmin(OfficeAdmin):
    list_display = ["title", "shown_stage", "since", "until", "total", "created_at", "created_by"]
    list_filter = ["stage"]
    search_fields = ["title"]
    list_select_related = ["created_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RouteReplay]:
        return super().get_queryset(request).defer("outcome")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perms(SHOWS) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(SHOWS) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perms(SHOWS) and super().has_change_permission(request, obj)

    def get_urls(self) -> list[Any]:
        stop = self.admin_site.admin_view(self.stop_view)
        return [path("<int:pk>/stop/", stop, name="pricelists_routereplay_stop"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """What would be otherwise; then the page of the replay."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ReplayForm(request.POST or None, initial=_usual())
        if request.method == "POST" and form.is_valid():
            try:
                replay = begin_replay(**form.asked(), by=request.user)
            except ValidationError as error:
                show(form, error)
            else:
                self.log_addition(request, replay, str(_("Asked for.")))
                return redirect("admin:pricelists_routereplay_change", replay.pk)
        context = {"title": _("What if: routes"), "form": form, "button": _("Reckon"),
                   "back": reverse("admin:pricelists_routereplay_changelist")}  # fmt: skip
        return self._page(request, "admin/pricing/import.html", context, 422 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What came of it; while it is decided the page asks again by itself."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        replay = get_object_or_404(RouteReplay, pk=object_id if str(object_id).isdigit() else 0)
        context = {"title": replay.title, "replay": replay, "open": replay.stage in OPEN,
                   "may_stop": self.has_change_permission(request), "currency": config.get("currency"),
                   **_asked(replay)}  # fmt: skip
        if request.headers.get("HX-Request"):
            if replay.stage not in OPEN:
                return HttpResponse(headers={"HX-Refresh": "true"})
            return render(request, "admin/pricelists/route_progress.html", context)
        return self._page(request, "admin/pricelists/route_replay.html", context)

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Decide no more calls."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponse(status=405, headers={"Allow": "POST"})
        replay = get_object_or_404(RouteReplay, pk=pk)
        if stop_replay(replay=replay):
            self.log_change(request, replay, str(_("Stopped.")))
            messages.success(request, _("The replay was stopped."))
        return redirect("admin:pricelists_routereplay_change", pk)

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        common = self.admin_site.each_context(request) | {"opts": self.opts}
        return render(request, template, common | context, status=status)

    @display(description=_("state"), ordering="stage", label=_COLOURS)
    def shown_stage(self, replay: RouteReplay) -> tuple[str, str]:
        return replay.stage, replay.get_stage_display()


def _usual() -> dict[str, Any]:
    """The rules that hold, and the last days."""
    today = timezone.localdate()
    return {
        "rules": RouteRule.objects.filter(enabled=True),
        "first_day": today - timedelta(days=DAYS),
        "last_day": today - timedelta(days=1),
    }


def _asked(replay: RouteReplay) -> dict[str, Any]:
    """What a replay was asked, by name: the rules that come and go, the carriers, the tariffs."""
    chosen = set(replay.rules)
    rules = list(RouteRule.objects.values_list("pk", "name", "enabled"))
    tariffs = dict(
        Tariff.objects.filter(pk__in=[one for pair in replay.swaps for one in pair]).values_list("pk", "name")
    )
    return {
        "more_rules": [name for pk, name, enabled in rules if pk in chosen and not enabled],
        "fewer_rules": [name for pk, name, enabled in rules if pk not in chosen and enabled],
        "without": list(Account.objects.filter(pk__in=replay.without).values_list("username", flat=True)),
        "swaps": [(tariffs.get(old, old), tariffs.get(new, new)) for old, new in replay.swaps],
    }
