"""Re-ratings in the admin: asked for, watched while they are reckoned, looked at, applied or given up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from apps.cdrs.models import RerateState, Rerating
from apps.core.admin import OfficeAdmin, ReadOnly, ServiceForm, right
from apps.invoices.services import rerating
from apps.invoices.services.rerating.differences import by_account, by_destination, totals
from apps.users.choices import CALLERS, Kind
from apps.users.models import Account

AT_WORK = (RerateState.WAITING, RerateState.RECKONING, RerateState.APPLYING)
ENOUGH = 286
"""The status by which htmx asks no more."""


class AskForm(ServiceForm):
    """Which calls, and why, as `rerating.ask` takes it."""

    caller_kind = forms.ChoiceField(
        label=_("Kind of caller"),
        required=False,
        choices=[("", _("any")), *((kind.value, kind.label) for kind in map(Kind, CALLERS))],
        widget=UnfoldAdminSelectWidget,
    )
    calls = forms.CharField(
        label=_("Calls"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("Ids of calls, with spaces or in lines; then the time above does not matter."),
    )

    class Meta:
        model = Rerating
        fields = ["since", "until", "account", "tariff", "reason"]

    by: Account

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["since"].required = self.fields["until"].required = False

    def carry_out(self) -> Rerating:
        fields = self.cleaned_data | {"calls": self.cleaned_data["calls"].replace(",", " ").split()}
        try:
            return rerating.ask(by=self.by, **fields)
        except rerating.CannotRerate as error:
            raise ValidationError(str(error)) from error


@admin.register(Rerating)
class ReratingAdmin(ReadOnly, OfficeAdmin):
    """What changes is shown before it changes; what was changed stays here."""

    list_display = [
        "id",
        "created_at",
        "reason",
        "shown_state",
        "looked_at",
        "without_price",
        "created_by",
        "applied_at",
    ]
    list_display_links = ["id", "reason"]
    list_filter = ["state"]
    list_select_related = ["created_by"]
    search_fields = ["reason"]
    autocomplete_fields = ["account", "tariff"]
    change_form_template = "admin/invoices/rerating.html"
    actions_detail = ["apply_page", "give_up"]
    fieldsets = [
        (None, {"fields": [("reason", "state"), ("since", "until"), ("account", "caller_kind"), "tariff", "error",
                           ("created_by", "created_at"), ("applied_by", "applied_at"), ("applied_until", "overtaken"), "moves_balances"]}),
    ]  # fmt: skip

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("cdrs.add_rerating"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        form = super().get_form(request, obj, change, **kwargs | {"form": AskForm})
        form.by = request.user
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        asked = ["reason", "since", "until", ("account", "caller_kind"), "tariff", "calls"]
        return self.fieldsets if obj else [(None, {"fields": asked})]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        run = self.get_object(request, object_id)
        extra = _shown(run) if run else {}
        if run and request.htmx and self.has_view_permission(request, run):
            status = 200 if extra["at_work"] else ENOUGH
            return render(request, "admin/invoices/rerating_differences.html", extra, status=status)
        return super().change_view(request, object_id, form_url, (extra_context or {}) | extra)

    has_apply_permission = right("cdrs.apply_rerating")
    has_give_up_permission = right("cdrs.add_rerating")

    @action(description=_("Apply"), url_path="apply", icon="check", permissions=["apply"])
    def apply_page(self, request: HttpRequest, object_id: int) -> HttpResponse:
        run = get_object_or_404(Rerating, pk=object_id)
        if request.method != "POST":  # prices are changed by a button, never by a link
            return self._ask_again(request, run, "apply", _("Apply %(run)s") % {"run": run})
        try:
            run = rerating.apply(
                run=run, by=request.user, move_balances=bool(request.POST.get("balances")), wait=False
            )
        except rerating.CannotRerate as error:
            messages.error(request, str(error))
        else:
            _tell(request, run)
        return redirect(reverse("admin:cdrs_rerating_change", args=[object_id]))

    @action(description=_("Give up"), url_path="give-up", icon="close", permissions=["give_up"])
    def give_up(self, request: HttpRequest, object_id: int) -> HttpResponse:
        run = get_object_or_404(Rerating, pk=object_id)
        if request.method != "POST":
            return self._ask_again(request, run, "give_up", _("Give up %(run)s") % {"run": run})
        try:
            rerating.cancel(run=run, by=request.user)
        except rerating.CannotRerate as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("It is given up; no price has changed."))
        return redirect(reverse("admin:cdrs_rerating_change", args=[object_id]))

    def _ask_again(self, request: HttpRequest, run: Rerating, what: str, title: str) -> HttpResponse:
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "title": title,
            "opts": self.opts,
            "original": run,
            "what": what,
            "totals": totals(run),
        }
        return render(request, "admin/invoices/rerating_confirm.html", context)

    @display(
        description=_("state"),
        ordering="state",
        label={
            RerateState.READY: "warning",
            RerateState.APPLIED: "success",
            RerateState.FAILED: "danger",
            RerateState.RECKONING: "info",
            RerateState.APPLYING: "info",
        },
    )
    def shown_state(self, run: Rerating) -> tuple[str, str]:
        return run.state, run.get_state_display()


def _tell(request: HttpRequest, run: Rerating) -> None:
    if run.state == RerateState.APPLIED:
        messages.success(request, _("The prices are changed."))
    else:
        messages.info(
            request, _("The prices are being changed in the background; this page shows how far it is.")
        )


def _part(run: Rerating, until: datetime | None) -> int:
    """How much of the run's time that is, per cent."""
    return round(100 * (until - run.since) / (run.until - run.since)) if until else 0


def _shown(run: Rerating) -> dict[str, Any]:
    """What the page has beside the fields: how far it is, and, once nothing is at it, what changes."""
    at_work = run.state in AT_WORK
    return {
        "run": run,
        "at_work": at_work,
        "percent": _part(run, run.done_until),
        "in_force": _part(run, run.applied_until),
        "problems": run.problems.items(),
        "sums": ()
        if at_work
        else (
            (_("In all"), totals(run)),
            (_("By payer"), by_account(run)),
            (_("By destination"), by_destination(run)),
        ),
    }
