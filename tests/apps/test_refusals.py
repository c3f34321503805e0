"""Nobody reaches what is not theirs: every address of the site, as everybody who has no business there."""

from __future__ import annotations

import logging
from copy import copy
from functools import cache
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.test import Client

from apps.users.models import Account
from tests.house import House, house
from tests.walk import Page, pages

__all__ = ["house"]
pytestmark = pytest.mark.django_db

ALL = pages()
METHODS = ("get", "post", "put", "patch", "delete")
"""Of the API; pages elsewhere know two, and take any other for the first."""
#: Pages for people who have not logged in.
DOORS = {
    "account_login", "account_logout", "account_signup", "account_inactive", "account_reset_password",
    "account_reset_password_done", "account_reset_password_from_key", "account_reset_password_from_key_done",
}  # fmt: skip
#: What everybody has who has logged in.
MINE = DOORS | {
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_view_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_deactivate_totp",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_list_webauthn",
    "mfa_generate_recovery_codes",
    "schema",
    "api-docs",
}
#: A customer's own things.
CUSTOMER = MINE | {
    "home", "portal_calls", "portal_calls_now", "portal_call", "portal_invoices", "invoice_pdf", "portal_ledger",
    "portal_accounts", "portal_account", "account-list", "account-detail", "account-phones", "cdr-list", "cdr-detail", "cdr-prices",
    "current-call-list", "payment-list", "payment-detail", "ledger-list", "ledger-detail", "invoice-list",
    "invoice-detail", "invoice-pdf", "price", "portal_recordings", "recording-list", "portal_own_prices",
    "did-list", "did-detail", "portal_numbers", "portal_account_numbers", "known-number-list", "known-number-detail", "short-number-list", "short-number-detail",
}  # fmt: skip
#: What customers also change, each for themselves and those below.
SETS = {
    "portal_features", "portal_account_features", "forward-list", "forward-detail", "ring-group-list", "ring-group-detail",
    "speed-dial-list", "speed-dial-detail", "contact-list", "contact-detail", "portal_contacts", "portal_contact", "portal_redeem", "portal_calling_from",
}  # fmt: skip
#: What a reseller also has for itself, whoever's customer somebody is.
RESELLS = {"portal_new_account", "portal_lists", "portal_new_list", "portal_batches"}
#: What is only asked for, with nothing to look at.
ASKS = {"voucher-redeem"}
#: Pages of the admin that show nothing but the frame.
FRAME = MINE | {"admin:index", "admin:login", "admin:logout", "admin:password_change", "admin:password_change_done",
                "admin:jsi18n", "admin:search"}  # fmt: skip

READ = ("_changelist", "_change", "_history")
BEAT = [f"django_celery_beat_{kind}" for kind in ("clockedschedule", "crontabschedule", "intervalschedule",
                                                  "periodictask", "solarschedule")]  # fmt: skip
#: Things of which the office here has none.
OTHERS = {f"admin:{kind}_{what}" for what in ("change", "history")
          for kind in ("users_lockout", "aaa_radiusserver", "aaa_accountingstop", "config_setting", "pricing_exchangerate", *BEAT)}  # fmt: skip


