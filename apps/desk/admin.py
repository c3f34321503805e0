"""Batches of accounts, and what the front desk adds to the accounts' list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from apps.cdrs.models import Cdr
from apps.core.admin import OfficeAdmin, ReadOnly
from apps.desk import actions  # noqa: F401  (they join the list of accounts)
from apps.desk.models import Batch
from apps.users.admin import AccountAdmin
from apps.users.choices import Kind
from apps.users.live import SwitchUnavailable, carrier_states
from apps.users.models import Account, AccountSetting

NOW, DAY = timedelta(hours=3), timedelta(hours=24)


class ActivityFilter(admin.SimpleListFilter):
    """Who has been heard of (guide 1440-1446): phones that registered or called, carriers that answer or took a call."""

    title = _("activity")
    parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("now", _("active now")), ("day", _("active within a day"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        match self.value():
            case "now":
                return queryset.filter(heard_of(NOW) | Q(pk__in=answering()))
            case "day":
                wanted = AccountSetting.objects.filter(key="mustbeactive", value="yes").values("account")
                return queryset.filter(
                    heard_of(DAY) | Q(pk__in=answering()) | Q(kind=Kind.CARRIER, pk__in=wanted)
                )
        return queryset


def heard_of(span: timedelta) -> Q:
    """Accounts whose phone registered within the span, or that began a call, or carried one."""
    since = timezone.now() - span
    began = Cdr.objects.filter(caller=OuterRef("pk"), started_at__gte=since)
    carried = Cdr.objects.filter(carrier=OuterRef("pk"), started_at__gte=since)
    return Q(phone_status__seen_at__gte=since) | Exists(began) | Exists(carried)


def answering() -> list[int]:
    """Carriers that answer at this moment, as the switch tells; none when it cannot be asked."""
    try:
        return [carrier for carrier, states in carrier_states().items() if any(one.up for one in states)]
    except SwitchUnavailable:
        return []


class BatchFilter(admin.SimpleListFilter):
    """Accounts that were made together; the latest batches can be chosen."""

    title = _("batch")
    parameter_name = "batch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(batch.pk), str(batch)) for batch in Batch.objects.all()[:50]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        value = self.value() or ""
        return queryset.filter(batch__batch=int(value)) if value.isdigit() else queryset


AccountAdmin.filters_from_above += [ActivityFilter, BatchFilter]


@admin.register(Batch)
class BatchAdmin(ReadOnly, OfficeAdmin):
    """Who made which accounts; a further sheet is printed on a batch's page."""

    list_display = ["first", "count", "kind", "web", "pins", "sheets", "created_at", "created_by"]
    list_filter = ["kind"]
    search_fields = ["first", "members__account__username"]
    list_select_related = ["created_by"]
    fields = ["kind", "first", "count", "web", "pins", "sheets", "created_at", "created_by", "shown_accounts"]
    readonly_fields = ["shown_accounts"]
    change_form_after_template = "admin/desk/batch.html"
    actions_list = ["make"]

    @display(description=_("accounts"))
    def shown_accounts(self, batch: Batch) -> SafeString:
        path = reverse("admin:users_account_changelist")
        return format_html('<a href="{}?batch={}">{}</a>', path, batch.pk, batch.count)

    def has_make_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("users.add_account"))

    @action(description=_("Make many accounts"), url_path="make", icon="group_add", permissions=["make"])
    def make(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin_desk_generate")
