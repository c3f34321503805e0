"""Header rules and hangup causes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, ServiceForm
from apps.signalling import services
from apps.signalling.causes import BUILT_IN
from apps.signalling.models import HangupCause, HeaderRule


class RuleForm(ServiceForm):
    """One rule."""

    class Meta:
        model = HeaderRule
        fields = "__all__"

    def carry_out(self) -> HeaderRule:
        fields = {name: self.cleaned_data[name] for name in self.changed_data}
        if not self.instance.pk:
            return services.create_header_rule(**fields)
        return services.change_header_rule(rule=HeaderRule.objects.get(pk=self.instance.pk), **fields)


@admin.register(HeaderRule)
class HeaderRuleAdmin(OfficeAdmin):
    form = RuleForm
    list_display = [
        "priority",
        "shown_account",
        "direction",
        "kind",
        "method",
        "action",
        "header",
        "value",
        "enabled",
    ]
    list_display_links = ["action"]
    list_editable = ["priority", "enabled"]
    list_filter = ["enabled", "direction", "action"]
    search_fields = ["header", "pattern", "value", "account__username"]
    autocomplete_fields = ["account"]
    list_select_related = ["account"]
    fieldsets = [
        (_("Which messages"), {"fields": [("account", "direction"), ("kind", "method"), "condition"]}),
        (_("What is done"), {"fields": [("action", "header"), "pattern", "value"]}),
        (None, {"fields": [("priority", "enabled")]}),
    ]

    @display(description=_("account"), ordering="account__username")
    def shown_account(self, rule: HeaderRule) -> str:
        return rule.account.username if rule.account else str(_("everybody"))


class CauseForm(ServiceForm):
    """One hangup cause."""

    class Meta:
        model = HangupCause
        fields = ["name", "sip_status", "q850", "text"]

    def carry_out(self) -> HangupCause:
        fields = {name: self.cleaned_data[name] for name in self.changed_data}
        if not self.instance.pk:
            return services.create_cause(**fields)
        return services.change_cause(cause=HangupCause.objects.get(pk=self.instance.pk), **fields)


@admin.register(HangupCause)
class HangupCauseAdmin(OfficeAdmin):
    form = CauseForm
    list_display = ["name", "sip_status", "q850", "text"]
    list_filter = ["sip_status"]
    search_fields = ["name", "text"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["name"] if obj is not None else []

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        mine = obj is None or (isinstance(obj, HangupCause) and obj.name not in BUILT_IN)
        return mine and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.remove_cause(cause=obj)

    def get_actions(self, request: HttpRequest) -> Any:
        return {}  # no deleting of many: the switch needs what it came with
