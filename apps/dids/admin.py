"""The stock of numbers, who has which, and what belongs to numbers on an account's page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from apps.core.admin import OfficeAdmin, OfficeInline, ReadOnlyInline, ServiceForm, show
from apps.dids import services
from apps.dids.fields import NumberField
from apps.dids.models import STATE_COLOURS, Contact, Did, Holding, ShortNumber, State
from apps.dids.services import files, stock
from apps.pricing.errors import ImportRefused
from apps.users.admin import AccountAdmin
from apps.users.models import Account

DETAILS = ["use", "area", "company", "carrier", "setup_fee", "monthly_fee", "currency", "comment"]


class DidForm(ServiceForm):
    """A number; its state is changed by the buttons above."""

    shared = forms.BooleanField(
        label=_("shared"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Accounts give it to contacts of theirs; no one account has it."),
    )

    class Meta:
        model = Did
        fields = ["number", *DETAILS]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "shared" in self.fields:
            self.fields["shared"].initial = self.instance.state == State.SHARED
        if self.instance.pk is None and "number" in self.fields:
            self.fields["number"] = forms.CharField(
                label=_("number"),
                max_length=32,
                widget=UnfoldAdminTextInputWidget,
                help_text=_("As in +36 21 111 2222."),
            )

    def clean_number(self) -> str:
        return stock.plain(self.cleaned_data["number"])

    def carry_out(self) -> Did:
        values = {name: self.cleaned_data[name] for name in DETAILS if name in self.cleaned_data}
        shared = self.cleaned_data.get("shared", False)
        if self.instance.pk is None:
            return services.add(number=self.cleaned_data["number"], shared=shared, **values)
        did = services.change(did=Did.objects.get(pk=self.instance.pk), **values)
        if shared and did.state != State.SHARED:
            services.share(did=did)
        elif not shared and did.state == State.SHARED:
            services.unshare(did=did)
        return did


class HoldingInline(ReadOnlyInline):
    model = Holding
    fields = ["account", "since", "until", "monthly", "setup"]
    ordering = ["-until", "-since"]


class AssignForm(forms.Form):
    """Who gets the number."""

    account = forms.CharField(label=_("User name"), max_length=64, widget=UnfoldAdminTextInputWidget)
    beside_others = forms.BooleanField(
        label=_("Beside those who have it"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Calls go to the one of them who has a phone and is not in a call."),
    )


class FileForm(forms.Form):
    """A file of numbers."""

    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("CSV with a header: %s") % ", ".join(files.COLUMNS),
    )


@admin.register(Did)
class DidAdmin(OfficeAdmin):
    form = DidForm
    list_display = [
        "shown_number",
        "shown_state",
        "use",
        "area",
        "holders",
        "company",
        "carrier",
        "monthly_fee",
        "currency",
    ]
    list_filter = ["state", "use", "area"]
    search_fields = ["number__startswith", "area", "holdings__account__username"]
    autocomplete_fields = ["company", "carrier"]
    list_select_related = ["company", "carrier"]
    inlines = [HoldingInline]
    fieldsets = [
        (None, {"fields": [("number", "shared"), ("use", "area"), ("company", "carrier")]}),
        (_("Fees"), {"fields": [("setup_fee", "monthly_fee", "currency")]}),
        (_("Notes"), {"fields": ["comment"]}),
    ]
    actions = ["export_chosen"]
    actions_list = ["import_file", "export_file"]
    actions_detail = ["assign", "release", "lock", "unlock"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Did]:
        return super().get_queryset(request).prefetch_related("holdings__account")

    def get_readonly_fields(self, request: HttpRequest, obj: Did | None = None) -> list[str]:
        return ["number"] if obj else []

    @display(description=_("number"), ordering="number")
    def shown_number(self, did: Did) -> str:
        return f"+{did.number}"

    @display(
        description=_("state"),
        ordering="state",
        label={str(state): colour for state, colour in STATE_COLOURS.items()},
    )
    def shown_state(self, did: Did) -> tuple[str, str]:
        return did.state, str(did.get_state_display())

    @display(description=_("held by"))
    def holders(self, did: Did) -> str:
        return ", ".join(one.account.username for one in did.holdings.all() if one.until is None) or "–"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What somebody has had is kept: fees name it."""
        unused = obj is None or not obj.holdings.exists()
        return unused and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Did) -> None:
        services.remove(did=obj)

    # --- buttons ----------------------------------------------------------------------------------------------------------------

    def has_turn_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("dids.change_did"))

    def has_see_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("dids.view_did"))

    def has_fill_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("dids.add_did") and request.user.has_perm("dids.change_did"))

    @action(description=_("Assign"), url_path="assign", icon="person_add", permissions=["turn"])
    def assign(self, request: HttpRequest, object_id: int) -> HttpResponse:
        did = get_object_or_404(Did, pk=object_id)
        form = AssignForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            account = Account.objects.filter(username=form.cleaned_data["account"].strip()).first()
            if account is None:
                form.add_error("account", _("There is no such account."))
            else:
                try:
                    services.assign(
                        did=did, account=account, beside_others=form.cleaned_data["beside_others"]
                    )
                except ValidationError as error:
                    show(form, error)
                else:
                    messages.success(
                        request,
                        _("%(account)s has %(number)s now.") % {"account": account.username, "number": did},
                    )
                    return redirect(_page(did))
        return self._ask(request, did, form, _("Assign %(number)s") % {"number": did}, _("Assign"))

    @action(description=_("Take back"), url_path="release", icon="undo", permissions=["turn"])
    def release(self, request: HttpRequest, object_id: int) -> HttpResponse:
        did = get_object_or_404(Did, pk=object_id)
        held = did.holdings.filter(until=None).select_related("account")
        form = forms.Form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            for holding in held:
                services.release(holding=holding)
            messages.success(request, _("Nobody has %(number)s any more.") % {"number": did})
            return redirect(_page(did))
        names = ", ".join(one.account.username for one in held) or "–"
        title = _("Take %(number)s back from %(names)s") % {"number": did, "names": names}
        return self._ask(request, did, form, title, _("Take back"))

    @action(description=_("Lock"), url_path="lock", icon="lock", permissions=["turn"])
    def lock(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._turn(request, object_id, services.lock, _("Lock"))

    @action(description=_("Free"), url_path="free", icon="lock_open", permissions=["turn"])
    def unlock(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._turn(request, object_id, services.unlock, _("Free"))

    def _turn(self, request: HttpRequest, object_id: int, turn: Any, word: Any) -> HttpResponse:
        """What changes something is not done by following a link: a page asks first."""
        did = get_object_or_404(Did, pk=object_id)
        form = forms.Form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                turn(did=did)
            except ValidationError as error:
                form.add_error(None, error.messages)
            else:
                return redirect(_page(did))
        return self._ask(request, did, form, f"{word}: {did}", word)

    def _ask(self, request: HttpRequest, did: Did, form: forms.Form, title: Any, button: Any) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": title, "form": form, "opts": self.opts, "original": did, "button": button, "back": _page(did),
        }  # fmt: skip
        return render(request, "admin/pricing/import.html", context, status=422 if form.errors else 200)

    @action(description=_("Import from file"), url_path="import-file", icon="upload", permissions=["fill"])
    def import_file(self, request: HttpRequest) -> HttpResponse:
        form = FileForm(request.POST or None, request.FILES or None)
        errors: list[tuple[int, str]] = []
        back = reverse("admin:dids_did_changelist")
        if request.method == "POST" and form.is_valid():
            try:
                done = files.import_dids(data=form.cleaned_data["file"].read(files.MOST_BYTES + 1))
            except ImportRefused as refused:
                errors = refused.errors
            else:
                counts = {"added": done.added, "changed": done.changed, "assigned": done.assigned}
                messages.success(
                    request,
                    _("%(added)d numbers entered, %(changed)d changed, %(assigned)d assigned.") % counts,
                )
                return redirect(back)
        context = self.admin_site.each_context(request) | {
            "title": _("Import numbers"), "form": form, "errors": errors[:200], "error_count": len(errors),
            "opts": self.opts, "back": back,
        }  # fmt: skip
        return render(request, "admin/pricing/import.html", context, status=422 if errors else 200)

    @action(description=_("Export as CSV"), url_path="export-file", icon="download", permissions=["see"])
    def export_file(self, request: HttpRequest) -> StreamingHttpResponse:
        return _as_file(Did.objects.all())

    @admin.action(description=_("Export as CSV"), permissions=["view"])
    def export_chosen(self, request: HttpRequest, chosen: QuerySet[Did]) -> StreamingHttpResponse:
        return _as_file(Did.objects.filter(pk__in=chosen.values("pk")))


def _page(did: Did) -> str:
    return reverse("admin:dids_did_change", args=[did.pk])


def _as_file(dids: QuerySet[Did]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(files.export_dids(dids=dids), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="numbers.csv"'
    return response


# --- on an account's page -----------------------------------------------------------------------------------------------------------


class HeldInline(ReadOnlyInline):
    model = Holding
    fields = ["did", "place", "since", "until", "monthly"]
    verbose_name_plural = _("numbers")


class ShortForm(ServiceForm):
    """By which the account is called by those beside it."""

    class Meta:
        model = ShortNumber
        fields = ["number"]

    def carry_out(self) -> ShortNumber:
        return services.set_short_number(account=self.instance.account, number=self.cleaned_data["number"])


class ShortInline(OfficeInline):
    model = ShortNumber
    form = ShortForm
    fields = ["number"]
    max_num = 1


class ContactForm(ServiceForm):
    """Somebody in the account's phone book."""

    class Meta:
        model = Contact
        fields = ["name", "username", "number", "second_number", "did"]
        field_classes = {"number": NumberField, "second_number": NumberField}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["did"].queryset = Did.objects.filter(state=State.SHARED)  # type: ignore[attr-defined]

    def carry_out(self) -> Contact:
        contact = Contact.objects.get(pk=self.instance.pk) if self.instance.pk else None
        values = {name: self.cleaned_data[name] for name in self.Meta.fields}
        return services.save_contact(account=self.instance.account, contact=contact, **values)


class ContactInline(OfficeInline):
    model = Contact
    form = ContactForm
    fields = ContactForm.Meta.fields


AccountAdmin.inlines_from_above += [HeldInline, ShortInline, ContactInline]
