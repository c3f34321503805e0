"""Lists of called numbers: by hand, from files, and what statistics have found."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from apps.core.admin import OfficeAdmin, ServiceForm
from apps.screening import services
from apps.screening.models import Book, Level, ScreenedNumber
from apps.users.models import Account


class NumberForm(ServiceForm):
    """One entry."""

    number = forms.CharField(
        label=_("number"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Whole, or how it begins; country code first. +, 00, spaces and hyphens are taken off."),
    )

    class Meta:
        model = ScreenedNumber
        fields = ["book", "number", "account", "level", "expires_at", "enabled", "reason"]

    def clean_number(self) -> str:
        return services.digits_of(self.cleaned_data["number"])

    def carry_out(self) -> ScreenedNumber:
        fields = {name: self.cleaned_data[name] for name in self.changed_data}
        if not self.instance.pk:
            return services.list_number(**self.cleaned_data)
        return services.change_number(listed=ScreenedNumber.objects.get(pk=self.instance.pk), **fields)


class ImportForm(forms.Form):
    """A file of numbers."""

    file = forms.FileField(
        label=_("file"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("CSV: number, then, if wanted, level, reason and the day until which it holds."),
    )
    book = forms.ChoiceField(
        label=_("list"),
        widget=UnfoldAdminSelectWidget,
        choices=[(one.value, one.label) for one in (Book.BLACK, Book.WHITE)],
    )
    level = forms.TypedChoiceField(
        label=_("level"),
        widget=UnfoldAdminSelectWidget,
        coerce=int,
        choices=Level.choices,
        initial=Level.ALWAYS,
        help_text=_("Of lines that name none."),
    )
    account = forms.CharField(
        label=_("account"),
        required=False,
        help_text=_("User name of the account whose calls it is about; empty: everybody's."),
        widget=UnfoldAdminTextInputWidget,
    )
    replace = forms.BooleanField(
        label=_("take off what the file does not have"), required=False, widget=UnfoldBooleanSwitchWidget
    )

    def clean_account(self) -> Account | None:
        name = self.cleaned_data["account"].strip()
        if not name:
            return None
        found = Account.objects.filter(username=name).first()
        if found is None:
            raise forms.ValidationError(_("There is no account with this user name."))
        return found


@admin.register(ScreenedNumber)
class ScreenedNumberAdmin(OfficeAdmin):
    form = NumberForm
    list_display = [
        "number",
        "shown_book",
        "shown_level",
        "shown_account",
        "reason",
        "expires_at",
        "enabled",
        "changed_at",
    ]
    list_display_links = ["number"]
    list_filter = ["book", "level", "enabled", "found_by"]
    search_fields = ["number__startswith", "reason", "account__username"]
    autocomplete_fields = ["account"]
    list_select_related = ["account"]
    fieldsets = [
        (_("Which calls"), {"fields": [("book", "number"), "account"]}),
        (_("How it holds"), {"fields": [("level", "enabled"), ("expires_at", "reason")]}),
    ]
    actions = ["trust_less", "take_off"]
    actions_list = ["import_file"]

    @display(description=_("account"), ordering="account__username")
    def shown_account(self, listed: ScreenedNumber) -> str:
        return listed.account.username if listed.account else str(_("everybody"))

    @display(
        description=_("list"),
        ordering="book",
        label={Book.BLACK: "danger", Book.WHITE: "success", Book.AUTOMATIC: "warning"},
    )
    def shown_book(self, listed: ScreenedNumber) -> tuple[str, str]:
        return listed.book, listed.get_book_display()

    @display(description=_("level"), ordering="level")
    def shown_level(self, listed: ScreenedNumber) -> str:
        return listed.get_level_display()

    @admin.action(description=_("Lower the level to 0 (probably good)"), permissions=["change"])
    def trust_less(self, request: HttpRequest, queryset: QuerySet[ScreenedNumber]) -> None:
        """Numbers that are good after all stay known, and stop fewer calls."""
        for listed in queryset:
            services.change_number(listed=listed, level=Level.PROBABLY_GOOD)
        self._told(request, queryset.count())

    @admin.action(description=_("Take off the list"), permissions=["delete"])
    def take_off(self, request: HttpRequest, queryset: QuerySet[ScreenedNumber]) -> None:
        count = queryset.count()
        for listed in queryset:
            services.unlist_number(listed=listed)
        self._told(request, count)

    def _told(self, request: HttpRequest, count: int) -> None:
        messages.success(
            request, ngettext("%d number was changed.", "%d numbers were changed.", count) % count
        )

    @action(description=_("Import from file"), url_path="import", icon="upload", permissions=["import_file"])
    def import_file(self, request: HttpRequest) -> HttpResponse:
        form = ImportForm(request.POST or None, request.FILES or None)
        errors: list[tuple[int, str]] = []
        if request.method == "POST" and form.is_valid():
            values = form.cleaned_data
            if values["replace"] and not request.user.has_perm("screening.delete_screenednumber"):
                raise PermissionDenied
            try:
                done = services.import_numbers(
                    book=values["book"],
                    stream=values["file"],
                    account=values["account"],
                    level=values["level"],
                    replace=values["replace"],
                )
            except services.ImportRefused as refused:
                errors = refused.errors
            else:
                counts = {"lines": done.lines, "removed": done.removed}
                messages.success(
                    request, _("%(lines)d numbers were taken, %(removed)d were taken off.") % counts
                )
                return redirect(reverse("admin:screening_screenednumber_changelist"))
        context = self.admin_site.each_context(request) | {
            "title": _("Import numbers"),
            "form": form,
            "errors": errors[:200],
            "error_count": len(errors),
            "opts": self.opts,
            "back": reverse("admin:screening_screenednumber_changelist"),
        }
        status = 422 if errors or form.errors else 200
        return render(request, "admin/pricing/import.html", context, status=status)

    def has_import_file_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(
            request.user.has_perm("screening.add_screenednumber")
            and request.user.has_perm("screening.change_screenednumber")
        )
