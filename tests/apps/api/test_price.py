"""What a call would cost whoever asks, and what they have to spend. The worker that answers is the switch's own code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from apps.api.price import Patiently
from apps.users.models import Account
from apps.users.services import set_own
from tests.answering import Worker
from tests.house import House, house

__all__ = ["house"]
pytestmark = pytest.mark.django_db
NUMBER = "36201234567"


@pytest.fixture
def worker(house: House, tmp_path: Path) -> Iterator[Worker]:
    made = Worker(house.ada, house.carrier, folder=tmp_path)
    yield made
    made.stop()


def asked(account: Account, called: str = NUMBER) -> Any:
    client = APIClient()
    client.force_authenticate(account)
    forgotten(account)
    return client.get("/api/v1/price/", {"called": called} if called else {})


def forgotten(account: Account) -> None:
    """Nothing was asked yet, whatever other tests did."""
    cache.delete(Patiently.cache_format % {"scope": Patiently.scope, "ident": account.pk})


@pytest.mark.req("billing-004")
def test_a_customer_asks_for_price_and_balance_and_hears_nothing_of_carriers(
    house: House, worker: Worker
) -> None:
    answer = asked(house.ada, f"+{NUMBER}")
    assert answer.status_code == 200
    found = answer.json()
    balance = found["balance"]
    assert found == {
        "called": NUMBER, "destination": "", "refused": "", "price": "0.1", "currency": "EUR", "balance": balance,
    }  # fmt: skip
    assert float(balance) > 0
    assert "carrier" not in answer.content.decode()
    [order] = worker.orders
    assert order["account"] == house.ada.pk  # whatever else was asked, the price is one's own


@pytest.mark.req("billing-004")
def test_a_number_without_a_price_has_none(house: House, worker: Worker) -> None:
    found = asked(house.ada, "4420").json()
    assert (found["price"], found["refused"]) == (None, "no_route")


def test_who_may_not_see_prices_and_who_calls_nobody_asks_in_vain(house: House, worker: Worker) -> None:
    set_own(account=house.ada, key="feature_seeowntariffs", value=False)
    assert [asked(one).status_code for one in (house.ada, house.carrier, house.idle)] == [403] * 3
    assert worker.orders == []


def test_a_switch_that_does_not_answer_is_said_to_be_away(house: House) -> None:
    assert asked(house.ada).status_code == 503
    found = asked(house.ada, "").json()
    assert (found["price"], float(found["balance"]) > 0) == (None, True)  # that the database knows


def test_nobody_asks_faster_than_people_dial(house: House, worker: Worker) -> None:
    client = APIClient()
    client.force_authenticate(house.ada)
    forgotten(house.ada)
    answers = [client.get("/api/v1/price/", {"called": NUMBER}).status_code for _ in range(61)]
    assert answers == [200] * 60 + [429]
