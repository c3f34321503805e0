"""The form of the page "Where would this call go?"."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.routing.simulation import Question
from apps.users.models import Account

INPUT = {"class": "office-input"}
HIGHEST_PORT = 65535


class WhereForm(forms.Form):
    """A call: who makes it, or where it comes from; which number; when."""

    caller = forms.CharField(
        label=_("Calling account"),
        required=False,
        max_length=64,
        help_text=_("User name or caller number."),
        widget=forms.TextInput(attrs=INPUT),
    )
    address = forms.CharField(
        label=_("or the address it comes from"),
        required=False,
        max_length=64,
        help_text=_("192.0.2.7 or 192.0.2.7:5060"),
        widget=forms.TextInput(attrs=INPUT),
    )
    caller_number = forms.CharField(
        label=_("Caller number in From"), required=False, max_length=64, widget=forms.TextInput(attrs=INPUT)
    )
    called = forms.CharField(
        label=_("Number as dialled"),
        max_length=64,
        widget=forms.TextInput(attrs=INPUT | {"inputmode": "tel"}),
    )
    at = forms.DateTimeField(
        label=_("When"),
        required=False,
        help_text=_("Empty: now. In UTC."),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs=INPUT | {"type": "datetime-local"}),
    )

    def clean_caller(self) -> Account | None:
        said = self.cleaned_data["caller"].strip()
        if not said:
            return None
        found = Account.objects.filter(username=said).first()
        found = (
            found or Account.objects.filter(caller_number__in=(said, f"+{said.removeprefix('+')}")).first()
        )
        if found is None:
            raise forms.ValidationError(_("There is no such account."))
        return found

    def clean_address(self) -> str:
        said = self.cleaned_data["address"].strip()
        if not said:
            return ""
        host, colon, port = (
            said.rpartition(":") if said.count(":") in (0, 1) or "]" in said else (said, "", "")
        )
        host, port = (host, port) if colon else (said, "0")
        try:
            ip_address(host.strip("[]"))
            fits = port.isascii() and port.isdigit() and int(port) <= HIGHEST_PORT
        except ValueError:
            fits = False
        if not fits:
            raise forms.ValidationError(_("Expected is an address such as 192.0.2.7 or 192.0.2.7:5060."))
        return f"{host}:{port}"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and not data.get("caller") and not data.get("address"):
            raise forms.ValidationError(_("Say which account calls, or from which address."))
        return data

    def question(self) -> Question:
        data = self.cleaned_data
        return Question(
            called=data["called"].strip(),
            account=data["caller"],
            caller_number=data["caller_number"].strip(),
            address=data["address"],
            at=data["at"],
        )
