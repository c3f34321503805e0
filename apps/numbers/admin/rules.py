"""Rewrite rules and prefix rules."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, ServiceForm
from apps.numbers.engine.functions import FUNCTIONS
from apps.numbers.engine.values import FIELDS
from apps.numbers.models import PrefixRule, RewriteRule
from apps.numbers.services import rules as services
from apps.numbers.snapshot import moment_of


class RewriteRuleForm(ServiceForm):
    """One rewrite rule."""

    class Meta:
        model = RewriteRule
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "data" in self.fields:
            self.fields["data"].choices = [(name, f"{name}: {what}") for name, what in FIELDS.items()]

    def carry_out(self) -> RewriteRule:
        fields = {name: self.cleaned_data[name] for name in self.changed_data}
        if not self.instance.pk:
            return services.create_rule(**fields)
        return services.change_rule(rule=RewriteRule.objects.get(pk=self.instance.pk), **fields)


@admin.register(RewriteRule)
class RewriteRuleAdmin(OfficeAdmin):
    form = RewriteRuleForm
    list_display = ["priority", "name", "enabled", "shown_stage", "conditions", "does"]
    list_display_links = ["name"]
    list_editable = ["priority", "enabled"]
    list_filter = ["enabled", "stage", "target"]
    search_fields = [
        "name",
        "called_prefixes",
        "caller_prefixes",
        "against",
        "put",
        "caller__username",
        "called__username",
    ]
    autocomplete_fields = ["caller", "called"]
    list_select_related = ["caller", "called"]
    fieldsets = [
        (None, {"fields": [("name", "priority"), ("enabled", "stage")]}),
        (
            _("Conditions"),
            {
                "fields": [
                    ("caller", "called"),
                    ("called_prefixes", "caller_prefixes"),
                    ("source", "transport"),
                    "when",
                ]
            },
        ),
        (_("Data and check"), {"fields": ["data", ("check_kind", "against")]}),
        (_("Action"), {"fields": ["action", ("find", "put")]}),
        (_("Set"), {"fields": [("target", "last")]}),
        (_("What can stand in {expressions} and conditions"), {"fields": ["vocabulary"]}),
    ]

    readonly_fields = ["vocabulary"]

    @display(description=_("fields and functions"))
    def vocabulary(self, rule: RewriteRule) -> str:
        fields = format_html_join("", "<div><code>{}</code> {}</div>", FIELDS.items())
        functions = format_html_join(
            "",
            "<div><code>{}()</code> {}: {}</div>",
            ((name, one.takes, one.gives) for name, one in FUNCTIONS.items()),
        )
        return format_html("{}<br>{}", fields, functions)

    @display(description=_("run"), ordering="stage")
    def shown_stage(self, rule: RewriteRule) -> str:
        moment = dict(zip((1, 2, 3, 4), list(type(rule).stage.field.choices)[1:], strict=True))[
            int(moment_of(rule))
        ]
        return str(moment[1])

    @display(description=_("conditions"))
    def conditions(self, rule: RewriteRule) -> str:
        found = [
            f"{label} {value}"
            for label, value in (
                (_("from"), rule.caller.username if rule.caller else ""),
                (_("to"), rule.called.username if rule.called else ""),
                (_("called"), rule.called_prefixes),
                (_("caller"), rule.caller_prefixes),
                (_("at"), rule.source),
                ("", rule.transport),
                (_("if"), rule.when),
            )
            if value
        ]
        return ", ".join(found) or str(_("any call"))

    @display(description=_("what it does"))
    def does(self, rule: RewriteRule) -> str:
        check = (
            ""
            if rule.check_kind == "any"
            else f"{rule.data} {rule.get_check_kind_display()} {rule.against}: "
        )
        if rule.target == "reject":
            return check + (str(_("disconnect after %s")) % rule.put if rule.put else str(_("disconnect")))
        if rule.target == "stop":
            return f"{check}{rule.get_target_display()}"
        change = " → ".join(one for one in (rule.find, rule.put) if one)
        where = rule.data if rule.target == "same" else rule.get_target_display()
        return f"{check}{where}: {rule.get_action_display()} {change}".rstrip()


class PrefixRuleForm(ServiceForm):
    """One prefix rule."""

    class Meta:
        model = PrefixRule
        fields = "__all__"

    def carry_out(self) -> PrefixRule:
        fields: dict[str, Any] = {name: self.cleaned_data[name] for name in self.changed_data}
        if not self.instance.pk:
            return services.create_prefix_rule(**fields)
        return services.change_prefix_rule(rule=PrefixRule.objects.get(pk=self.instance.pk), **fields)


@admin.register(PrefixRule)
class PrefixRuleAdmin(OfficeAdmin):
    form = PrefixRuleForm
    list_display = [
        "priority",
        "number",
        "rewrite_from",
        "rewrite_to",
        "source",
        "account",
        "country",
        "transport",
        "enabled",
    ]
    list_display_links = ["number"]
    list_editable = ["priority", "enabled"]
    list_filter = ["enabled", "number"]
    search_fields = ["rewrite_from", "rewrite_to", "source", "account__username"]
    autocomplete_fields = ["account"]
    list_select_related = ["account"]
    fieldsets = [
        (_("Which calls"), {"fields": [("account", "source"), ("country", "transport")]}),
        (_("What is changed"), {"fields": ["number", ("rewrite_from", "rewrite_to")]}),
        (None, {"fields": [("priority", "enabled")]}),
    ]
