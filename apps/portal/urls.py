"""Addresses of the portal."""

from django.urls import path

from apps.portal import features, views

urlpatterns = [
    path("", views.home, name="home"),
    path("calls/", views.calls, name="portal_calls"),
    path("calls/now/", views.calls_now, name="portal_calls_now"),
    path("calls/<uuid:call_id>/", views.call, name="portal_call"),
    path("invoices/", views.invoices, name="portal_invoices"),
    path("invoices/<int:invoice_id>/pdf/", views.invoice_pdf, name="invoice_pdf"),
    path("payments/", views.ledger, name="portal_ledger"),
    path("accounts-below/", views.accounts, name="portal_accounts"),
    path("accounts-below/<int:account_id>/", views.account, name="portal_account"),
    path("accounts-below/<int:account_id>/features/", features.features, name="portal_account_features"),
    path("features/", features.features, name="portal_features"),
]
