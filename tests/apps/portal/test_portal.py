"""What a subscriber and a reseller find in the portal, and the frame around all pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from apps.users.models import Account
from tests.house import House

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client, house: House) -> Client:
    client.force_login(house.ada)
    return client


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


def test_a_subscriber_sees_balance_calls_and_invoices(ada: Client, house: House) -> None:
    page = text(ada, "/")
    assert house.invoice.number in page and str(house.call.pk) in page
    assert "Accounts below" not in page


@pytest.mark.req("web-portal-013")
def test_calls_are_found_by_day_and_number(ada: Client, house: House) -> None:
    day, number = house.call.started_at.date(), house.call.called_number
    assert str(house.call.pk) in text(ada, f"/calls/?from={day}&to={day}&number=%2B{number}")
    assert str(house.call.pk) not in text(ada, f"/calls/?from={day}&to={day}&number=999999")
    assert "No calls." in text(ada, "/calls/?from=2001-01-01&to=2001-01-02")


@pytest.mark.parametrize(
    "query", ["from=nonsense&to=2026-99-99", "page=x", "page=-4", "from=2030-01-01&to=2001-01-01", "number=%00", "number=%25_",
              "to=0001-01-01", "to=9999-12-31", "from=0001-01-01"]
)  # fmt: skip
def test_a_hostile_query_shows_a_page(query: str, ada: Client) -> None:
    assert "<h1>" in text(ada, f"/calls/?{query}")


def test_a_hostile_search_for_accounts_shows_a_page(client: Client, house: House) -> None:
    client.force_login(house.reseller)
    assert "No accounts." in text(client, "/accounts-below/?q=%00nobody")


def test_a_call_shows_its_price_and_nothing_of_the_carrier(ada: Client, house: House) -> None:
    page = text(ada, f"/calls/{house.call.pk}/")
    assert "Per minute" in page and "carrier" not in page and "ada" in page


def test_an_invoice_comes_as_pdf(ada: Client, house: House) -> None:
    response = ada.get(f"/invoices/{house.invoice.pk}/pdf/")
    assert response.headers["Content-Type"] == "application/pdf" and response.content.startswith(b"%PDF")


def test_a_reseller_sees_the_accounts_below_and_their_calls(client: Client, house: House) -> None:
    client.force_login(house.reseller)
    page = text(client, "/accounts-below/?q=ad")
    assert "ada" in page and "eve" not in page
    assert str(house.call.pk) in text(client, f"/accounts-below/{house.ada.pk}/")
    assert client.get(f"/accounts-below/{house.eve.pk}/").status_code == 404


def test_lists_cost_the_same_queries_however_long(
    client: Client, house: House, django_assert_max_num_queries: Any
) -> None:
    client.force_login(house.reseller)
    for path in ("/", "/calls/", "/invoices/", "/payments/", "/accounts-below/"):
        with django_assert_max_num_queries(15):
            client.get(path)


def policy(client: Client, path: str) -> dict[str, str]:
    header = client.get(path).headers["Content-Security-Policy"]
    return dict(part.strip().partition(" ")[::2] for part in header.split(";"))


def test_only_the_admin_and_the_manual_relax_the_content_policy(client: Client, house: House) -> None:
    strict = policy(client, "/accounts/login/")
    assert strict["script-src"] == strict["style-src"] == strict["default-src"] == "'self'"
    client.force_login(house.admin)
    assert policy(client, "/admin/")["script-src"] == "'self' 'unsafe-eval'"
    assert policy(client, "/admin/")["style-src"] == "'self' 'unsafe-inline'"
    assert policy(client, "/api/docs/")["script-src"] == "'self'"
    assert policy(client, "/api/v1/accounts/")["style-src"] == "'self'"


def test_pages_that_are_not_there_or_not_open_look_like_the_portal(ada: Client) -> None:
    for path, status in (("/nowhere/", 404), ("/admin/login/", 403)):
        response = ada.get(path)
        assert response.status_code == status and "portal.css" in response.content.decode()


def test_the_admin_is_entered_by_the_one_login_page(client: Client) -> None:
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")


def test_a_forgotten_password_is_set_anew_by_the_mailed_link(client: Client, house: House) -> None:
    assert reverse("account_reset_password") in text(client, "/accounts/login/")
    client.post("/accounts/password/reset/", {"email": "ada@example.com"})
    link = re.search(r"https?://[^/]+(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link
    form = client.get(link[1], follow=True)
    path = form.redirect_chain[-1][0]
    client.post(path, {"password1": "new-horse-battery-1", "password2": "new-horse-battery-1"})
    assert Account.objects.get(pk=house.ada.pk).check_password("new-horse-battery-1")
    assert "This link is used up" in client.get(link[1], follow=True).content.decode()


def test_an_address_that_nobody_has_gets_the_same_page_and_no_mail(client: Client, house: House) -> None:
    response = client.post("/accounts/password/reset/", {"email": "nobody@example.com"}, follow=True)
    assert "The letter is on its way" in response.content.decode() and not mail.outbox


def test_nobody_signs_up(client: Client) -> None:
    assert "No sign-up here" in text(client, "/accounts/signup/")


def test_a_page_has_a_language_one_heading_and_a_label_for_each_input(ada: Client) -> None:
    for path in (
        "/",
        "/calls/",
        "/invoices/",
        "/payments/",
        "/accounts/password/change/",
        "/accounts/logout/",
    ):
        page = text(ada, path)
        assert '<html lang="en">' in page and page.count("<h1") == 1, path
        labels = set(re.findall(r'<label for="([^"]+)"', page))
        for field in re.findall(r"<input [^>]+>", page):
            if 'type="hidden"' not in field:
                assert re.search(r'id="([^"]+)"', field)[1] in labels, field  # type: ignore[index]
