"""Rules of the firewall, and who is banned."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, ReadOnly, ServiceForm, right
from apps.screening import services
from apps.screening.models import Ban, FirewallRule
from apps.screening.services.firewall import EVERYBODY
from apps.users.live import SwitchUnavailable


class RuleForm(ServiceForm):
    """One rule."""

    class Meta:
        model = FirewallRule
        fields = ["source", "allowed", "enabled", "comment"]

    def carry_out(self) -> FirewallRule:
        if not self.instance.pk:
            return services.create_rule(**self.cleaned_data)
        fields = {name: self.cleaned_data[name] for name in self.changed_data}
        return services.change_rule(rule=FirewallRule.objects.get(pk=self.instance.pk), **fields)


@admin.register(FirewallRule)
class FirewallRuleAdmin(OfficeAdmin):
    form = RuleForm
    list_before_template = "admin/screening/countries.html"
    list_display = ["source", "shown_verdict", "enabled", "comment", "changed_at"]
    list_display_links = ["source"]
    list_filter = ["allowed", "enabled"]
    search_fields = ["source", "comment"]
    fieldsets = [(None, {"fields": [("source", "comment"), ("allowed", "enabled")]})]

    @display(description=_("verdict"), ordering="allowed", label={"heard": "success", "not": "danger"})
    def shown_verdict(self, rule: FirewallRule) -> tuple[str, str]:
        return ("heard", str(_("heard"))) if rule.allowed else ("not", str(_("not heard")))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        everybody = isinstance(obj, FirewallRule) and obj.source == EVERYBODY
        return not everybody and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.remove_rule(rule=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FirewallRule]) -> None:
        for rule in queryset:
            try:
                services.remove_rule(rule=rule)
            except ValidationError as error:
                messages.warning(request, " ".join(error.messages))


@admin.register(Ban)
class BanAdmin(ReadOnly, OfficeAdmin):
    """Bans of the last time, those in force first; a ban is lifted by an action."""

    list_display = ["source", "shown_state", "reason", "banned_at", "until", "lifted_by", "worker"]
    list_display_links = ["source"]
    list_filter = ["banned_at"]
    search_fields = ["source", "reason"]
    list_select_related = ["lifted_by"]
    actions = ["lift"]
    has_lift_permission = right("screening.lift_ban")

    @display(description=_("state"), label={"banned": "danger", "lifted": "info", "over": "success"})
    def shown_state(self, ban: Ban) -> tuple[str, str]:
        if ban.lifted_at:
            return "lifted", str(_("lifted"))
        return ("banned", str(_("banned"))) if ban.until > timezone.now() else ("over", str(_("over")))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """What workers have told meanwhile is stored first, so that the list is of now."""
        try:
            services.store_bans()
        except SwitchUnavailable:
            messages.warning(request, _("Redis does not answer: the newest bans are missing."))
        return super().changelist_view(request, extra_context)

    @admin.action(description=_("Lift the ban"), permissions=["lift"])
    def lift(self, request: HttpRequest, queryset: QuerySet[Ban]) -> None:
        bans = list(queryset)
        try:
            for ban in bans:
                services.lift_ban(ban=ban, by=request.user)
        except SwitchUnavailable:
            messages.error(request, _("Redis does not answer: nothing was lifted."))
            return
        count = len(bans)
        messages.success(request, ngettext("%d ban was lifted.", "%d bans were lifted.", count) % count)
