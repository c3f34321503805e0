"""Recordings, and who listened to them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, ReadOnly, ReadOnlyInline
from apps.core.formats import clock
from apps.recordings.models import Listening, Recording
from apps.recordings.queries import may_listen


class ListeningInline(ReadOnlyInline):
    model = Listening
    fields = ["at", "username", "way", "address"]


@admin.register(Recording)
class RecordingAdmin(ReadOnly, OfficeAdmin):
    list_display = [
        "started_at", "caller_number", "called_number", "shown_length", "reason", "for_caller", "for_called", "shown_place",
    ]  # fmt: skip
    list_filter = [
        ("started_at", RangeDateTimeFilter),
        ("for_caller", AutocompleteSelectFilter),
        ("for_called", AutocompleteSelectFilter),
        "reason",
    ]
    search_fields = ["caller_number__startswith", "called_number__startswith", "call_id__exact"]
    search_help_text = _("Caller or called number from its beginning, or the whole id of a call")
    list_select_related = ["for_caller", "for_called"]
    ordering = ["-started_at", "-id"]
    inlines = [ListeningInline]
    change_form_template = "admin/recordings/recording.html"
    readonly_fields = ["call", "shown_length", "shown_sum"]
    fieldsets = [
        (
            _("Recording"),
            {"fields": [("started_at", "shown_length"), ("caller_number", "called_number"), ("call", "number"),
                        ("for_caller", "for_called"), ("reason", "asked_by"), "comment"]},
        ),
        (
            _("File"),
            {"fields": ["path", ("size", "rate"), "shown_sum", "key_id", ("backed_up_at", "backup_removed_at"), "removed_at"]},
        ),
    ]  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        extra = {"recording": self.get_object(request, object_id), "may_listen": may_listen(request.user)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | extra)

    @display(description=_("length"), ordering="seconds")
    def shown_length(self, recording: Recording) -> str:
        return clock(recording.seconds)

    @display(description=_("kept"), label={"here": "success", "backup": "warning"})
    def shown_place(self, recording: Recording) -> tuple[str, Any]:
        if recording.removed_at is None:
            return "here", _("here, and a copy") if recording.has_backup else _("here")
        return "backup", _("only the copy")

    @display(description="SHA-256")
    def shown_sum(self, recording: Recording) -> str:
        return " ".join(recording.sha256[at : at + 16] for at in range(0, 64, 16))

    @display(description=_("call"))
    def call(self, recording: Recording) -> str:
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:cdrs_cdr_change", args=[recording.call_id]),
            recording.call_id,
        )


@admin.register(Listening)
class ListeningAdmin(ReadOnly, OfficeAdmin):
    list_display = ["at", "username", "way", "call_id", "address"]
    list_filter = [("at", RangeDateTimeFilter), ("account", AutocompleteSelectFilter), "way"]
    search_fields = ["username__startswith", "call_id__exact"]
    ordering = ["-at", "-id"]
