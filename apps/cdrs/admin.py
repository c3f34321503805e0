"""Call records: a list of the last day unless asked for more, and one page that says all about a call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from apps.cdrs.exports import as_csv, as_html
from apps.cdrs.models import Cdr
from apps.cdrs.queries import changes_of, prices_of, ways_tried
from apps.cdrs.sound import findings
from apps.cdrs.traces import trace_of
from apps.cdrs.tracing.ladder import as_text, ladder
from apps.cdrs.tracing.messages import Message
from apps.cdrs.tracing.pcap import capture
from apps.cdrs.why import why
from apps.core.admin import OfficeAdmin, ReadOnly
from apps.core.formats import clock
from apps.signalling.queries import texts


class SpanFilter(admin.SimpleListFilter):
    """How far back the list reaches: a day unless something else is chosen, so that no list reads every partition."""

    title = _("started within")
    parameter_name = "span"
    HOURS = {"1": 1, "3": 3, "24": 24, "168": 168, "744": 744}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("1", _("an hour")),
            ("3", _("3 hours")),
            ("24", _("a day")),
            ("168", _("a week")),
            ("744", _("a month")),
        ]

    def choices(self, changelist: Any) -> Any:
        for value, title in self.lookup_choices:
            yield {
                "selected": (self.value() or "24") == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Cdr]) -> QuerySet[Cdr]:
        if any(name.startswith("started_at") for name in request.GET):
            return queryset
        hours = self.HOURS.get(self.value() or "24", 24)
        return queryset.filter(started_at__gte=timezone.now() - timedelta(hours=hours))


POOR = "3.1"
"""The MOS below which nearly all users are dissatisfied (ITU-T G.107, annex B)."""


class OutcomeFilter(admin.SimpleListFilter):
    """What became of the call (the guide's types: connected, not connected, not profitable)."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("answered", _("answered")),
            ("failed", _("not answered")),
            ("loss", _("not profitable")),
            ("silent", _("answered, media missing one way")),
            ("poor", _("answered, somebody heard badly")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Cdr]) -> QuerySet[Cdr]:
        from django.db.models import F, Q

        match self.value():
            case "answered":
                return queryset.filter(answered_at__isnull=False)
            case "failed":
                return queryset.filter(answered_at__isnull=True)
            case "loss":
                return queryset.filter(answered_at__isnull=False, retail_price__lt=F("carrier_cost"))
            case "silent":
                return queryset.filter(answered_at__isnull=False, media__in=("relay", "rtpengine")).filter(
                    Q(rtp_sent=0) | Q(rtp_received=0)
                )
            case "poor":
                return queryset.filter(Q(caller_mos__lt=POOR) | Q(called_mos__lt=POOR))
        return queryset


@admin.action(description=_("Save as CSV"), permissions=["view"])
def save_csv(model_admin: Any, request: HttpRequest, queryset: QuerySet[Cdr]) -> StreamingHttpResponse:
    return _file(as_csv(queryset), "text/csv", "calls.csv")


@admin.action(description=_("Save as HTML"), permissions=["view"])
def save_html(model_admin: Any, request: HttpRequest, queryset: QuerySet[Cdr]) -> StreamingHttpResponse:
    return _file(as_html(queryset), "text/html", "calls.html")


