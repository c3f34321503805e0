"""Which trunks are passed over, since when and why; with one click they are back (guide 3454-3488, 11264)."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, ReadOnly, ServiceForm
from apps.core.formats import clock
from apps.routing.health import services
from apps.routing.health.models import Happening, Standing, TrunkEvent, TrunkHealth
from apps.routing.health.queries import figures, hours_of, not_good, spans_of

COLOURS = {
    Standing.GOOD: "success",
    Standing.PROBING: "info",
    Standing.DEMOTED: "warning",
    Standing.OUT: "danger",
}
EVENT_COLOURS = {
    Happening.DEMOTED: "warning",
    Happening.WORSE: "danger",
    Happening.OUT: "danger",
    Happening.PROBING: "info",
    Happening.RESTORED: "success",
    Happening.RESET: "success",
}
MOST_EVENTS = 20
_WORST_FIRST = Case(
    *[When(state=state, then=Value(place)) for place, state in enumerate(("out", "demoted", "probing"))],
    default=Value(3),
)


class HealthForm(ServiceForm):
    """What is asked of a trunk or a destination."""

    class Meta:
        model = TrunkHealth
        fields = ["carrier", "destination", *services.OWN_LIMITS]

    def carry_out(self) -> TrunkHealth:
        wanted = {name: self.cleaned_data[name] for name in services.OWN_LIMITS if name in self.cleaned_data}
        if self.instance.pk:
            return services.set_limits(health=TrunkHealth.objects.get(pk=self.instance.pk), **wanted)
        key = {name: self.cleaned_data[name] for name in ("carrier", "destination")}
        return services.begin(**key, **wanted)


@admin.register(TrunkHealth)
class TrunkHealthAdmin(OfficeAdmin):
    form = HealthForm
    list_display = [
        "shown_trunk", "shown_state", "since", "until", "reason", "shown_failures", "shown_asr", "shown_acd",
        "shown_demotions", "set_free",
    ]  # fmt: skip
    list_filter = ["state", "enabled"]
    search_fields = ["carrier__username", "destination"]
    list_select_related = ["carrier", "tally"]
    autocomplete_fields = ["carrier"]
    actions = ["set_all_free"]
    change_form_template = "admin/routing/trunk_health.html"

    def get_fieldsets(self, request: HttpRequest, obj: TrunkHealth | None = None) -> Any:
        return [
            (None, {"fields": [("carrier", "destination"), "enabled"]}),
            (
                gettext_lazy("What is asked of it"),
                {"fields": [("max_failures", "min_calls"), ("min_asr", "min_acd")]},
            ),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: TrunkHealth | None = None) -> list[str]:
        return ["carrier", "destination"] if obj is not None else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrunkHealth]:
        return super().get_queryset(request).annotate(place=_WORST_FIRST)

    def get_ordering(self, request: HttpRequest) -> Any:
        return [_WORST_FIRST, "carrier__username", "destination"]

    def get_list_display(self, request: HttpRequest) -> list[str]:
        shown: list[str] = list(super().get_list_display(request))
        return shown if self.has_reset_permission(request) else shown[:-1]

    def get_urls(self) -> list[Any]:
        reset = self.admin_site.admin_view(self.reset)
        return [path("<int:pk>/reset/", reset, name="routing_trunkhealth_reset"), *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its history would stand for nothing; it can be left unjudged

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("routing.reset_trunkhealth"))

    # --- columns ----------------------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("trunk"), ordering="carrier__username")
    def shown_trunk(self, health: TrunkHealth) -> str:
        return (
            f"{health.carrier.username} → {health.destination}…"
            if health.destination
            else health.carrier.username
        )

    @display(description=gettext_lazy("state"), ordering="place", label=COLOURS)
    def shown_state(self, health: TrunkHealth) -> tuple[str, str]:
        return health.state, health.get_state_display()

    @display(description=gettext_lazy("failures in a row"))
    def shown_failures(self, health: TrunkHealth) -> int:
        return max(health.tally.failed, health.tally.short) if hasattr(health, "tally") else 0

    @display(description="ASR")
    def shown_asr(self, health: TrunkHealth) -> str:
        found = figures(health)
        return f"{found.asr}\u00a0%\u00a0/\u00a0{found.attempts}" if found.asr is not None else "—"

    @display(description="ACD")
    def shown_acd(self, health: TrunkHealth) -> str:
        found = figures(health)
        return clock(found.acd) if found.acd is not None else "—"

    @display(description=gettext_lazy("times demoted"))
    def shown_demotions(self, health: TrunkHealth) -> int:
        return health.failure_demotions + health.quality_demotions

    @display(description="")
    def set_free(self, health: TrunkHealth) -> str:
        if health.state == Standing.GOOD:
            return ""
        return format_html(
            '<button type="submit" class="office-button" formaction="{}">{}</button>',
            reverse("admin:routing_trunkhealth_reset", args=[health.pk]),
            _("Set free"),
        )

    # --- what an operator does --------------------------------------------------------------------------------------------------

    @admin.action(description=gettext_lazy("Set free"), permissions=["reset"])
    def set_all_free(self, request: HttpRequest, chosen: QuerySet[TrunkHealth]) -> None:
        for health in chosen:
            services.reset(health=health, by=request.user, now=time.time())
            self.log_change(request, health, _("Set free."))
        messages.success(request, _("They are routed to again."))

    def reset(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button: in the list, on the page, and on the dashboard."""
        if not self.has_reset_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponse(status=405, headers={"Allow": "POST"})
        health = get_object_or_404(TrunkHealth.objects.select_related("carrier"), pk=pk)
        services.reset(health=health, by=request.user, now=time.time())
        self.log_change(request, health, _("Set free."))
        messages.success(request, _("%s is routed to again.") % self.shown_trunk(health))
        return redirect(reverse("admin:routing_trunkhealth_changelist"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        health = TrunkHealth.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        return super().change_view(request, object_id, form_url, self._about(request, health))

    def _about(self, request: HttpRequest, health: TrunkHealth | None) -> dict[str, Any]:
        if health is None:
            return {}
        events = TrunkEvent.objects.filter(carrier_id=health.carrier_id).select_related("by")
        if health.destination:
            events = events.filter(destination=health.destination)
        return {
            "health": health,
            "figures": figures(health),
            "failures": self.shown_failures(health),
            "may_reset": self.has_reset_permission(request) and health.state != Standing.GOOD,
            "events": events[:MOST_EVENTS],
            "hours": hours_of(health, time.time()),
            "spans": spans_of(health, time.time()),
        }


@admin.register(TrunkEvent)
class TrunkEventAdmin(ReadOnly, OfficeAdmin):
    list_display = ["at", "carrier", "destination", "shown_kind", "reason", "until", "by"]
    list_filter = ["kind", ("at", RangeDateTimeFilter)]
    list_select_related = ["carrier", "by"]
    search_fields = ["carrier__username", "destination"]
    fieldsets = [(None, {"fields": [("carrier", "destination"), ("at", "kind"), "reason", ("until", "by")]})]

    @display(description=gettext_lazy("what"), ordering="kind", label=EVENT_COLOURS)
    def shown_kind(self, event: TrunkEvent) -> tuple[str, str]:
        return event.kind, event.get_kind_display()


def badge(request: HttpRequest) -> str:
    """How many trunks and destinations are passed over now, for the sidebar; nothing when there is none."""
    if not request.user.has_perm("routing.view_trunkhealth"):
        return ""
    count = not_good().exclude(state=Standing.PROBING).count()
    return str(count) if count else ""


def panel(request: HttpRequest) -> dict[str, Any]:
    """What the dashboard shows of trunks that are passed over."""
    if not request.user.has_perm("routing.view_trunkhealth"):
        return {"bad_trunks": []}
    return {
        "bad_trunks": list(not_good().order_by(_WORST_FIRST, "since")[:MOST_EVENTS]),
        "may_reset": request.user.has_perm("routing.reset_trunkhealth"),
    }
