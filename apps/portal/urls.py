"""Addresses of the portal."""

from django.urls import path

from apps.portal import callshop, features, known_numbers, numbers, price_lists, reselling, views, vouchers

urlpatterns = [
    path("", views.home, name="home"),
    path("calls/", views.calls, name="portal_calls"),
    path("calls/now/", views.calls_now, name="portal_calls_now"),
    path("calls/<uuid:call_id>/", views.call, name="portal_call"),
    path("recordings/", views.recordings, name="portal_recordings"),
    path("invoices/", views.invoices, name="portal_invoices"),
    path("invoices/<int:invoice_id>/pdf/", views.invoice_pdf, name="invoice_pdf"),
    path("payments/", views.ledger, name="portal_ledger"),
    path("accounts-below/", views.accounts, name="portal_accounts"),
    path("accounts-below/add/", reselling.account, name="portal_new_account"),
    path("accounts-below/<int:account_id>/change/", reselling.account, name="portal_change_account"),
    path("accounts-below/<int:account_id>/credit/", reselling.credit, name="portal_credit"),
    path("accounts-below/<int:account_id>/prices/", reselling.prices, name="portal_account_prices"),
    path("credit/pass-on/", reselling.pass_credit, name="portal_pass_credit"),
    path("vouchers/redeem/", vouchers.redeem, name="portal_redeem"),
    path("vouchers/", vouchers.batches, name="portal_batches"),
    path("vouchers/<int:batch_id>/print.csv", vouchers.print_batch, {"form": "csv"}, name="portal_batch_csv"),
    path("vouchers/<int:batch_id>/print.pdf", vouchers.print_batch, {"form": "pdf"}, name="portal_batch_pdf"),
    path("vouchers/<int:batch_id>/cancel/", vouchers.cancel_batch, name="portal_batch_cancel"),
    path("prices/", price_lists.own_prices, name="portal_own_prices"),
    path("price-lists/", price_lists.lists, name="portal_lists"),
    path("price-lists/add/", price_lists.new_list, name="portal_new_list"),
    path("price-lists/<int:tariff_id>/", price_lists.price_list, name="portal_list"),
    path("price-lists/<int:tariff_id>/head/", price_lists.head, name="portal_list_head"),
    path("price-lists/<int:tariff_id>/prices/<int:rate_id>/", price_lists.price, name="portal_price"),
    path("accounts-below/<int:account_id>/", views.account, name="portal_account"),
    path("accounts-below/<int:account_id>/features/", features.features, name="portal_account_features"),
    path("callshop/", callshop.cabins, name="portal_callshop"),
    path("callshop/now/", callshop.cabins_now, name="portal_callshop_now"),
    path("callshop/cabins/add/", callshop.cabin, name="portal_new_cabin"),
    path("callshop/cabins/<int:cabin_id>/", callshop.cabin, name="portal_cabin"),
    path("callshop/cabins/<int:cabin_id>/close/", callshop.close, name="portal_cabin_close"),
    path("callshop/receipts/", callshop.receipts, name="portal_receipts"),
    path("callshop/receipts/<int:receipt_id>/", callshop.receipt, name="portal_receipt"),
    path("callshop/receipts/<int:receipt_id>/pdf/", callshop.receipt_pdf, name="portal_receipt_pdf"),
    path("numbers/", numbers.numbers, name="portal_numbers"),
    path("numbers/<int:account_id>/", numbers.numbers, name="portal_account_numbers"),
    path("numbers/<int:account_id>/<int:did_id>/take/", numbers.take, name="portal_take_number"),
    path(
        "numbers/<int:account_id>/<int:did_id>/give-back/", numbers.give_back, name="portal_give_number_back"
    ),
    path("contacts/", numbers.contacts, name="portal_contacts"),
    path("contacts/<int:contact_id>/", numbers.contacts, name="portal_contact"),
    path("features/", features.features, name="portal_features"),
    path("calling-from/", known_numbers.numbers, name="portal_calling_from"),
]