def _file(lines: Iterator[str], kind: str, name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@admin.register(Cdr)
class CdrAdmin(ReadOnly, OfficeAdmin):
    list_display = ["started_at", "shown_caller", "caller_number", "called_number", "destination", "shown_carrier",
                    "shown_duration", "shown_cause", "disconnector", "retail_price", "carrier_cost"]  # fmt: skip
    list_filter = [
        SpanFilter,
        OutcomeFilter,
        ("started_at", RangeDateTimeFilter),
        ("caller", AutocompleteSelectFilter),
        ("carrier", AutocompleteSelectFilter),
        "disconnector",
    ]
    search_fields = ["called_number__startswith", "caller_number__startswith", "sip_call_id__exact"]
    search_help_text = _("Called or caller number from its beginning, or a whole Call-ID")
    list_select_related = ["caller", "carrier"]
    ordering = ["-started_at"]
    actions = [save_csv, save_html]
    change_form_template = "admin/cdrs/cdr.html"
    readonly_fields = ["cause_text"]
    fieldsets = [
        (
            _("Call"),
            {"fields": [("started_at", "answered_at"), ("ended_at", "duration"), ("setup_ms", "pdd_ms"),
                        ("hangup_cause", "disconnector"), "cause_text", ("sip_status", "q850_cause"), "comment"]},
        ),
        (
            _("From"),
            {"fields": [("caller", "caller_number"), ("original_called_number", "caller_address"), "reseller"]},
        ),
        (
            _("To"),
            {"fields": [("called_number", "destination"), ("carrier", "dialled_number"),
                        ("called_account", "called_address"), "route_rule"]},
        ),
        (
            _("Prices, net"),
            {"fields": [("retail_price", "currency"), ("carrier_cost", "reseller_price"),
                        ("company_price", "sales_commission")]},
        ),
        (
            _("Media and technical"),
            {"fields": [("media", "codec"), ("rtp_sent", "rtp_received"), ("rtp_lost", "worker"),
                        ("caller_mos", "called_mos"),
                        ("sip_call_id", "world_version"), ("id", "recorded_at")]},
        ),
    ]  # fmt: skip

    def get_urls(self) -> list[Any]:
        guarded = self.admin_site.admin_view
        return [
            path("<uuid:pk>/sip/", guarded(self.sip_view), name="cdrs_cdr_sip"),
            path("<uuid:pk>/sip.pcap", guarded(self.capture_view), name="cdrs_cdr_capture"),
            path("<uuid:pk>/sip.txt", guarded(self.text_view), name="cdrs_cdr_text"),
            *super().get_urls(),
        ]

    def _messages(self, request: HttpRequest, pk: UUID) -> tuple[Cdr, list[Message] | None]:
        if not request.user.has_perm("cdrs.view_siptrace"):
            raise PermissionDenied
        cdr = get_object_or_404(Cdr, pk=pk)
        return cdr, trace_of(cdr, request.user)

    def sip_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The call's messages as a ladder: a picture, and each message in full below."""
        cdr, messages = self._messages(request, pk)
        context = self.admin_site.each_context(request) | {
            "title": _("SIP messages of %s") % cdr,
            "cdr": cdr,
            "ladder": ladder(messages) if messages else None,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/cdrs/sip.html", context)

    def capture_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The same as a file for Wireshark."""
        cdr, messages = self._messages(request, pk)
        return _download(cdr, capture(messages) if messages else None, "pcap", "application/vnd.tcpdump.pcap")

    def text_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The same as text."""
        cdr, messages = self._messages(request, pk)
        text = as_text(ladder(messages)).encode() if messages else None
        return _download(cdr, text, "txt", "text/plain; charset=utf-8")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        cdr = self.get_object(request, object_id)
        extra = {}
        if cdr:
            extra = {
                "prices": [(price, why(cdr, price)) for price in prices_of(cdr)],
                "changes": changes_of(cdr),
                "tried": ways_tried(cdr),
                "sides": _sides(cdr),
                "findings": findings(cdr),
                "cdr": cdr,
            }
        return super().change_view(request, object_id, form_url, (extra_context or {}) | extra)

    @display(description=_("caller"), ordering="caller__username")
    def shown_caller(self, cdr: Cdr) -> str:
        return cdr.caller.username if cdr.caller else "—"

    @display(description=_("carrier"), ordering="carrier__username")
    def shown_carrier(self, cdr: Cdr) -> str:
        return cdr.carrier.username if cdr.carrier else "—"

    @display(description=_("duration"), ordering="duration")
    def shown_duration(self, cdr: Cdr) -> str:
        return clock(cdr.duration) if cdr.answered_at else "—"

    @display(description=_("why it ended"))
    def cause_text(self, cdr: Cdr) -> str:
        return texts().get(cdr.hangup_cause, "—")

    @display(description=_("cause"), ordering="hangup_cause", label={"normal": "success", "failed": "danger"})
    def shown_cause(self, cdr: Cdr) -> tuple[str, str]:
        return ("normal" if cdr.answered_at else "failed"), cdr.hangup_cause


def _download(cdr: Cdr, content: bytes | None, ending: str, kind: str) -> HttpResponse:
    if content is None:
        raise Http404
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{cdr.id}.{ending}"'
    return response


def _sides(cdr: Cdr) -> list[dict[str, Any]]:
    """What is known of the sound of each party, for the page."""
    quality = cdr.quality or {}
    named = (("caller", _("caller"), cdr.caller_mos), ("called", _("called"), cdr.called_mos))
    return [{"name": name, "mos": mos, **quality[key]} for key, name, mos in named if key in quality]
