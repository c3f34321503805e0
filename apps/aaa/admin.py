"""RADIUS servers, and the ends of calls that none of them has confirmed yet."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from apps.aaa.models import AccountingStop, RadiusServer
from apps.aaa.services import FIELDS, set_server
from apps.core.admin import OfficeAdmin, ReadOnly, ServiceForm


class ServerForm(ServiceForm):
    """The secret can be given, never read."""

    secret = forms.CharField(
        label=_("Shared secret"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("Kept sealed; empty: as it is."),
    )

    class Meta:
        model = RadiusServer
        fields = ["name", "address", "auth_port", "acct_port", "dialect", "signed", "authorises", "accounts", "priority",
                  "enabled"]  # fmt: skip

    def carry_out(self) -> RadiusServer:
        wanted = {name: self.cleaned_data[name] for name in FIELDS}
        server = RadiusServer.objects.get(pk=self.instance.pk) if self.instance.pk else None
        return set_server(server=server, secret=self.cleaned_data["secret"] or None, **wanted)


@admin.register(RadiusServer)
class RadiusServerAdmin(OfficeAdmin):
    form = ServerForm
    list_display = [
        "name",
        "address",
        "auth_port",
        "acct_port",
        "authorises",
        "accounts",
        "priority",
        "enabled",
    ]
    search_fields = ["name", "address"]


@admin.register(AccountingStop)
class AccountingStopAdmin(ReadOnly, OfficeAdmin):
    list_display = ["call_id", "username", "called_number", "seconds", "ended_at", "tries", "next_at"]
    search_fields = ["username", "called_number"]