@pytest.fixture
def client(settings: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Thousands of requests would each ask the database for the session, for who has it, and for what this one may do.

    None of that changes on the walk. Nor does anybody read where in the program each request was refused.
    """
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    caplog.set_level(logging.ERROR, "django.request")

    @cache
    def known(pk: str) -> Account:
        account = Account.objects.get(pk=pk)
        account.get_all_permissions()  # kept with the account from now on
        return account

    monkeypatch.setattr(ModelBackend, "get_user", lambda _, pk: copy(known(pk)))
    return Client()


def is_refused(client: Client, path: str, method: str) -> bool:
    response = getattr(client, method)(path)
    if response.status_code in (301, 302):
        target = response.headers["Location"]
        elsewhere = target in ("/admin/", path + "change/")  # pages that are walked themselves
        return elsewhere or target.startswith(("/accounts/login/", "/admin/login/"))
    return response.status_code in (401, 403, 404, 405)


def open_ones(client: Client, house: House, allowed: set[str], only: str = "") -> list[str]:
    """The addresses that answer although they should not; in `allowed` ones only changes are tried."""
    found = []
    for page in ALL:
        known = METHODS if page.pattern.startswith("api/") else METHODS[:2]
        methods = [
            m for m in known if page.name not in allowed or (m != "get" and page.name not in FRAME | DOORS)
        ]
        if page.name in (SETS | RESELLS | ASKS) & allowed:
            continue
        path = page.path(house)
        found += [f"{m} {path}" for m in methods if only in page.pattern and not is_refused(client, path, m)]
    return found


def test_the_walk_sees_the_whole_site() -> None:
    names = {page.name for page in ALL}
    assert {
        "home",
        "admin:users_account_change",
        "rate-detail",
        "tariff-import-rates",
        "admin_end_call",
    } <= names
    assert len(ALL) > 100


def test_anonymous_reaches_nothing_but_the_doors(client: Client, house: House) -> None:
    assert open_ones(client, house, DOORS) == []


def test_a_subscriber_reaches_only_own_pages_and_changes_nothing(client: Client, house: House) -> None:
    client.force_login(house.ada)
    assert open_ones(client, house, CUSTOMER | SETS | ASKS) == []


def test_a_foreign_reseller_finds_none_of_another_ones_things(client: Client, house: House) -> None:
    client.force_login(house.rival)
    lists = {page.name for page in ALL if "<" not in page.pattern} & (CUSTOMER | SETS | RESELLS | ASKS) | MINE
    assert open_ones(client, house, lists) == []


def test_staff_without_rights_see_the_frame_only(client: Client, house: House) -> None:
    client.force_login(house.idle)
    found = open_ones(client, house, FRAME)
    assert found == [], "\n".join(found)
    body = client.get("/admin/").content.decode()
    assert "Calls today" not in body and "/admin/users/account/" not in body
    assert b"ada" not in client.get("/admin/search/?s=ada").content


@pytest.mark.parametrize(
    "page", [p for p in ALL if p.name in (CUSTOMER | SETS) - MINE], ids=lambda page: page.name
)
def test_a_customer_opens_each_own_page(page: Page, client: Client, house: House) -> None:
    client.force_login(house.ada)
    assert client.get(page.path(house)).status_code == 200


def test_support_reads_and_enters_payments_but_changes_nothing_else(client: Client, house: House) -> None:
    client.force_login(house.support)
    for page in ALL:
        path = page.path(house)
        if page.name.startswith("admin:") and page.name not in OTHERS and page.name.endswith(READ):
            assert client.get(path).status_code == 200, path
        if page.name.endswith(("_add", "_delete")) or "import" in page.name:
            expected = 200 if page.name == "admin:invoices_payment_add" else 403
            response = client.post(path) if path.startswith("/api/") else client.get(path)
            assert response.status_code == expected, path
    data = {"account": house.ada.pk, "amount": "7.50", "method": "cash", "reference": "R1"}
    assert client.post("/admin/invoices/payment/add/", data).status_code == 302
    assert house.ada.payments.filter(amount="7.50", entered_by=house.support).exists()


def test_support_changes_no_price_route_setting_or_account(client: Client, house: House) -> None:
    client.force_login(house.support)
    for path in (
        f"/admin/pricing/rate/{house.rate.pk}/change/",
        f"/admin/pricing/tariff/{house.tariff.pk}/change/",
        f"/admin/routing/routerule/{house.rule.pk}/change/",
        f"/admin/users/account/{house.admin.pk}/change/",
        f"/admin/users/account/{house.ada.pk}/change/",
        "/admin/config/setting/currency/edit/",
    ):
        assert client.post(path, {"price": "9", "value": "USD"}).status_code == 403, path
    for path in (
        "rates",
        "routes",
        "accounts",
        "tariffs",
        "carriers",
        "forwards",
        "ring-groups",
        "speed-dials",
    ):
        assert client.post(f"/api/v1/{path}/", {}).status_code == 403, path
