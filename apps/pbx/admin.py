"""Call features on an account's page, and ring groups with their members."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.core.admin import OfficeAdmin, OfficeInline, ServiceForm
from apps.pbx import services
from apps.pbx.models import Forward, RingGroup, RingMember, SpeedDial
from apps.users.admin import AccountAdmin
from apps.users.rules import REGISTERING

FORWARD = ("kind", "number", "seconds", "enabled")
DIAL = ("code", "number", "name")
MEMBER = ("place", "number", "delay_seconds", "ring_seconds")


class ForwardForm(ServiceForm):
    """Where calls go on to in one case; another case is another row."""

    class Meta:
        model = Forward
        fields = list(FORWARD)

    def carry_out(self) -> Forward:
        before = Forward.objects.filter(pk=self.instance.pk).first()
        if before is not None and before.kind != self.cleaned_data["kind"]:
            services.clear_forward(account=before.account, kind=before.kind)
        values = {name: self.cleaned_data[name] for name in FORWARD}
        return services.set_forward(account=self.instance.account, **values)


class ForwardInline(OfficeInline):
    model = Forward
    form = ForwardForm
    fields = list(FORWARD)
    kinds = REGISTERING


class SpeedDialForm(ServiceForm):
    """A short number."""

    class Meta:
        model = SpeedDial
        fields = list(DIAL)

    def carry_out(self) -> SpeedDial:
        before = SpeedDial.objects.filter(pk=self.instance.pk).first()
        if before is not None and before.code != self.cleaned_data["code"]:
            services.remove_speed_dial(account=before.account, code=before.code)
        values = {name: self.cleaned_data[name] for name in DIAL}
        return services.set_speed_dial(account=self.instance.account, **values)


class SpeedDialInline(OfficeInline):
    model = SpeedDial
    form = SpeedDialForm
    fields = list(DIAL)
    kinds = REGISTERING


AccountAdmin.inlines_from_above += [ForwardInline, SpeedDialInline]


class GroupForm(ServiceForm):
    """A ring group without its members."""

    class Meta:
        model = RingGroup
        fields = ["account", "mode", "own_phones"]

    def carry_out(self) -> RingGroup:
        values = {name: self.cleaned_data[name] for name in ("mode", "own_phones")}
        account = self.instance.account if self.instance.pk else self.cleaned_data["account"]
        return services.set_ring_group(account=account, **values)


class MemberForm(ServiceForm):
    """One number that rings."""

    class Meta:
        model = RingMember
        fields = list(MEMBER)

    def carry_out(self) -> RingMember:
        values = {name: self.cleaned_data[name] for name in MEMBER}
        if self.instance.group.pk is None:  # rehearsed before the group is made
            self.instance.clean_fields(exclude=["group"])
            return self.instance
        if not self.instance.pk:
            return services.add_member(group=self.instance.group, **values)
        return services.change_member(member=RingMember.objects.get(pk=self.instance.pk), **values)


class MemberInline(OfficeInline):
    model = RingMember
    form = MemberForm
    fields = list(MEMBER)


@admin.register(RingGroup)
class RingGroupAdmin(OfficeAdmin):
    form = GroupForm
    list_display = ["account", "mode", "own_phones", "who_rings"]
    list_filter = ["mode"]
    search_fields = ["account__username", "members__number"]
    autocomplete_fields = ["account"]
    list_select_related = ["account"]
    inlines = [MemberInline]
    fieldsets = [(None, {"fields": ["account", ("mode", "own_phones")]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RingGroup]:
        return super().get_queryset(request).prefetch_related("members")

    def get_readonly_fields(self, request: HttpRequest, obj: RingGroup | None = None) -> list[str]:
        return ["account"] if obj else []

    @display(description=_("members"))
    def who_rings(self, group: RingGroup) -> str:
        return ", ".join(member.number for member in group.members.all())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.remove_ring_group(group=obj)
