"""Route rules and their carriers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, OfficeInline, ServiceForm
from apps.routing import services
from apps.routing.models import RouteRule, RouteTarget


class TargetForm(ServiceForm):
    """A carrier that a rule offers."""

    class Meta:
        model = RouteTarget
        fields = ["carrier", "priority", "weight", "enabled"]

    def carry_out(self) -> RouteTarget:
        if not self.instance.pk:
            return services.add_target(rule=self.instance.rule, **self._row())
        return services.change_target(target=RouteTarget.objects.get(pk=self.instance.pk), **self._row())

    def _row(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.Meta.fields}


class RuleForm(ServiceForm):
    """A rule without its targets."""

    class Meta:
        model = RouteRule
        fields = "__all__"

    def carry_out(self) -> RouteRule:
        fields = {name: self.cleaned_data[name] for name in self.changed_data}
        if not self.instance.pk:
            return services.create_rule(**fields)
        return services.change_rule(rule=RouteRule.objects.get(pk=self.instance.pk), **fields)


class TargetInline(OfficeInline):
    model = RouteTarget
    form = TargetForm
    fields = ["carrier", "priority", "weight", "enabled"]
    autocomplete_fields = ["carrier"]


@admin.register(RouteRule)
class RouteRuleAdmin(OfficeAdmin):
    form = RuleForm
    list_display = [
        "priority",
        "name",
        "enabled",
        "shown_caller",
        "prefixes",
        "strategy",
        "carriers",
        "final",
    ]
    list_display_links = ["name"]
    list_editable = ["priority", "enabled"]
    list_filter = ["enabled", "strategy"]
    search_fields = ["name", "called_prefixes", "targets__carrier__username"]
    autocomplete_fields = ["caller"]
    list_select_related = ["caller", "window"]
    inlines = [TargetInline]
    fieldsets = [
        (None, {"fields": [("name", "priority"), ("enabled", "final")]}),
        (
            _("Calls that it takes"),
            {"fields": [("caller", "window"), "called_prefixes", "caller_prefixes"]},
        ),
        (_("How its carriers are ordered"), {"fields": ["strategy"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RouteRule]:
        return super().get_queryset(request).prefetch_related("targets__carrier")

    @display(description=_("caller"), ordering="caller__username")
    def shown_caller(self, rule: RouteRule) -> str:
        return rule.caller.username if rule.caller else str(_("anyone"))

    @display(description=_("called number"))
    def prefixes(self, rule: RouteRule) -> str:
        return rule.called_prefixes or str(_("any"))

    @display(description=_("carriers"))
    def carriers(self, rule: RouteRule) -> str:
        targets = sorted(rule.targets.all(), key=lambda target: (target.priority, target.id))
        return ", ".join(
            f"{target.carrier.username} ({target.priority})" for target in targets if target.enabled
        )
