"""Addresses of the API."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from apps.api import views

router = SimpleRouter()
router.register("accounts", views.AccountViewSet, "account")
router.register("carriers", views.CarrierViewSet, "carrier")
router.register("tariffs", views.TariffViewSet, "tariff")
router.register("rates", views.RateViewSet, "rate")
router.register("routes", views.RouteViewSet, "route")
router.register("header-rules", views.HeaderRuleViewSet, "header-rule")
router.register("hangup-causes", views.HangupCauseViewSet, "hangup-cause")
router.register("cdrs", views.CdrViewSet, "cdr")
router.register("current-calls", views.CurrentCallViewSet, "current-call")
router.register("payments", views.PaymentViewSet, "payment")
router.register("ledger", views.LedgerViewSet, "ledger")
router.register("invoices", views.InvoiceViewSet, "invoice")

urlpatterns = [
    path("v1/", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]
