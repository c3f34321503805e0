"""Accounts of every kind: what matters for the kind, its tariffs, addresses and trunk on one page."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authtoken.models import TokenProxy
from unfold.admin import StackedInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget

from apps.config import queries as config
from apps.core.admin import OfficeAdmin, OfficeInline, ReadOnly, ServiceForm, right
from apps.core.formats import money
from apps.users import access_page, account_settings, services
from apps.users.choices import COLOURS, STAFF, Billing, Kind
from apps.users.fieldsets import fieldsets_of
from apps.users.models import Account, KnownNumber, Lockout, SipCredential, SourceAddress, Trunk, TrunkAccount
from apps.users.queries import registered_now
from apps.users.services.known_numbers import KINDS as KNOWN_BY_NUMBER
from apps.users.services.lockouts import unlock

# Rights come with the kind, addresses with the account, tokens from `manage.py token`: nothing to keep by hand.
admin.site.unregister([Group, EmailAddress, TokenProxy, Authenticator])


class AccountForm(ServiceForm):
    """An account's fields; the two secrets can be given, never read."""

    web_password = forms.CharField(
        label=_("New web password"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
    sip_password = forms.CharField(
        label=_("New SIP password"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("Stored as digest only; nobody can read it again."),
    )

    by: Account | None = None
    """Who works with the form; the page sets it."""

    class Meta:
        model = Account
        exclude = ["password", "last_login", "groups", "user_permissions", "path", "is_staff", "is_superuser"]

    def carry_out(self) -> Account:
        secrets = ("web_password", "sip_password")
        fields = {name: self.cleaned_data[name] for name in self.changed_data if name not in secrets}
        if self.instance.pk:
            account = services.change_account(account=Account.objects.get(pk=self.instance.pk), **fields)
        else:
            fields |= {"username": self.cleaned_data["username"], "kind": self.cleaned_data["kind"]}
            account = services.open_account(added_by=self.by, **fields)
        if self.cleaned_data.get("web_password"):
            services.set_web_password(account=account, password=self.cleaned_data["web_password"])
        if self.cleaned_data.get("sip_password"):
            services.set_sip_password(account=account, password=self.cleaned_data["sip_password"])
        return account


class AddressForm(ServiceForm):
    """One address; the service sees all of them together."""

    class Meta:
        model = SourceAddress
        fields = ["network", "port"]

    def carry_out(self) -> SourceAddress:
        account = self.instance.account
        others = account.addresses.exclude(pk=self.instance.pk).values_list("network", "port")
        services.set_addresses(
            account=account, networks=[*others, (self.cleaned_data["network"], self.cleaned_data["port"])]
        )
        return self.instance


class AddressInline(OfficeInline):
    model = SourceAddress
    form = AddressForm


class KnownNumberForm(ServiceForm):
    """A caller number that the account is known by; another number is another row."""

    class Meta:
        model = KnownNumber
        fields = ["number"]

    def carry_out(self) -> KnownNumber:
        if self.instance.pk:
            services.forget_number(known=KnownNumber.objects.get(pk=self.instance.pk))
        return services.note_number(account=self.instance.account, number=self.cleaned_data["number"])


class KnownNumberInline(OfficeInline):
    model = KnownNumber
    form = KnownNumberForm


class TrunkForm(ServiceForm):
    """A carrier's trunk; its digest password is turned into HA1 at once."""

    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Trunk
        fields = ["registers", "host", "port", "transport", "backup_host", "backup_port", "strip_digits", "prefix",
                  "max_calls", "answer_seconds",
                  "response_seconds", "username", "realm"]  # fmt: skip

    def carry_out(self) -> Trunk:
        wanted = self.row()
        password = self.cleaned_data["new_password"] or None
        return services.set_trunk(account=self.instance.account, password=password, **wanted)


class TrunkAccountForm(ServiceForm):
    """An account that the carrier has given us; of its password only digests are kept."""

    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = TrunkAccount
        fields = [
            "priority",
            "username",
            "realm",
            "caller_number",
            "registers",
            "expires",
            "credit",
            "enabled",
        ]

    def carry_out(self) -> TrunkAccount:
        wanted = self.row()
        password = self.cleaned_data["new_password"]
        if self.instance.pk:
            return services.change_trunk_account(account=self.instance, password=password or None, **wanted)
        return services.open_trunk_account(carrier=self.instance.carrier, password=password, **wanted)


class TrunkAccountInline(OfficeInline):
    model = TrunkAccount
    form = TrunkAccountForm
    readonly_fields = ["shown_use"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrunkAccount]:
        return super().get_queryset(request).select_related("use")

    @display(description=_("used"))
    def shown_use(self, account: TrunkAccount) -> str:
        use = getattr(account, "use", None)
        return f"{use.spent:f}, {use.last_used:%Y-%m-%d %H:%M}" if use else "—"


class TrunkInline(StackedInline):
    model = Trunk
    form = TrunkForm
    extra = 0


def _means(inline: Any, kind: str) -> bool:
    """Whether rows of an app further up mean something for the kind: those that its `kinds` names, else all but staff."""
    kinds = getattr(inline, "kinds", None)
    return kind in kinds if kinds is not None else kind not in STAFF


class RecentFilter(admin.SimpleListFilter):
    """The guide's list filters that need no statistics: new accounts and low balances."""

    title = _("list")
    parameter_name = "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("new", _("opened in the last month")),
            ("low", _("low balance")),
            ("registered", _("phone registered")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        match self.value():
            case "new":
                return queryset.filter(created_at__gte=timezone.now() - timedelta(days=31))
            case "low":
                low = Decimal(str(config.get("lowcredits")) or "0")
                return queryset.filter(billing=Billing.PREPAID, balance__amount__lt=low)
            case "registered":
                return queryset.filter(pk__in=registered_now().values("pk"))
        return queryset


@admin.register(Account)
class AccountAdmin(OfficeAdmin):
    form = AccountForm
    list_display = ["username", "display_name", "shown_kind", "parent", "shown_balance", "billing", "shown_phone",
                    "is_active", "created_at"]  # fmt: skip
    #: Filters of apps further up (groups); those apps add them.
    filters_from_above: list[Any] = []
    #: Actions on chosen accounts of apps further up (files); those apps add them.
    actions_from_above: list[Any] = []
    actions_list = ["new_account"]
    change_form_before_template = "admin/users/note.html"
    search_fields = ["username", "display_name", "email", "caller_number"]
    list_select_related = ["parent", "balance", "phone_status"]
    autocomplete_fields = ["parent", "payer"]
    actions_detail = [
        "analyse",
        "copy_account",
        "show_settings",
        "show_access",
        "give_pin",
        "show_phones",
        "show_calls",
        "show_ledger",
        "show_invoices",
    ]
    #: Rows of apps further up (tariffs) that belong on an account's page; those apps add them.
    inlines_from_above: list[Any] = []

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        """What matters for the kind; everything where the kind is not known yet."""
        return fieldsets_of(obj.kind if obj else request.GET.get("kind", ""))

    def get_form(
        self, request: HttpRequest, obj: Account | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.by = request.user
        return form

    def get_urls(self) -> list[Any]:
        own = partial(self.admin_site.admin_view, cacheable=False)
        return [
            path("<int:pk>/access/", own(self._access_page), name="users_account_access"),
            path("<int:pk>/own-settings/", own(self._settings_page), name="users_account_settings"),
            path("<int:pk>/own-settings/<slug:key>/", own(self._setting_page), name="users_account_setting"),
            *super().get_urls(),
        ]

    def _access_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        return access_page.access(self, request, pk)

    def _settings_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        return account_settings.listing(self, request, pk)

    def _setting_page(self, request: HttpRequest, pk: int, key: str) -> HttpResponse:
        return account_settings.editing(self, request, pk, key)

    def get_actions(self, request: HttpRequest) -> Any:
        self.actions = self.actions_from_above
        return super().get_actions(request)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return ["kind", RecentFilter, "billing", "is_active", *self.filters_from_above]

    def get_inlines(self, request: HttpRequest, obj: Account | None) -> list[Any]:
        if obj is None:
            return []
        inlines: list[Any] = []
        if obj.kind == Kind.CARRIER:
            inlines += [TrunkInline, TrunkAccountInline]
        if obj.kind in (Kind.CUSTOMER_TRUNK, Kind.SUBSCRIBER):
            inlines.append(AddressInline)
        if obj.kind in KNOWN_BY_NUMBER:
            inlines.append(KnownNumberInline)
        return inlines + [one for one in self.inlines_from_above if _means(one, obj.kind)]

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        return [] if request.user.is_superuser else ["kind", "credit_limit"]

    def has_change_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (request.user.is_superuser or obj is None or not obj.is_staff)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its calls and money stay; an account is disabled

    @display(
        description=_("kind"), ordering="kind", label={str(kind): colour for kind, colour in COLOURS.items()}
    )
    def shown_kind(self, account: Account) -> tuple[str, str]:
        return account.kind, account.get_kind_display()

    @display(description=_("balance"), ordering=F("balance__amount"))
    def shown_balance(self, account: Account) -> str:
        balance = getattr(account, "balance", None)
        return money(balance.amount, account.currency) if balance else "—"

    @display(description=_("phone"), ordering="phone_status__state")
    def shown_phone(self, account: Account) -> str:
        status = getattr(account, "phone_status", None)
        return status.state_now.label if status else "—"

    has_see_settings_permission = right("users.view_account")
    has_see_calls_permission = right("cdrs.view_cdr")
    has_see_ledger_permission = right("invoices.view_ledgerentry")
    has_see_invoices_permission = right("invoices.view_invoice")

    def has_open_account_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("users.add_account"))

    @action(description=_("New account"), url_path="new", icon="person_add", permissions=["open_account"])
    def new_account(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin_desk_new")

    @action(description=_("Analyse"), url_path="analyse", icon="troubleshoot", permissions=["see_settings"])
    def analyse(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin_desk_analysis", object_id)

    @action(description=_("Copy"), url_path="copy", icon="content_copy", permissions=["open_account"])
    def copy_account(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(reverse("admin_desk_open") + f"?copy={object_id}")

    @action(description=_("Settings"), url_path="settings", icon="tune", permissions=["see_settings"])
    def show_settings(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:users_account_settings", object_id)

    @action(description=_("Access"), url_path="doors", icon="lock_person", permissions=["see_settings"])
    def show_access(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:users_account_access", object_id)

    def has_give_pin_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        known = (
            Account.objects.filter(pk=object_id, kind__in=KNOWN_BY_NUMBER)
            if object_id
            else Account.objects.none()
        )
        return bool(request.user.has_perm("users.change_account")) and known.exists()

    @action(description=_("PIN"), url_path="pin", icon="dialpad", permissions=["give_pin"])
    def give_pin(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin_desk_pin", object_id)

    @action(description=_("Phones"), url_path="phones", icon="deskphone", permissions=["see_settings"])
    def show_phones(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin_phones", object_id)

    @action(description=_("Calls"), url_path="calls", icon="call", permissions=["see_calls"])
    def show_calls(self, request: HttpRequest, object_id: int) -> HttpResponse:
        column = "carrier" if Account.objects.filter(pk=object_id, kind=Kind.CARRIER).exists() else "caller"
        return redirect(reverse("admin:cdrs_cdr_changelist") + f"?{column}__id__exact={object_id}&span=744")

    @action(
        description=_("Ledger"),
        url_path="ledger",
        icon="account_balance",
        permissions=["see_ledger"],
    )
    def show_ledger(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(reverse("admin:invoices_ledgerentry_changelist") + f"?account__id__exact={object_id}")

    @action(
        description=_("Invoices"),
        url_path="invoices",
        icon="receipt_long",
        permissions=["see_invoices"],
    )
    def show_invoices(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(reverse("admin:invoices_invoice_changelist") + f"?account__id__exact={object_id}")


@admin.register(SipCredential)
class SipCredentialAdmin(OfficeAdmin):
    """Which SIP user names there are; a new secret is given on the account's page."""

    list_display = ["username", "account", "realm", "changed_at"]
    search_fields = ["username", "account__username"]
    list_select_related = ["account"]
    readonly_fields = ["account", "username", "realm", "changed_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Lockout)
class LockoutAdmin(ReadOnly, OfficeAdmin):
    """Who gave wrong web passwords and waits; an operator lets them try again."""

    list_display = ["kind", "username", "address", "failures", "last_at", "until"]
    list_filter = ["kind"]
    search_fields = ["username", "address"]
    actions = ["unlock"]

    has_unlock_permission = right("users.delete_lockout")

    @admin.action(description=_("Let them try again at once"), permissions=["unlock"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[Lockout]) -> None:
        for lockout in queryset:
            unlock(lockout=lockout)
        self.message_user(request, _("They may try again."))
