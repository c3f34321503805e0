"""The pages by which a reseller works: accounts, credit, price lists; and the price list that everybody sees."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.invoices.models import Balance
from apps.pricing import services as pricing
from apps.pricing.models import Rate, Tariff
from apps.pricing.queries import tariff_of
from apps.resellers import services
from apps.users import services as users
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner() -> Account:
    reseller = make.reseller(username="partner", parent=make.company())
    pricing.assign_tariff(account=reseller, tariff=make.tariff("reseller", name="costs", prices={"": "0.05"}))
    pricing.assign_tariff(
        account=reseller.parent, tariff=make.tariff(name="house", prices={"36": "0.10", "3620": "0.20"})
    )
    return reseller


@pytest.fixture
def portal(client: Client, partner: Account) -> Client:
    client.force_login(partner)
    return client


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


def key(page: str) -> str:
    return re.search(r'name="key" value="([^"]+)"', page)[1]  # type: ignore[index]


NEW = {"kind": "subscriber", "username": "ada", "display_name": "Ada", "vat_rate": "20", "time_zone": "Europe/Budapest",
       "max_calls": "2", "credit": "3", "password": "ada-rides-horses", "sip_password": "rides-well-7"}  # fmt: skip


@pytest.mark.req("reseller-010")
def test_an_account_is_opened_changed_and_given_credit(portal: Client, partner: Account) -> None:
    assert "/accounts-below/add/" in text(portal, "/accounts-below/")
    made = portal.post("/accounts-below/add/", NEW, follow=True)
    ada = Account.objects.get(username="ada")
    assert ada.parent == partner and ada.max_calls == 2 and "ada was saved" in made.content.decode()
    page = text(portal, f"/accounts-below/{ada.pk}/change/")
    assert 'value="Ada"' in page and "ada-rides-horses" not in page and 'name="username"' not in page
    changed = {"display_name": "Ada L.", "vat_rate": "27", "time_zone": "UTC", "max_calls": "3"}
    portal.post(f"/accounts-below/{ada.pk}/change/", changed)
    ada.refresh_from_db()
    assert (ada.display_name, ada.is_active, ada.check_password("ada-rides-horses")) == (
        "Ada L.",
        False,
        True,
    )
    sent = {"amount": "4.5", "key": key(text(portal, f"/accounts-below/{ada.pk}/credit/"))}
    for _ in range(2):  # a second click
        portal.post(f"/accounts-below/{ada.pk}/credit/", sent)
    assert Balance.objects.get(account=ada).amount == Decimal("7.5")


@pytest.mark.parametrize("sent", [
    {"username": "a b"}, {"username": "partner"}, {"kind": "admin"}, {"vat_rate": "101"}, {"credit": "NaN"}, {"credit": "-1"},
    {"time_zone": "Mars/Olympus"}, {"max_calls": "-1"}, {"email": "x"}, {"password": "short"}, {"credit": "1e30"}, {"username": "a\0b"},
])  # fmt: skip
def test_nonsense_is_said_beside_the_form_and_nothing_is_half_written(
    portal: Client, partner: Account, sent: dict[str, str]
) -> None:
    response = portal.post("/accounts-below/add/", NEW | sent)
    assert response.status_code == 200 and 'role="alert"' in response.content.decode()
    assert not partner.children.exists()


def test_accounts_of_others_are_as_good_as_not_there(portal: Client, partner: Account) -> None:
    foreign = make.subscriber(parent=make.reseller(parent=partner.parent))
    for path in ("change", "credit", "prices"):
        assert portal.get(f"/accounts-below/{foreign.pk}/{path}/").status_code == 404
        assert portal.post(f"/accounts-below/{foreign.pk}/{path}/", {"display_name": "x"}).status_code == 404


@pytest.mark.parametrize(
    "path", ["accounts-below/add/", "price-lists/", "price-lists/add/", "credit/pass-on/"]
)
def test_who_may_not_finds_nothing(portal: Client, client: Client, partner: Account, path: str) -> None:
    users.set_own(account=partner, key="rights", value="minimal")
    assert portal.get("/" + path).status_code == 404 and portal.post("/" + path).status_code == 404
    client.force_login(make.subscriber(parent=partner))
    assert client.get("/" + path).status_code == 404
    client.force_login(make.admin())
    assert client.get("/" + path).status_code == 404


@pytest.mark.req("reseller-016", "reseller-040")
def test_a_price_list_is_made_edited_and_given(portal: Client, partner: Account) -> None:
    ada = make.subscriber(parent=partner)
    source = Tariff.objects.get(name="costs")
    assert "Copy of" in text(portal, "/price-lists/add/")
    portal.post("/price-lists/add/", {"name": "mine", "kind": "retail", "source": source.pk, "percent": "20"})
    made = Tariff.objects.get(owner=partner)
    page = f"/price-lists/{made.pk}/"
    portal.post(page, {"what": "add", "prefix": "+36", "price": "0.09", "destination": "Hungary"})
    refused = portal.post(page, {"what": "add", "prefix": "44", "price": "0.0499"})
    assert "below the least" in refused.content.decode()
    portal.post(page, {"what": "percent", "percent": "10", "prefix": "36"})
    rate = Rate.objects.get(tariff=made, prefix="36")
    assert (
        rate.price == Decimal("0.099")
        and "Hungary" in text(portal, page + "?q=hung")
        and "0.06" not in text(portal, page + "?q=hung")
    )
    portal.post(f"{page}prices/{rate.pk}/", {"price": "0.08", "destination": "Hungary, all"})
    assert Rate.objects.get(pk=rate.pk).price == Decimal("0.08")
    portal.post(f"{page}head/", {"name": "Mine", "connect_fee": "0.01", "first_increment": "30", "next_increment": "6",
                                 "minimum_seconds": "0", "surcharge": "0", "comment": ""})  # fmt: skip
    made.refresh_from_db()
    assert (made.name, made.first_increment, made.connect_fee) == ("Mine", 30, Decimal("0.01"))
    portal.post(f"/accounts-below/{ada.pk}/prices/", {"retail": made.pk})
    assert tariff_of(ada, "retail") == made and ada.username in text(portal, page)
    portal.post("/price-lists/", {"base": made.pk})
    assert tariff_of(make.subscriber(parent=partner), "retail") == made
    portal.post(f"{page}prices/{rate.pk}/", {"price": "0.08", "remove": "on"})
    assert not Rate.objects.filter(pk=rate.pk).exists()


def test_a_foreign_list_is_not_to_be_chosen(portal: Client, partner: Account) -> None:
    ada, house = make.subscriber(parent=partner), Tariff.objects.get(name="house")
    for path, data in ((f"/accounts-below/{ada.pk}/prices/", {"retail": house.pk}), ("/price-lists/", {"base": house.pk}),
                       ("/price-lists/add/", {"name": "x", "kind": "retail", "source": make.tariff().pk})):  # fmt: skip
        assert 'role="alert"' in portal.post(path, data).content.decode()
    assert portal.get(f"/price-lists/{house.pk}/").status_code == 404
    assert tariff_of(ada, "retail") == house and not Tariff.objects.filter(owner=partner).exists()


@pytest.mark.parametrize(
    "query", ["q=%00", "q=%25", "page=x", "page=99", "list=x", "list=999999", "q=+3620123"]
)
def test_a_hostile_query_shows_the_prices(
    portal: Client, client: Client, partner: Account, query: str
) -> None:
    made = services.create(by=partner, name="mine", kind="retail", source=None)
    assert "<h1>" in text(portal, f"/price-lists/{made.pk}/?{query}")
    client.force_login(make.subscriber(parent=partner))
    assert "<h1>" in text(client, f"/prices/?{query}")


def test_a_customer_sees_what_calls_cost_unless_that_is_switched_off(
    client: Client, partner: Account
) -> None:
    ada = make.subscriber(parent=partner)
    client.force_login(ada)
    page = text(client, "/prices/?q=%2B36201234567")
    assert "0.20" in page and "0.10" in page and "0.05" not in page
    assert page.index("0.20") < page.index("0.10")  # the prefix that decides stands first
    users.set_own(account=partner, key="feature_seeowntariffs", value="no")
    assert client.get("/prices/").status_code == 404 and "/prices/" not in text(client, "/")


def test_credit_is_passed_on_by_its_page_once(client: Client, partner: Account) -> None:
    users.set_own(account=partner, key="feature_transfercredit", value="yes")
    ada = make.subscriber(username="ada", parent=partner, balance="10")
    ben = make.subscriber(username="ben", parent=partner)
    client.force_login(ada)
    sent = {"to": "ben", "amount": "4", "key": key(text(client, "/credit/pass-on/"))}
    for _ in range(2):
        client.post("/credit/pass-on/", sent)
    assert Balance.objects.get(account=ben).amount == 4 and Balance.objects.get(account=ada).amount == 6
    page = text(client, "/credit/pass-on/")
    again = client.post(
        "/credit/pass-on/", {"to": "partner", "amount": "1", "key": key(page)}
    ).content.decode()
    assert "no account of this name" in again


def test_the_reseller_pages_cost_few_queries(
    portal: Client, partner: Account, django_assert_max_num_queries: Any
) -> None:
    made = services.create(by=partner, name="mine", kind="retail", source=Tariff.objects.get(name="costs"))
    for path in ("/price-lists/", f"/price-lists/{made.pk}/", "/prices/", "/accounts-below/"):
        with django_assert_max_num_queries(25):
            portal.get(path)
