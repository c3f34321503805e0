"""Calls of chosen days and destinations at one price, beside what was recorded for them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.cdrs.models import Cdr
from apps.pricelists.calculator import calculate
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db
SPAN: dict[str, Any] = {"since": datetime(2026, 5, 1, tzinfo=UTC), "until": datetime(2026, 6, 1, tzinfo=UTC)}


@pytest.fixture
def ada() -> Account:
    """Three calls in May, one of them elsewhere, one in June; and somebody else's."""
    ada = make.subscriber(username="ada", parent=make.reseller(username="partner"))
    for day, seconds, number in ((1, 61, "361"), (31, 5, "362"), (9, 30, "441"), (32, 60, "361")):
        at = datetime(2026, 5 + day // 32, day % 31 or 31, 23, 59, tzinfo=UTC)
        made = make.call(ada, at=at, seconds=seconds)
        Cdr.objects.filter(pk=made.pk).update(
            called_number=number, retail_price="0.5", carrier_cost="0.2", currency="EUR"
        )
    make.call(make.subscriber(), at=datetime(2026, 5, 2, tzinfo=UTC), seconds=600)
    return ada


@pytest.mark.req("billing-014")
def test_calls_are_reckoned_by_price_and_step_beside_what_was_recorded(ada: Account) -> None:
    """61 s at 60/30 are 90, 5 s are 60: 2.5 minutes at 0.12 and two fees of 0.05."""
    found = calculate(**SPAN, price=Decimal("0.12"), connect_fee=Decimal("0.05"), first_increment=60, next_increment=30,
                      prefix="36", account=ada)  # fmt: skip
    assert (found.calls, found.seconds, found.billed_seconds, found.total) == (2, 66, 150, Decimal("0.4"))
    assert (found.retail, found.cost) == ({"EUR": Decimal(1)}, Decimal("0.4"))


@pytest.mark.req("billing-014")
def test_the_account_counts_with_all_below_it(ada: Account) -> None:
    price = {"price": Decimal(60)}  # one a second
    assert calculate(**SPAN, **price, account=ada.parent).total == 96
    assert calculate(**SPAN, **price).total == 696


def test_the_page_shows_the_sums(client: Client, ada: Account) -> None:
    client.force_login(make.admin())
    asked = {"first_day": "2026-05-01", "last_day": "2026-05-31", "account": "ada", "prefix": "+36", "price": "0.12",
             "first_increment": "60", "next_increment": "60"}  # fmt: skip
    assert client.get("/admin/calculator/").status_code == 200
    assert "0.360000" in client.get("/admin/calculator/", asked).content.decode()
    for wrong in (
        {"last_day": "2026-09-01"},
        {"account": "nobody"},
        {"prefix": "%"},
        {"price": "-1"},
        {"first_increment": "0"},
        {"first_day": "0001-01-01"},
    ):
        assert client.get("/admin/calculator/", asked | wrong).status_code == 422
    client.force_login(make.account("support", username="idle-one"))
    Account.objects.get(username="idle-one").groups.clear()
    assert client.get("/admin/calculator/", asked).status_code == 403
