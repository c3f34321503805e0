"""Rates that are edited one by one wait for a second person when they change a price by more than a limit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.authtoken.models import Token

from apps.approvals import services as approvals
from apps.approvals.models import Approval
from apps.config.services import set_value
from apps.pricing import services
from apps.pricing.models import Rate, Tariff
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def tariff() -> Tariff:
    set_value(key="approval_rate_percent", value="10")
    return make.tariff(prices={"36": "0.10"})


@pytest.fixture
def people() -> tuple[Account, Account]:
    return make.admin(), make.admin()


def price(tariff: Tariff, prefix: str = "36") -> Decimal:
    return Rate.objects.get(tariff=tariff, prefix=prefix).price


@pytest.mark.parametrize(
    ("wanted", "waits"), [("0.11", False), ("0.090", False), ("0.110001", True), ("0.089", True), ("0", True)]
)
def test_a_price_waits_when_it_changes_by_more_than_the_limit(
    tariff: Tariff, people: Any, wanted: str, waits: bool
) -> None:
    made = services.change_or_ask(rate=tariff.rates.get(), by=people[0], price=Decimal(wanted))
    assert isinstance(made, Approval) == waits
    assert price(tariff) == (Decimal("0.10") if waits else Decimal(wanted))


@pytest.mark.parametrize(
    "fields", [{"connect_fee": Decimal("0.01")}, {"first_increment": 60}, {"min_digits": 3}, {"prefix": "3"}]
)
def test_whatever_else_changes_what_a_call_costs_waits(
    tariff: Tariff, people: Any, fields: dict[str, Any]
) -> None:
    assert isinstance(services.change_or_ask(rate=tariff.rates.get(), by=people[0], **fields), Approval)
    assert not isinstance(
        services.change_or_ask(rate=tariff.rates.get(), by=people[0], destination="Hungary"), Approval
    )


@pytest.mark.parametrize(
    ("prefix", "wanted", "waits"), [("3620", "0.11", False), ("3620", "0.2", True), ("44", "0.1", True)]
)
def test_a_new_rate_is_compared_with_what_its_numbers_cost_now(
    tariff: Tariff, people: Any, prefix: str, wanted: str, waits: bool
) -> None:
    made = services.add_or_ask(tariff=tariff, by=people[0], prefix=prefix, price=Decimal(wanted))
    assert isinstance(made, Approval) == waits and tariff.rates.count() == (1 if waits else 2)
    if waits:
        approvals.approve(approval=made, by=people[1])
        assert price(tariff, prefix) == Decimal(wanted)


def test_nobody_agrees_to_their_own_price_and_it_is_changed_once(tariff: Tariff, people: Any) -> None:
    asked = services.change_or_ask(rate=tariff.rates.get(), by=people[0], price=Decimal("0.5"))
    assert isinstance(asked, Approval)
    with pytest.raises(ValidationError):
        approvals.approve(approval=asked, by=people[0])
    approvals.approve(approval=asked, by=people[1])
    assert price(tariff) == Decimal("0.5")
    with pytest.raises(ValidationError):
        approvals.approve(approval=asked, by=people[1])


def test_what_was_changed_meanwhile_is_not_overwritten(tariff: Tariff, people: Any) -> None:
    asked = services.change_or_ask(rate=tariff.rates.get(), by=people[0], price=Decimal("0.5"))
    services.change_rate(rate=tariff.rates.get(), price=Decimal("0.12"))
    with pytest.raises(ValidationError, match="changed since"):
        approvals.approve(approval=asked, by=people[1])  # type: ignore[arg-type]
    assert price(tariff) == Decimal("0.12")


def test_in_the_list_and_on_its_page_a_dear_change_waits(client: Client, tariff: Tariff, people: Any) -> None:
    client.force_login(people[0])
    rate = tariff.rates.get()
    row = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": rate.pk, "form-0-price": "0.5",
           "form-0-valid_until_0": "", "form-0-valid_until_1": "", "_save": "Save"}  # fmt: skip
    page = client.post("/admin/pricing/rate/", row, follow=True).content.decode()
    assert (
        "waits for a second person" in page
        and price(tariff) == Decimal("0.10")
        and Approval.objects.count() == 1
    )
    row["form-0-price"] = "0.105"
    client.post("/admin/pricing/rate/", row)
    assert price(tariff) == Decimal("0.105") and Approval.objects.count() == 1
    assert client.get(f"/admin/pricing/rate/{rate.pk}/delete/").status_code == 403


def test_programs_are_refused(client: Client, tariff: Tariff, people: Any) -> None:
    header = {"Authorization": f"Token {Token.objects.create(user=people[0]).key}"}
    path = f"/api/v1/rates/{tariff.rates.get().pk}/"
    answer = client.patch(path, {"price": "0.5"}, content_type="application/json", headers=header)
    assert (
        answer.status_code == 400
        and "second person" in answer.content.decode()
        and price(tariff) == Decimal("0.10")
    )
    assert (
        client.patch(path, {"price": "0.105"}, content_type="application/json", headers=header).status_code
        == 200
    )


def test_without_a_limit_nothing_waits(people: Any) -> None:
    made = make.tariff(prices={"36": "0.10"})
    services.change_or_ask(rate=made.rates.get(), by=people[0], price=Decimal(9), connect_fee=Decimal(1))
    assert price(made) == 9 and not Approval.objects.exists()
