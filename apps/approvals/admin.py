"""What waits for a second person, and what was decided: the trail of four eyes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from apps.approvals import services
from apps.approvals.models import Approval, State
from apps.core.admin import OfficeAdmin, ReadOnly

_VERBS = {"approve": services.approve, "reject": services.reject}


@admin.register(Approval)
class ApprovalAdmin(ReadOnly, OfficeAdmin):
    list_display = [
        "title",
        "amount",
        "currency",
        "shown_state",
        "asked_by",
        "asked_at",
        "decided_by",
        "decided_at",
    ]
    list_filter = ["state", "kind", ("asked_at", RangeDateTimeFilter)]
    list_select_related = ["asked_by", "decided_by"]
    search_fields = ["title", "asked_by__username"]
    readonly_fields = ["kind", "title", "amount", "currency", "state", "asked_by", "asked_at", "decided_by",
                       "decided_at", "comment"]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["title", ("amount", "currency"), ("state", "kind"), ("asked_by", "asked_at"),
                           ("decided_by", "decided_at"), "comment"]}),
    ]  # fmt: skip
    change_form_template = "admin/approvals/approval.html"

    @display(description=gettext_lazy("state"), ordering="state",
             label={State.WAITING: "warning", State.APPROVED: "success", State.REJECTED: "danger"})  # fmt: skip
    def shown_state(self, approval: Approval) -> tuple[str, str]:
        return approval.state, approval.get_state_display()

    def get_urls(self) -> list[Any]:
        decide = self.admin_site.admin_view(self.decide)
        return [path(f"<int:object_id>/{what}/", decide, {"what": what}, name=f"approvals_approval_{what}") for what in _VERBS] + super().get_urls()  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        approval = Approval.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        waits = approval is not None and approval.state == State.WAITING
        may = waits and request.user.has_perm("approvals.decide_approval")
        own = approval is not None and approval.asked_by_id == request.user.pk
        return super().change_view(request, object_id, form_url, {"may_decide": may, "is_own": own})

    def decide(self, request: HttpRequest, object_id: int, what: str) -> HttpResponse:
        """One of the two buttons."""
        if not request.user.has_perm("approvals.decide_approval"):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponse(status=405, headers={"Allow": "POST"})
        approval = get_object_or_404(Approval, pk=object_id)
        try:
            done = _VERBS[what](approval=approval, by=request.user, comment=request.POST.get("comment", ""))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            text = _("%(what)s: %(state)s.") % {"what": done.title, "state": done.get_state_display()}
            self.log_change(request, done, text)
            messages.success(request, text)
        return redirect(reverse("admin:approvals_approval_change", args=[object_id]))
