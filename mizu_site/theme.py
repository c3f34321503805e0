"""How the admin looks and what its sidebar offers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.http import HttpRequest

# Every process reads the settings, and with them this; what answers requests is loaded by those that do.


@cache
def _address(name: str) -> str:
    from django.urls import reverse

    return reverse(name)


_link = lazy(_address, str)
"""The address of a page by its name, looked up when it is asked for first."""


def _static(path: str) -> Callable[[HttpRequest], str]:
    def address(request: HttpRequest) -> str:
        from django.templatetags.static import static

        return str(static(path))

    return address


def _item(title: Any, icon: str, to: str, permission: str) -> dict[str, Any]:
    """One entry of the sidebar, shown to whom may open it."""

    def allowed(request: HttpRequest) -> bool:
        return bool(request.user.has_perm(permission))

    return {"title": title, "icon": icon, "link": _link(to), "permission": allowed}


def _kind(title: Any, icon: str, kind: str = "") -> dict[str, Any]:
    """The list of accounts, of one kind or of all; only the one that is open is marked in the sidebar."""
    accounts = _link("admin:users_account_changelist")
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
        {"rel": "icon", "type": "image/svg+xml", "href": _static("portal/mizu.svg")},
    ],
    "SHOW_HISTORY": True,
    "DASHBOARD_CALLBACK": "apps.cdrs.views.dashboard",
    "STYLES": [_static("admin_office/office.css")],
    "COLORS": {
        "primary": {
            "50": "#effbf9", "100": "#d5f5f0", "200": "#aeeae2", "300": "#7ad9ce", "400": "#43bfb3", "500": "#229f94",
            "600": "#0d7d74", "700": "#0f665f", "800": "#11524d", "900": "#124440", "950": "#042826",
        }
    },
    "COMMAND": {"search_models": True},
    "ACCOUNT": {"navigation": [{"title": _("Second factor"), "link": _link("mfa_index")}]},
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": _("Monitoring"),
                "items": [
                    _item(_("Today"), "monitoring", "admin:index", "cdrs.view_cdr"),
                    _item(_("Current calls"), "phone_in_talk", "admin_current_calls", "cdrs.view_cdr"),
                    _item(_("Carriers now"), "cell_tower", "admin_carriers_now", "users.view_trunk"),
                    _item(_("Health of trunks"), "health_metrics", "admin:routing_trunkhealth_changelist",
                          "routing.view_trunkhealth") | {"badge": "apps.routing.health.admin.badge"},
                    _item(_("History of trunks"), "history", "admin:routing_trunkevent_changelist",
                          "routing.view_trunkevent"),
                    _item(_("Call records"), "call_log", "admin:cdrs_cdr_changelist", "cdrs.view_cdr"),
                    _item(_("Recordings"), "graphic_eq", "admin:recordings_recording_changelist",
                          "recordings.view_recording"),
                    _item(_("Who listened"), "hearing", "admin:recordings_listening_changelist",
                          "recordings.view_listening"),
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
                    _item(_("Numbers"), "dialpad", "admin:dids_did_changelist", "dids.view_did"),
                    _item(_("Tree"), "account_tree", "admin_desk_tree", "users.view_account"),
                    _item(_("Batches"), "group_add", "admin:desk_batch_changelist", "desk.view_batch"),
                    _item(_("Groups"), "group_work", "admin:groups_accountgroup_changelist", "groups.view_accountgroup"),
                    _item(_("SIP credentials"), "key", "admin:users_sipcredential_changelist", "users.view_sipcredential"),
                    _item(_("Wrong passwords"), "lock_clock", "admin:users_lockout_changelist", "users.view_lockout"),
                ],
            },
            {
                "title": _("Routing"),
                "items": [
                    _item(_("Route rules"), "alt_route", "admin:routing_routerule_changelist", "routing.view_routerule"),
                    _item(_("Where would it go?"), "explore", "admin_where", "routing.view_routerule"),
                    _item(_("Best route"), "leaderboard", "admin:routing_bestroute_changelist", "routing.view_bestroute"),
                    _item(_("Rewrite rules"), "find_replace", "admin:numbers_rewriterule_changelist", "numbers.view_rewriterule"),
                    _item(_("Prefix rules"), "text_select_start", "admin:numbers_prefixrule_changelist",
                          "numbers.view_prefixrule"),
                    _item(_("Try a number"), "dialpad", "admin_try_number", "numbers.view_rewriterule"),
                    _item(_("Number lists"), "list_alt", "admin:numbers_numberlist_changelist", "numbers.view_numberlist"),
                    _item(_("Ported numbers"), "move_down", "admin:portability_portednumber_changelist",
                          "portability.view_portednumber"),
                    _item(_("Operators"), "hub", "admin:portability_operator_changelist", "portability.view_operator"),
                    _item(_("Blocks of numbers"), "view_module", "admin:portability_numberblock_changelist",
                          "portability.view_numberblock"),
                    _item(_("Header rules"), "rule", "admin:signalling_headerrule_changelist", "signalling.view_headerrule"),
                    _item(_("Hangup causes"), "call_end", "admin:signalling_hangupcause_changelist",
                          "signalling.view_hangupcause"),
                    _item(_("Ring groups"), "ring_volume", "admin:pbx_ringgroup_changelist", "pbx.view_ringgroup"),
                ],
            },
            {
                "title": _("Screening"),
                "items": [
                    _item(_("Alerts"), "notification_important", "admin:screening_alert_changelist", "screening.view_alert"),
                    _item(_("Firewall"), "local_fire_department", "admin:screening_firewallrule_changelist",
                          "screening.view_firewallrule"),
                    _item(_("Bans"), "block", "admin:screening_ban_changelist", "screening.view_ban"),
                    _item(_("Caller standings"), "person_off", "admin:screening_callerstanding_changelist",
                          "screening.view_callerstanding"),
                    _item(_("Screened numbers"), "phone_disabled", "admin:screening_screenednumber_changelist",
                          "screening.view_screenednumber"),
                ],
            },
            {
                "title": _("Prices"),
                "items": [
                    _item(_("Tariffs"), "sell", "admin:pricing_tariff_changelist", "pricing.view_tariff"),
                    _item(_("Rates"), "list_alt", "admin:pricing_rate_changelist", "pricing.view_rate"),
                    _item(_("Price lists"), "price_change", "admin:pricelists_changeset_changelist", "pricelists.view_changeset"),
                    _item(_("Compare prices"), "compare_arrows", "admin_compare_prices", "pricing.view_rate"),
                    _item(_("What if"), "query_stats", "admin_what_if", "pricing.view_rate"),
                    _item(_("What if: routes"), "route", "admin:pricelists_routereplay_changelist", "pricelists.view_routereplay"),
                    _item(_("Calculator"), "calculate", "admin_calculator", "pricing.view_rate"),
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
                    _item(_("Vouchers"), "confirmation_number", "admin:vouchers_batch_changelist", "vouchers.view_batch"),
                    _item(_("Invoices"), "receipt_long", "admin:invoices_invoice_changelist", "invoices.view_invoice"),
                    _item(_("Reminders"), "notification_important", "admin:invoices_reminder_changelist", "invoices.view_reminder"),
                    _item(_("Re-ratings"), "published_with_changes", "admin:cdrs_rerating_changelist", "cdrs.view_rerating"),
                    _item(_("Approvals"), "how_to_reg", "admin:approvals_approval_changelist", "approvals.view_approval"),
                    _item(_("Ledger"), "account_balance", "admin:invoices_ledgerentry_changelist",
                          "invoices.view_ledgerentry"),
                    _item(_("Fees"), "event_repeat", "admin:invoices_fee_changelist", "invoices.view_fee"),
                    _item(_("Allowances"), "redeem", "admin:invoices_allowance_changelist", "invoices.view_allowance"),
                    _item(_("Use by day"), "speed", "admin:invoices_usage_changelist", "invoices.view_usage"),
                ],
            },
            {
                "title": _("System"),
                "items": [
                    _item(_("Settings"), "tune", "admin:config_setting_changelist", "config.view_setting"),
                    _item(_("RADIUS servers"), "security", "admin:aaa_radiusserver_changelist", "aaa.view_radiusserver"),
                    _item(_("Scheduled tasks"), "event_repeat", "admin:django_celery_beat_periodictask_changelist",
                          "django_celery_beat.view_periodictask"),
                ],
            },
        ],
    },
}  # fmt: skip
