"""Groups of accounts, with who is in them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from apps.core.admin import OfficeAdmin, OfficeInline, ServiceForm, right
from apps.groups import queries, services
from apps.groups.models import AccountGroup, GroupMember
from apps.users.admin import AccountAdmin
from apps.users.models import Account


class GroupForm(ServiceForm):
    """A group without its members."""

    class Meta:
        model = AccountGroup
        fields = ["name", "comment"]

    def carry_out(self) -> AccountGroup:
        values = {name: self.cleaned_data[name] for name in self.Meta.fields}
        if self.instance.pk:
            return services.change_group(group=self.instance, **values)
        return services.create_group(**values)


class MemberForm(ServiceForm):
    """One account in the group, seen from either side."""

    class Meta:
        model = GroupMember
        fields = ["group", "account"]

    def carry_out(self) -> GroupMember:
        before = GroupMember.objects.filter(pk=self.instance.pk).select_related("group", "account").first()
        if before is not None:
            services.remove_members(group=before.group, accounts=[before.account])
        group, account = self.instance.group, self.instance.account
        if group.pk is None:  # rehearsed before the group is made
            return self.instance
        services.add_members(group=group, accounts=[account])
        return GroupMember.objects.get(group=group, account=account)


class MemberInline(OfficeInline):
    model = GroupMember
    form = MemberForm
    fields = ["account"]
    autocomplete_fields = ["account"]
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupMember]:
        return super().get_queryset(request).select_related("account")


class GroupOfAccountInline(OfficeInline):
    """The groups on an account's page."""

    model = GroupMember
    form = MemberForm
    fields = ["group"]
    autocomplete_fields = ["group"]
    verbose_name = _("group")
    verbose_name_plural = _("groups")


AccountAdmin.inlines_from_above += [GroupOfAccountInline]


class GroupFilter(admin.SimpleListFilter):
    """Accounts of one group, with everybody below its members."""

    title = _("group")
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(group.pk), group.name) for group in AccountGroup.objects.all()[:200]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        value = self.value()
        if not value or not value.isdigit():
            return queryset
        group = AccountGroup.objects.filter(pk=int(value)).first()
        return queryset.filter(pk__in=queries.accounts_in(group).values("pk")) if group else queryset.none()


AccountAdmin.filters_from_above += [GroupFilter]


@admin.register(AccountGroup)
class AccountGroupAdmin(OfficeAdmin):
    form = GroupForm
    list_display = ["name", "shown_size", "comment", "created_at"]
    search_fields = ["name", "comment"]
    inlines = [MemberInline]
    actions_detail = ["show_accounts"]
    fieldsets = [(None, {"fields": ["name", "comment"]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountGroup]:
        return queries.counted()

    @display(description=_("members"), ordering="size")
    def shown_size(self, group: AccountGroup) -> int:
        return int(group.size)  # type: ignore[attr-defined]  # counted() gives it

    has_see_accounts_permission = right("users.view_account")

    @action(description=_("Accounts"), url_path="accounts", icon="groups", permissions=["see_accounts"])
    def show_accounts(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(reverse("admin:users_account_changelist") + f"?group={object_id}")

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What a rule still names is not deleted; the page says who names it."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("admin:groups_accountgroup_change", object_id)

    def delete_model(self, request: HttpRequest, obj: AccountGroup) -> None:
        services.remove_group(group=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AccountGroup]) -> None:
        for group in queryset:
            try:
                services.remove_group(group=group)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
