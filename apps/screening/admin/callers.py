"""Standings of callers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.core.admin import OfficeAdmin, ServiceForm
from apps.screening import services
from apps.screening.models import CallerStanding, Good


class StandingForm(ServiceForm):
    """One caller, set by hand."""

    key = forms.CharField(
        label=_("caller"),
        max_length=90,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("A caller number, ip:192.0.2.7, user:12, trunk:12 or number_ip:301234567@192.0.2.7."),
    )

    class Meta:
        model = CallerStanding
        fields = ["key", "good", "expires_at", "by_hand"]

    def carry_out(self) -> CallerStanding:
        return services.set_standing(**self.cleaned_data)


@admin.register(CallerStanding)
class CallerStandingAdmin(OfficeAdmin):
    form = StandingForm
    list_display = ["key", "shown_good", "calls", "asr", "acd", "by_hand", "expires_at", "changed_at"]
    list_display_links = ["key"]
    list_filter = ["good", "by_hand"]
    search_fields = ["key"]
    fieldsets = [(None, {"fields": [("key", "good"), ("expires_at", "by_hand")]})]
    actions_list = ["forget_bad", "forget_all"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"good": Good.BAD, "by_hand": True, "expires_at": timezone.now() + timedelta(days=30)}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["key"] if obj is not None else []

    @display(
        description=_("standing"),
        ordering="good",
        label={0: "danger", 1: "info", 2: "success", 3: "success", 4: "success"},
    )
    def shown_good(self, row: CallerStanding) -> tuple[int, str]:
        return row.good, row.get_good_display()

    @action(
        description=_("Forget who is bad"), url_path="forget-bad", icon="lock_open", permissions=["forget"]
    )
    def forget_bad(self, request: HttpRequest) -> HttpResponse:
        return self._forget(request, only_bad=True)

    @action(description=_("Forget all"), url_path="forget-all", icon="delete_sweep", permissions=["forget"])
    def forget_all(self, request: HttpRequest) -> HttpResponse:
        return self._forget(request, only_bad=False)

    def has_forget_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("screening.delete_callerstanding"))

    def _forget(self, request: HttpRequest, *, only_bad: bool) -> HttpResponse:
        """A page that asks: what removes something is not done by following a link."""
        back = reverse("admin:screening_callerstanding_changelist")
        if request.method == "POST":
            count = services.forget_standings(only_bad=only_bad)
            messages.success(request, _("%d standings were forgotten.") % count)
            return redirect(back)
        title = (
            _("Let all be heard again who are bad") if only_bad else _("Forget what is known of all callers")
        )
        context = self.admin_site.each_context(request) | {
            "title": title, "form": forms.Form(), "opts": self.opts, "button": _("Forget"), "back": back,
        }  # fmt: skip
        return render(request, "admin/pricing/import.html", context)
