"""Accounts whose calls another one pays for: who may, and that no move breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from apps.users import services, snapshot
from apps.users.models import Account
from apps.users.queries import billing_account
from tests import make

pytestmark = pytest.mark.django_db


def pays(account: Account, payer: Account | None) -> Account:
    return services.change_account(account=account, payer=payer)


@pytest.mark.req("users-023", "users-024")
def test_a_company_pays_for_its_employees_wherever_they_stand_below_the_same_resellers() -> None:
    shop = make.reseller()
    company, employee = make.subscriber(parent=shop), make.subscriber(parent=shop)
    pays(employee, company)
    phone = make.extension(parent=employee)
    assert billing_account(employee) == billing_account(phone) == company
    assert {row[0]: row[-3] for row in snapshot.accounts()}[employee.pk] == company.pk
    assert {row[-3] for row in snapshot.accounts()} == {0, company.pk}
    pays(employee, None)
    assert billing_account(phone) == employee


@pytest.mark.req("users-023")
def test_there_are_no_chains_and_no_circles() -> None:
    one, two, three = (make.subscriber() for _ in range(3))
    pays(one, two)
    for account, payer in ((two, one), (two, three), (three, one), (three, three)):
        with pytest.raises(ValidationError) as refused:
            pays(account, payer)
        assert "payer" in refused.value.message_dict
    pays(three, two)


@pytest.mark.parametrize(
    ("kind", "payer"),
    [("reseller", "subscriber"), ("carrier", "subscriber"), ("subscriber", "reseller"), ("subscriber", "carrier"), ("admin", "subscriber")],
)  # fmt: skip
def test_not_every_kind_is_paid_for_or_pays(kind: str, payer: str) -> None:
    with pytest.raises(ValidationError):
        make.account(kind, payer=make.account(payer))


def test_an_extension_has_no_payer_of_its_own() -> None:
    with pytest.raises(ValidationError):
        make.extension(parent=make.subscriber(), payer=make.subscriber())


def test_nobody_pays_across_resellers() -> None:
    one, two = make.reseller(), make.reseller()
    inner = make.reseller(parent=one)
    company = make.subscriber(parent=one)
    for above in (None, two, inner):
        with pytest.raises(ValidationError, match="same resellers"):
            make.subscriber(parent=above, payer=company)
    make.subscriber(parent=one, payer=company)


def test_who_is_paid_for_or_pays_does_not_move_away_alone() -> None:
    shop = make.reseller()
    company = make.subscriber(parent=shop)
    employee = make.subscriber(parent=shop, payer=company)
    for account, fields in (
        (company, {"parent": None}),
        (employee, {"parent": None}),
        (company, {"kind": "agent"}),
    ):
        with pytest.raises(ValidationError):
            services.change_account(account=Account.objects.get(pk=account.pk), **fields)
    moved = services.change_account(account=shop, parent=make.reseller())
    assert company.pk in [row[0] for row in snapshot.accounts() if moved.pk in row[3]]


def test_the_office_sets_it_by_program_and_the_account_itself_does_not() -> None:
    company, employee, client = make.subscriber(), make.subscriber(), APIClient()
    path = f"/api/v1/accounts/{employee.pk}/"
    client.force_authenticate(employee)
    assert client.patch(path, {"payer": company.pk}, format="json").status_code == 403
    client.force_authenticate(make.admin())
    shown: Any = client.patch(path, {"payer": company.pk}, format="json").json()
    assert shown["payer"] == company.pk
    assert client.patch(path, {"payer": employee.pk}, format="json").status_code == 400
