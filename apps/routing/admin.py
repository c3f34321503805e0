"""Route rules with their carriers, and the figures of the best route."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, OfficeInline, ServiceForm
from apps.routing import services
from apps.routing.health import admin as health
from apps.routing.models import BestRoute, RouteRule, RouteTarget

__all__ = ["BestRouteAdmin", "RouteRuleAdmin", "health"]

TARGET = [
    "carrier", "subscriber", "group", "priority", "enabled", "share", "weight", "max_calls", "calls_per_second", "minutes_per_day",
    "minutes_per_month", "window", "last_resort",
]  # fmt: skip
LONGEST_SHOWN = 40
"""Characters of a list of prefixes in the list of rules."""


class TargetForm(ServiceForm):
    """Where a rule leads."""

    class Meta:
        model = RouteTarget
        fields = TARGET

    def carry_out(self) -> RouteTarget:
        if self.instance.rule.pk is None:  # rehearsed before the rule is made
            self.instance.clean_fields(exclude=["rule"])
            return self.instance
        if not self.instance.pk:
            return services.add_target(rule=self.instance.rule, **self.row())
        return services.change_target(target=RouteTarget.objects.get(pk=self.instance.pk), **self.row())


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
    fields = TARGET
    autocomplete_fields = ["carrier", "subscriber", "group"]
    ordering = ["priority", "id"]


@admin.register(RouteRule)
class RouteRuleAdmin(OfficeAdmin):
    form = RuleForm
    list_display = [
        "priority",
        "name",
        "enabled",
        "shown_caller",
        "prefixes",
        "conditions",
        "strategy",
        "ways",
        "final",
    ]
    list_display_links = ["name"]
    list_editable = ["priority", "enabled"]
    list_filter = ["enabled", "strategy", "service", "final"]
    search_fields = [
        "name", "caller__username", "targets__carrier__username", "targets__subscriber__username", "targets__group__name",
    ]  # fmt: skip
    search_help_text = _("Name, caller, carrier, subscriber, or a called number: the rules for it.")
    autocomplete_fields = ["caller", "groups", "calendars"]
    list_select_related = ["caller", "window"]
    inlines = [TargetInline]
    fieldsets = [
        (None, {"fields": [("name", "priority"), ("enabled", "final")]}),
        (
            _("Calls that it takes"),
            {
                "fields": [
                    ("caller", "service"),
                    "groups",
                    "called_prefixes",
                    "caller_prefixes",
                    ("tech_prefixes", "window"),
                    "calendars",
                ]
            },
        ),
        (_("How its carriers are ordered"), {"fields": ["strategy"]}),
        (_("How its subscribers ring"), {"fields": ["together"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RouteRule]:
        return (
            super()
            .get_queryset(request)
            .prefetch_related("targets__carrier", "targets__subscriber", "targets__group")
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RouteRule], search_term: str
    ) -> tuple[QuerySet[RouteRule], bool]:
        """A number finds the rules whose called prefixes it begins with, and those for any number."""
        number = search_term.strip().removeprefix("+")
        if not (number.isascii() and number.isdigit()):
            return super().get_search_results(request, queryset, search_term)
        begins = "|".join(number[:length] for length in range(1, len(number) + 1))
        fits = Q(called_prefixes="") | Q(called_prefixes__regex=rf"(^|,)({begins})(,|$)")
        return queryset.filter(fits | Q(name__icontains=number) | Q(caller__username=number)), False

    @display(description=_("caller"), ordering="caller__username")
    def shown_caller(self, rule: RouteRule) -> str:
        return rule.caller.username if rule.caller else str(_("anyone"))

    @display(description=_("called number"))
    def prefixes(self, rule: RouteRule) -> str:
        return _cut(rule.called_prefixes) or str(_("any"))

    @display(description=_("and only"))
    def conditions(self, rule: RouteRule) -> str:
        """The conditions that few rules have, in words."""
        found = []
        if rule.window:
            found.append(str(rule.window))
        if rule.tech_prefixes not in ("", "*"):
            found.append(str(_("tech prefix %s") % rule.tech_prefixes))
        if rule.caller_prefixes:
            found.append(str(_("from %s") % _cut(rule.caller_prefixes)))
        if rule.service:
            found.append(str(rule.get_service_display()))
        return ", ".join(found) or "—"

    @display(description=_("leads to"))
    def ways(self, rule: RouteRule) -> str:
        targets = sorted(rule.targets.all(), key=lambda target: (target.priority, target.id))
        named = ", ".join(f"{target.leads_to} ({target.priority})" for target in targets if target.enabled)
        return named or str(_("none: blocked") if rule.final else _("none"))


def _cut(listed: str) -> str:
    return listed if len(listed) <= LONGEST_SHOWN else f"{listed[:LONGEST_SHOWN]}…"


class BestRouteForm(ServiceForm):
    """What the operator says of a carrier and destination."""

    class Meta:
        model = BestRoute
        fields = [
            "carrier", "prefix", "quality_percent", "accuracy", "min_asr", "max_asr", "min_acd", "max_acd", "min_price",
            "max_price",
        ]  # fmt: skip

    def carry_out(self) -> BestRoute:
        best = BestRoute.objects.get(pk=self.instance.pk) if self.instance.pk else None
        return services.save_best_route(best=best, **self.cleaned_data)


MEASURED = [
    "asr_day", "acd_day", "asr_month", "acd_month", "measured_at", "is_best", "tried", "next_try", "next_try_count",
    "try_count",
]  # fmt: skip


@admin.register(BestRoute)
class BestRouteAdmin(OfficeAdmin):
    form = BestRouteForm
    list_display = ["carrier", "shown_prefix", "asr_day", "acd_day", "asr_month", "acd_month", "quality_percent", "accuracy",
                    "is_best", "next_try"]  # fmt: skip
    list_filter = ["is_best"]
    search_fields = ["carrier__username", "prefix"]
    autocomplete_fields = ["carrier"]
    list_select_related = ["carrier"]
    readonly_fields = MEASURED
    fieldsets = [
        (None, {"fields": [("carrier", "prefix"), ("quality_percent", "accuracy")]}),
        (
            _("From worst to best"),
            {"fields": [("min_asr", "max_asr"), ("min_acd", "max_acd"), ("max_price", "min_price")]},
        ),
        (
            _("Measured"),
            {
                "fields": [
                    ("asr_day", "acd_day"),
                    ("asr_month", "acd_month"),
                    ("measured_at", "is_best"),
                    ("tried", "next_try"),
                    ("next_try_count", "try_count"),
                ]
            },
        ),
    ]

    @display(description=_("called number"), ordering="prefix")
    def shown_prefix(self, best: BestRoute) -> str:
        return best.prefix or "*"
