"""Payments are entered, invoices issued; the ledger and what was issued can only be read."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from apps.approvals.models import Approval
from apps.core.admin import OfficeAdmin, ReadOnly, ReadOnlyInline, ServiceForm, right
from apps.invoices.models import Invoice, InvoiceLine, LedgerEntry, Payment
from apps.invoices.services import issuing, payments, several
from apps.users.choices import CALLERS, Kind
from apps.users.models import Account

SANE_DAYS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2099, 12, 31))]


@admin.register(LedgerEntry)
class LedgerAdmin(ReadOnly, OfficeAdmin):
    list_display = ["created_at", "account", "kind", "amount", "currency", "text", "call_id"]
    list_filter = ["kind", ("account", AutocompleteSelectFilter), ("created_at", RangeDateTimeFilter)]
    list_select_related = ["account"]
    search_fields = ["account__username", "call_id"]


class PaymentForm(ServiceForm):
    """Money in, as `payments.enter` takes it."""

    class Meta:
        model = Payment
        fields = ["account", "amount", "method", "reference"]

    elapses = forms.NullBooleanField(
        label=_("the balance expires"),
        required=False,
        widget=UnfoldAdminSelectWidget(
            choices=[("", _("as the settings say")), ("true", _("yes")), ("false", _("no"))]
        ),
        help_text=_("A day for each creditelapseunit that is paid in, at most maxcreditelapseday days."),
    )
    by: Account

    def carry_out(self) -> Payment | Approval:
        """The payment; above the limit of four eyes the request for it."""
        data = self.cleaned_data
        if payments.needs_second_person(account=data["account"], amount=data["amount"]):
            return payments.ask_for(**data, by=self.by)
        return payments.enter(**data, by=self.by)


@admin.register(Payment)
class PaymentAdmin(OfficeAdmin):
    """Money in. A payment is never changed: a wrong one is taken back by a negative one."""

    list_display = ["created_at", "account", "amount", "currency", "method", "reference", "entered_by"]
    list_filter = ["method", ("account", AutocompleteSelectFilter), ("created_at", RangeDateTimeFilter)]
    list_select_related = ["account", "entered_by"]
    search_fields = ["account__username", "reference"]
    autocomplete_fields = ["account"]
    form = PaymentForm
    fields = ["account", ("amount", "method"), "reference", "elapses"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.by = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Payment, form: Any, change: bool) -> None:
        made = form.carry_out()
        if isinstance(made, Approval):
            obj.waits_as = made
        else:
            obj.pk = made.pk
            obj._state.adding = False
            obj.refresh_from_db()

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The history of what was asked for is the request's."""
        return super().log_addition(request, getattr(obj, "waits_as", obj), message)

    def response_add(self, request: HttpRequest, obj: Payment, post_url_continue: Any = None) -> HttpResponse:
        waiting = getattr(obj, "waits_as", None)
        if waiting is None:
            return super().response_add(request, obj, post_url_continue)
        messages.warning(request, _("The payment waits for a second person; nothing was entered yet."))
        if request.user.has_perm("approvals.view_approval"):
            return redirect("admin:approvals_approval_change", waiting.pk)
        return redirect("admin:invoices_payment_changelist")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LineInline(ReadOnlyInline):
    model = InvoiceLine
    fields = ["position", "text", "calls", "seconds", "net", "vat_rate"]


class IssueForm(ServiceForm):
    """Which account is invoiced for which days of its own time zone, as `issuing.issue` takes it."""

    first_day = forms.DateField(label=_("First day"), widget=UnfoldAdminDateWidget, validators=SANE_DAYS)
    last_day = forms.DateField(
        label=_("Last day"),
        widget=UnfoldAdminDateWidget,
        validators=SANE_DAYS,
        help_text=_("Included; it must be over in the account's time zone."),
    )

    class Meta:
        model = Invoice
        fields = ["account"]

    by: Account

    def carry_out(self) -> Invoice:
        account = self.cleaned_data["account"]
        start, end = (
            datetime.combine(day, time.min, ZoneInfo(account.time_zone))
            for day in (self.cleaned_data["first_day"], self.cleaned_data["last_day"] + timedelta(days=1))
        )
        try:
            return issuing.issue(account=account, period_start=start, period_end=end, by=self.by)
        except issuing.CannotIssue as error:
            raise ValidationError(str(error)) from error


