"""Price lists of carriers: the list of them; the pages of one are in `views`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from apps.core.admin import OfficeAdmin
from apps.pricelists import route_admin, views
from apps.pricelists.models import ChangeKind, ChangeSet, State

__all__ = ["ChangeSetAdmin", "route_admin"]

_COLOURS = {
    State.APPLIED: "success", State.READY: "info", State.REFUSED: "danger", State.WAITING: "warning",
    State.STAGING: "info",
}  # fmt: skip


@admin.register(ChangeSet)
class ChangeSetAdmin(OfficeAdmin):
    list_display = [
        "file_name",
        "tariff",
        "shown_state",
        "changes",
        "begins",
        "created_at",
        "created_by",
        "applied_at",
    ]
    list_filter = ["state", "tariff", ("created_at", RangeDateTimeFilter)]
    list_select_related = ["tariff", "created_by"]
    search_fields = ["file_name", "tariff__name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeSet]:
        return super().get_queryset(request).defer("data", "errors", "head", "replay")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what was applied stays on record; what was not is discarded

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:object_id>/columns/", wrap(views.columns), name="pricelists_changeset_columns"),
            *(
                path(
                    f"<int:object_id>/{what}/",
                    wrap(views.act),
                    {"what": what},
                    name=f"pricelists_changeset_{what}",
                )
                for what in views.ACTIONS
            ),
        ]
        for kind in ("csv", "xlsx"):
            own += [
                path(f"<int:object_id>/changes.{kind}", wrap(views.export_changes), {"kind": kind}, name=f"pricelists_changeset_{kind}"),
                path(f"tariff/<int:tariff_id>/rates.{kind}", wrap(views.export_rates), {"kind": kind}, name=f"pricelists_rates_{kind}"),
            ]  # fmt: skip
        return own + super().get_urls()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return views.upload(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return views.show_list(request, object_id)

    @display(description=_("state"), ordering="state", label=_COLOURS)
    def shown_state(self, found: ChangeSet) -> tuple[str, str]:
        return found.state, found.get_state_display()

    @display(description=_("changes"))
    def changes(self, found: ChangeSet) -> str:
        counts = ((one, found.summary.get(one.value, 0)) for one in ChangeKind if one != ChangeKind.UNCHANGED)
        return ", ".join(f"{count} {one.label}" for one, count in counts if count) or "—"
