"""A callshop: cabins, what they cost now, and receipts of each call once; for its owner alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from apps.callshop import queries, services
from apps.callshop.engine import charge
from apps.callshop.models import Receipt, ReceiptLine
from apps.callshop.pdf import render
from apps.core import workers
from apps.users import services as users
from apps.users.models import Account
from tests import make
from tests.charging import terms

pytestmark = pytest.mark.django_db
LABEL = "callshop-1-1"


@pytest.fixture
def owner() -> Account:
    made = make.subscriber(username="shop", display_name="Corner Shop", password="many-guests-call")
    users.set_own(account=made, key="callshop", value=True)
    users.set_own(account=made, key="callshopmarkup", value="50")
    return made


@pytest.fixture
def cabin(owner: Account) -> Account:
    return services.add_cabin(owner=owner, username="cabin1", name="Cabin 1", password="ring-me-softly-1")


@pytest.fixture
def talk() -> Iterator[Callable[..., None]]:
    """Let a worker tell of a call that is up."""
    redis = workers.client()

    def up(caller: Account, seconds: int, **fields: Any) -> None:
        now = time.time()
        told = {
            "id": str(uuid4()), "worker": LABEL, "state": "up", "started": now - seconds - 2, "answered": now - seconds,
            "caller_id": caller.pk, "caller": caller.username, "called_number": "3612345678",
        } | fields  # fmt: skip
        redis.zadd(workers.WORKERS, {LABEL: now})
        redis.hset(workers.CALLS + LABEL, told["id"], json.dumps(told))

    yield up
    redis.delete(workers.CALLS + LABEL)
    redis.zrem(workers.WORKERS, LABEL)


def called(cabin: Account, owner: Account, net: str = "0.10", **fields: Any) -> None:
    at = fields.pop("at", timezone.now() - timedelta(minutes=5))
    make.call(owner, caller=cabin, at=at, net=net, **fields)


def close(owner: Account, cabin: Account) -> Receipt:
    return services.close(owner=owner, cabin=cabin, now=timezone.now())


@pytest.mark.parametrize(
    ("gross", "markup", "digits", "expected"),
    [("0.12", "0", 2, "0.12"), ("0.12", "50", 2, "0.18"), ("0.125", "0", 2, "0.13"), ("1.01", "10", 0, "1")],
)
def test_a_guest_pays_the_price_and_the_markup_rounded_once(
    gross: str, markup: str, digits: int, expected: str
) -> None:
    assert charge(Decimal(gross), Decimal(markup), digits) == Decimal(expected)


@pytest.mark.req("callshop-001", "callshop-002", "callshop-003", "callshop-004")
def test_the_owner_adds_and_changes_cabins(owner: Account, client: Client) -> None:
    client.force_login(owner)
    data = {"username": "cabin7", "name": "By the door", "password": "ring-me-softly-7"}
    assert client.post("/callshop/cabins/add/", data).status_code == 302
    made = Account.objects.get(username="cabin7")
    assert (made.kind, made.parent, made.display_name) == ("extension", owner, "By the door")
    client.post(f"/callshop/cabins/{made.pk}/", {"name": "At the window"})
    made.refresh_from_db()
    assert (made.display_name, made.is_active) == ("At the window", False)
    answer = client.post("/callshop/cabins/add/", data)
    assert answer.status_code == 200 and b"already" in answer.content
    with pytest.raises(ValidationError):
        services.change_cabin(owner=owner, cabin=make.subscriber(), name="Mine", is_active=True)


def test_a_receipt_has_each_call_once_with_the_markup(owner: Account, cabin: Account) -> None:
    """0.10 net are 0.12 with VAT, and 0.18 with half of it on top."""
    called(cabin, owner)
    called(cabin, owner, net="1", destination="Austria")
    called(owner, owner)
    first = close(owner, cabin)
    assert (first.number, first.total, first.owner_name) == (1, Decimal("1.98"), "Corner Shop")
    assert sorted(first.lines.values_list("amount", flat=True)) == [Decimal("0.18"), Decimal("1.80")]
    with pytest.raises(services.CannotClose):
        close(owner, cabin)
    called(cabin, owner)
    second = close(owner, cabin)
    assert (second.number, second.lines.count()) == (2, 1)
    assert ReceiptLine.objects.count() == 3


def test_a_cabin_is_not_closed_while_its_call_is_up(
    owner: Account, cabin: Account, talk: Callable[..., None]
) -> None:
    called(cabin, owner)
    talk(cabin, 10)
    with pytest.raises(services.CannotClose, match="up"):
        close(owner, cabin)


def test_the_cost_of_a_call_that_is_up_is_what_it_would_be_charged_now(
    owner: Account, cabin: Account, talk: Callable[..., None]
) -> None:
    """One unit a second, half of it on top; the first five seconds are free."""
    called(cabin, owner)
    talk(cabin, 25, terms=terms(), free=5)
    (state,) = queries.states(owner, timezone.now())
    ((_call, cost),) = state.now
    assert cost in (30, Decimal("31.5")), "a second may have passed"
    assert state.total == cost + Decimal("0.18")


@pytest.mark.parametrize(("fields", "cost"), [({"answered": None}, 0), ({"terms": []}, 0), ({}, None)])
def test_a_call_that_rings_costs_nothing_and_without_terms_nobody_knows(
    owner: Account, cabin: Account, talk: Callable[..., None], fields: dict[str, Any], cost: int | None
) -> None:
    talk(cabin, 25, **fields)
    (state,) = queries.states(owner, timezone.now())
    assert [one for _call, one in state.now] == [cost]


def test_the_pages_show_cabins_and_print_the_receipt(owner: Account, cabin: Account, client: Client) -> None:
    called(cabin, owner)
    client.force_login(owner)
    page = client.get("/callshop/").content.decode()
    assert "Cabin 1" in page and "0.18" in page and "Close and print" in page
    assert "Cabin 1" in client.get("/callshop/now/").content.decode()
    answer = client.post(f"/callshop/cabins/{cabin.pk}/close/")
    receipt = Receipt.objects.get()
    assert answer["Location"] == f"/callshop/receipts/{receipt.pk}/"
    assert "36301234567" in client.get(answer["Location"]).content.decode()
    assert "Cabin 1" in client.get("/callshop/receipts/").content.decode()
    pdf = client.get(f"/callshop/receipts/{receipt.pk}/pdf/")
    assert pdf["Content-Type"] == "application/pdf" and pdf.content.startswith(b"%PDF")
    assert render(receipt).startswith(b"%PDF")


@pytest.mark.req("callshop-002")
def test_nobody_but_the_owner_finds_anything(owner: Account, cabin: Account, client: Client) -> None:
    called(cabin, owner)
    receipt = close(owner, cabin)
    other = make.subscriber()
    users.set_own(account=other, key="callshop", value=True)
    paths = [
        f"/callshop/cabins/{cabin.pk}/",
        f"/callshop/receipts/{receipt.pk}/",
        f"/callshop/receipts/{receipt.pk}/pdf/",
    ]
    for who, where in (
        (other, paths),
        (make.subscriber(), ["/callshop/", *paths]),
        (cabin, ["/callshop/", *paths]),
        (make.admin(), ["/callshop/", *paths]),
    ):
        client.force_login(who)
        assert {client.get(path).status_code for path in where} == {404}
        assert client.post(f"/callshop/cabins/{cabin.pk}/close/").status_code == 404


def test_calls_of_long_ago_are_not_charged_any_more(owner: Account, cabin: Account) -> None:
    called(cabin, owner, at=timezone.now() - queries.REACH - timedelta(hours=1))
    assert queries.unpaid(owner, cabin, timezone.now()) == []