class SeveralForm(forms.Form):
    """Whom to invoice, and for which days."""

    root = forms.ModelChoiceField(
        Account.objects.filter(kind__in=(Kind.RESELLER, Kind.OWNER)).order_by("username"),
        label=_("Below"),
        required=False,
        empty_label=_("everybody"),
        widget=UnfoldAdminSelectWidget,
    )
    direct = forms.BooleanField(
        label=_("Only the level directly below"), required=False, widget=UnfoldBooleanSwitchWidget
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=[("", _("any")), *((one.value, one.label) for one in CALLERS if one != Kind.EXTENSION)],
        widget=UnfoldAdminSelectWidget,
    )
    first_day = forms.DateField(label=_("First day"), widget=UnfoldAdminDateWidget, validators=SANE_DAYS)
    last_day = forms.DateField(label=_("Last day"), widget=UnfoldAdminDateWidget, validators=SANE_DAYS)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("first_day") and data.get("last_day") and data["first_day"] > data["last_day"]:
            raise ValidationError(_("The first day is after the last."))
        found = several.billable(
            root=data.get("root"), kind=data.get("kind", ""), direct=data.get("direct", False)
        )
        self.accounts = list(found[: several.MOST + 1])
        if len(self.accounts) > several.MOST:
            raise ValidationError(
                _("These are more than %(most)d accounts: choose fewer, or leave them to the monthly run.")
                % {"most": several.MOST}
            )
        return data


@admin.register(Invoice)
class InvoiceAdmin(ReadOnly, OfficeAdmin):
    """Documents are issued, read and taken back; what was issued never changes."""

    list_display = ["number", "document_type", "account", "period", "gross", "currency", "issued_at", "due_on",
                    "mailed_at", "pdf_link"]  # fmt: skip
    list_filter = [
        "document_type",
        "year",
        ("account", AutocompleteSelectFilter),
        ("issued_at", RangeDateTimeFilter),
    ]
    list_select_related = ["account"]
    search_fields = ["number", "account__username", "customer_name"]
    inlines = [LineInline]
    autocomplete_fields = ["account"]
    actions_detail = ["open_pdf", "take_back"]
    actions_list = ["issue_several"]
    fieldsets = [
        (None, {"fields": [("number", "document_type"), ("account", "issuer"), ("period_start", "period_end"),
                           ("issued_at", "due_on"), ("mailed_at", "refers_to")]}),
        (_("Customer"), {"fields": ["customer_name", "customer_address", "customer_vat_number", "customer_email"]}),
        (_("Total"), {"fields": [("net", "vat"), ("gross", "currency"), "rounding"]}),
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("pdf")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("invoices.add_invoice"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        form = super().get_form(request, obj, change, **kwargs | {"form": IssueForm})
        form.by = request.user
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else [(None, {"fields": ["account", ("first_day", "last_day")]})]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Last month, unless the link says otherwise."""
        last = timezone.localdate().replace(day=1) - timedelta(days=1)
        return {"first_day": last.replace(day=1), "last_day": last} | super().get_changeform_initial_data(
            request
        )

    @display(description=_("period"))
    def period(self, invoice: Invoice) -> str:
        return f"{invoice.period_start:%Y-%m-%d} – {invoice.period_end:%Y-%m-%d}"

    @display(description="PDF")
    def pdf_link(self, invoice: Invoice) -> str:
        return format_html('<a href="{}">PDF</a>', reverse("invoice_pdf", args=[invoice.pk]))

    has_credit_permission = right("invoices.add_invoice")

    @action(
        description=_("Invoice several accounts"),
        url_path="several",
        icon="library_add",
        permissions=["credit"],
    )
    def issue_several(self, request: HttpRequest) -> HttpResponse:
        """Many accounts for the same days, and what became of each."""
        last = timezone.localdate().replace(day=1) - timedelta(days=1)
        form = SeveralForm(request.POST or None, initial={"first_day": last.replace(day=1), "last_day": last})
        outcome = None
        if request.method == "POST" and form.is_valid():
            days = {name: form.cleaned_data[name] for name in ("first_day", "last_day")}
            outcome = several.issue_several(accounts=form.accounts, by=request.user, **days)
            for invoice in outcome.issued:
                self.log_addition(request, invoice, str(_("Issued with others")))
        context = self.admin_site.each_context(request) | {
            "title": _("Invoice several accounts"),
            "form": form,
            "outcome": outcome,
            "opts": self.opts,
        }
        return render(request, "admin/invoices/several.html", context)

    @action(description="PDF", url_path="pdf", icon="picture_as_pdf", permissions=["view"])
    def open_pdf(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("invoice_pdf", object_id)

    @action(
        description=_("Issue a credit note"),
        url_path="credit",
        icon="undo",
        permissions=["credit"],
    )
    def take_back(self, request: HttpRequest, object_id: int) -> HttpResponse:
        invoice = get_object_or_404(Invoice.objects.defer("pdf"), pk=object_id)
        if request.method != "POST":  # a document is issued by a button, never by a link
            context = self.admin_site.each_context(request) | {
                "title": _("Take back %(number)s") % {"number": invoice.number},
                "opts": self.opts,
                "original": invoice,
            }
            return render(request, "admin/invoices/credit.html", context)
        try:
            note = issuing.credit(invoice=invoice, by=request.user)
        except issuing.CannotIssue as error:
            messages.error(request, str(error))
            return redirect(reverse("admin:invoices_invoice_change", args=[object_id]))
        messages.success(request, _("Credit note %s was issued.") % note.number)
        return redirect(reverse("admin:invoices_invoice_change", args=[note.pk]))


from apps.invoices import rerating_admin  # noqa: E402, F401 - registers its page
