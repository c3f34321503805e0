"""How the admin looks and what its sidebar offers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _


def _item(title: Any, icon: str, to: str, permission: str) -> dict[str, Any]:
    """One entry of the sidebar, shown to whom may open it."""

    def allowed(request: HttpRequest) -> bool:
        return bool(request.user.has_perm(permission))

    return {"title": title, "icon": icon, "link": reverse_lazy(to), "permission": allowed}


def _kind(title: Any, icon: str, kind: str = "") -> dict[str, Any]:
    """The list of accounts, of one kind or of all; only the one that is open is marked in the sidebar."""
    accounts = reverse_lazy("admin:users_account_changelist")
    item = _item(title, icon, "admin:users_account_changelist", "users.view_account")

    def active(request: HttpRequest) -> bool:
        if not request.path.startswith(str(accounts)):
            return False
        return request.GET.get("kind__exact", "") == kind if request.path == str(accounts) else not kind

    link = format_lazy("{}?kind__exact={}", accounts, kind) if kind else accounts
    return item | {"link": link, "active": active}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Mizu",
    "SITE_HEADER": "Mizu",
    "SITE_SUBHEADER": _("Carrier suite"),
    "SITE_SYMBOL": "waves",
    "SITE_URL": "/",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("portal/mizu.svg")},
    ],
    "SHOW_HISTORY": True,
    "DASHBOARD_CALLBACK": "apps.cdrs.views.dashboard",
    "STYLES": [lambda request: static("admin_office/office.css")],
    "COLORS": {
        "primary": {
            "50": "#effbf9", "100": "#d5f5f0", "200": "#aeeae2", "300": "#7ad9ce", "400": "#43bfb3", "500": "#229f94",
            "600": "#0d7d74", "700": "#0f665f", "800": "#11524d", "900": "#124440", "950": "#042826",
        }
    },
    "COMMAND": {"search_models": True},
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": _("Monitoring"),
                "items": [
                    _item(_("Today"), "monitoring", "admin:index", "cdrs.view_cdr"),
                    _item(_("Current calls"), "phone_in_talk", "admin_current_calls", "cdrs.view_cdr"),
                    _item(_("Call records"), "call_log", "admin:cdrs_cdr_changelist", "cdrs.view_cdr"),
                ],
            },
            {
                "title": _("Access"),
                "items": [
                    _kind(_("All accounts"), "groups"),
                    _kind(_("Subscribers"), "person", "subscriber"),
                    _kind(_("Customer trunks"), "call_received", "customer_trunk"),
                    _kind(_("Carriers"), "call_made", "carrier"),
                    _kind(_("Resellers"), "storefront", "reseller"),
                    _item(_("SIP credentials"), "key", "admin:users_sipcredential_changelist", "users.view_sipcredential"),
                ],
            },
            {
                "title": _("Routing"),
                "items": [
                    _item(_("Route rules"), "alt_route", "admin:routing_routerule_changelist", "routing.view_routerule"),
                    _item(_("Header rules"), "rule", "admin:signalling_headerrule_changelist", "signalling.view_headerrule"),
                    _item(_("Hangup causes"), "call_end", "admin:signalling_hangupcause_changelist",
                          "signalling.view_hangupcause"),
                ],
            },
            {
                "title": _("Prices"),
                "items": [
                    _item(_("Tariffs"), "sell", "admin:pricing_tariff_changelist", "pricing.view_tariff"),
                    _item(_("Rates"), "list_alt", "admin:pricing_rate_changelist", "pricing.view_rate"),
                    _item(_("Price groups"), "folder", "admin:pricing_pricegroup_changelist", "pricing.view_pricegroup"),
                    _item(_("Time windows"), "schedule", "admin:pricing_timewindow_changelist", "pricing.view_timewindow"),
                    _item(_("Exchange rates"), "currency_exchange", "admin:pricing_exchangerate_changelist",
                          "pricing.view_exchangerate"),
                ],
            },
            {
                "title": _("Money"),
                "items": [
                    _item(_("Payments"), "payments", "admin:invoices_payment_changelist", "invoices.view_payment"),
                    _item(_("Invoices"), "receipt_long", "admin:invoices_invoice_changelist", "invoices.view_invoice"),
                    _item(_("Ledger"), "account_balance", "admin:invoices_ledgerentry_changelist",
                          "invoices.view_ledgerentry"),
                ],
            },
            {
                "title": _("System"),
                "items": [
                    _item(_("Settings"), "tune", "admin:config_setting_changelist", "config.view_setting"),
                    _item(_("Scheduled tasks"), "event_repeat", "admin:django_celery_beat_periodictask_changelist",
                          "django_celery_beat.view_periodictask"),
                ],
            },
        ],
    },
}  # fmt: skip
