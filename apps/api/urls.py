"""Addresses of the API."""

from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from apps.api import (
    assignments,
    dids,
    groups,
    manual,
    numbers,
    pbx,
    portability,
    price,
    recordings,
    rerating,
    routing,
    screening,
    trunks,
    views,
    vouchers,
)

router = SimpleRouter()
router.register("accounts", views.AccountViewSet, "account")
router.register("account-groups", groups.AccountGroupViewSet, "account-group")
router.register("carriers", views.CarrierViewSet, "carrier")
router.register("trunk-accounts", views.TrunkAccountViewSet, "trunk-account")
router.register("tariffs", views.TariffViewSet, "tariff")
router.register("tariff-assignments", assignments.TariffAssignmentViewSet, "tariff-assignment")
router.register("rates", views.RateViewSet, "rate")
router.register("routes", routing.RouteViewSet, "route")
router.register("best-routes", routing.BestRouteViewSet, "best-route")
router.register("trunk-health", trunks.TrunkHealthViewSet, "trunk-health")
router.register("trunk-events", trunks.TrunkEventViewSet, "trunk-event")
router.register("trunk-hours", trunks.TrunkHourViewSet, "trunk-hour")
router.register("trunk-days", trunks.TrunkDayViewSet, "trunk-day")
router.register("number-lists", numbers.NumberListViewSet, "number-list")
router.register("rewrite-rules", numbers.RewriteRuleViewSet, "rewrite-rule")
router.register("prefix-rules", numbers.PrefixRuleViewSet, "prefix-rule")
router.register("header-rules", views.HeaderRuleViewSet, "header-rule")
router.register("hangup-causes", views.HangupCauseViewSet, "hangup-cause")
router.register("forwards", pbx.ForwardViewSet, "forward")
router.register("ring-groups", pbx.RingGroupViewSet, "ring-group")
router.register("speed-dials", pbx.SpeedDialViewSet, "speed-dial")
router.register("dids", dids.DidViewSet, "did")
router.register("sign-ups", dids.SignUpViewSet, "sign-up")
router.register("ported-numbers", portability.PortedNumberViewSet, "ported-number")
router.register("contacts", dids.ContactViewSet, "contact")
router.register("known-numbers", dids.KnownNumberViewSet, "known-number")
router.register("short-numbers", dids.ShortViewSet, "short-number")
router.register("firewall-rules", screening.FirewallRuleViewSet, "firewall-rule")
router.register("bans", screening.BanViewSet, "ban")
router.register("screened-numbers", screening.ScreenedNumberViewSet, "screened-number")
router.register("cdrs", views.CdrViewSet, "cdr")
router.register("current-calls", views.CurrentCallViewSet, "current-call")
router.register("recordings", recordings.RecordingViewSet, "recording")
router.register("payments", views.PaymentViewSet, "payment")
router.register("ledger", views.LedgerViewSet, "ledger")
router.register("reratings", rerating.ReratingViewSet, "rerating")
router.register("invoices", views.InvoiceViewSet, "invoice")

urlpatterns = [
    path("v1/price/", price.PriceView.as_view(), name="price"),
    path("v1/vouchers/redeem/", vouchers.RedeemView.as_view(), name="voucher-redeem"),
    path("v1/", include(router.urls)),
    path("schema/", manual.SchemaView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]
