"""Batches of vouchers are opened, printed once and cancelled; single vouchers can only be looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from apps.core.admin import OfficeAdmin, ReadOnly, ServiceForm, right
from apps.users.models import Account
from apps.vouchers import services
from apps.vouchers.models import Batch, State, Voucher
from apps.vouchers.printing import response
from apps.vouchers.queries import with_counts


class BatchForm(ServiceForm):
    """A new batch."""

    class Meta:
        model = Batch
        fields = ["name", "issuer", "value", "count", "valid_until"]

    by: Account

    def carry_out(self) -> Batch:
        return services.open_batch(by=self.by, **self.cleaned_data)


@admin.register(Batch)
class BatchAdmin(OfficeAdmin):
    """A batch is never changed: a wrong one is cancelled."""

    form = BatchForm
    list_display = ["name", "issuer", "value", "currency", "count", "state", "open_count", "redeemed_count", "cancelled_count",
                    "valid_until", "created_at"]  # fmt: skip
    list_filter = [("issuer", AutocompleteSelectFilter), "currency", "paid"]
    list_select_related = ["issuer"]
    search_fields = ["name", "issuer__username"]
    autocomplete_fields = ["issuer"]
    actions_detail = ["print_csv", "print_pdf", "cancel"]
    fields = ["name", ("value", "currency"), ("count", "valid_until"), ("issuer", "paid"), ("released", "printed_at"),
              ("cancelled_at", "created_at"), "created_by"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        return with_counts(super().get_queryset(request))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.by = request.user
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ["name", "issuer", ("value", "count"), "valid_until"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(
        description=_("state"),
        label={"waiting": "warning", "new": "info", "printed": "success", "cancelled": "danger"},
    )
    def state(self, batch: Batch) -> tuple[str, Any]:
        if batch.cancelled_at:
            return "cancelled", _("cancelled")
        if not batch.released:
            return "waiting", _("waits for a second person")
        return ("printed", _("printed")) if batch.printed_at else ("new", _("not printed yet"))

    @display(description=State.OPEN.label)
    def open_count(self, batch: Any) -> int:
        return batch.open_count

    @display(description=State.REDEEMED.label)
    def redeemed_count(self, batch: Any) -> int:
        return batch.redeemed_count

    @display(description=State.CANCELLED.label)
    def cancelled_count(self, batch: Any) -> int:
        return batch.cancelled_count

    has_issue_permission = right("vouchers.add_batch")

    @action(description=_("Print the codes, as CSV"), url_path="csv", icon="download", permissions=["issue"])
    def print_csv(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask_or(request, object_id, _("Print the codes, once"), self._print("csv"))

    @action(description=_("Print the codes, as PDF"), url_path="pdf", icon="print", permissions=["issue"])
    def print_pdf(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask_or(request, object_id, _("Print the codes, once"), self._print("pdf"))

    @action(description=_("Cancel"), url_path="cancel", icon="block", permissions=["issue"])
    def cancel(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask_or(request, object_id, _("Cancel what is left of the batch"), self._cancel)

    def _ask_or(self, request: HttpRequest, object_id: int, title: Any, carry_out: Any) -> HttpResponse:
        """A page with a button; what cannot be taken back is not done by following a link."""
        batch = get_object_or_404(Batch, pk=object_id)
        back = reverse("admin:vouchers_batch_change", args=[object_id])
        if request.method != "POST":
            context = self.admin_site.each_context(request) | {
                "title": title,
                "opts": self.opts,
                "original": batch,
                "back": back,
            }
            return render(request, "admin/vouchers/confirm.html", context)
        try:
            return carry_out(request, batch) or redirect(back)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect(back)

    def _print(self, form: str) -> Any:
        def carry_out(request: HttpRequest, batch: Batch) -> HttpResponse:
            codes = services.print_codes(batch=batch, by=request.user)
            self.log_change(request, batch, str(_("Codes printed")))
            return response(batch, codes, form)

        return carry_out

    def _cancel(self, request: HttpRequest, batch: Batch) -> None:
        gone = services.cancel(batch=batch, by=request.user)
        self.log_change(request, batch, str(_("Cancelled")))
        messages.success(request, _("%(count)d vouchers are worth nothing any more.") % {"count": gone})


@admin.register(Voucher)
class VoucherAdmin(ReadOnly, OfficeAdmin):
    """Single vouchers by their serial numbers; codes are nowhere to be seen."""

    list_display = ["__str__", "batch", "state", "redeemed_by", "changed_at"]
    list_filter = ["state", ("batch", AutocompleteSelectFilter)]
    list_select_related = ["batch", "payment__account"]
    search_fields = ["batch__name", "payment__account__username", "serial__exact"]

    @display(description=_("redeemed by"))
    def redeemed_by(self, voucher: Voucher) -> str:
        return voucher.payment.account.username if voucher.payment else ""
