"""Several accounts are invoiced at once for days that a person chooses."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.test import Client

from apps.invoices.models import Invoice
from apps.invoices.services.several import billable, issue_several
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db
MAY = datetime(2026, 5, 10, tzinfo=UTC)


@pytest.fixture
def partner() -> Account:
    """A reseller with two customers, one of whom called, and a reseller below with a customer who did."""
    partner = make.reseller(username="partner", parent=make.company(), billing="postpaid")
    low = make.reseller(parent=partner)
    for name, parent, calls in (("ada", partner, 2), ("ben", partner, 0), ("eve", low, 1)):
        made = make.subscriber(username=name, parent=parent)
        for _ in range(calls):
            make.call(made, at=MAY)
    make.extension(parent=Account.objects.get(username="ada"))
    return partner


def names(**chosen: object) -> list[str]:
    return [one.username for one in billable(**chosen) if not one.username.startswith("reseller")]  # type: ignore[arg-type]


@pytest.mark.req("billing-013")
def test_accounts_are_chosen_by_the_tree_and_by_kind(partner: Account) -> None:
    assert names(root=partner) == ["ada", "ben", "eve"]
    assert names(root=partner, direct=True) == ["ada", "ben"]
    assert names(root=None, kind="subscriber") == ["ada", "ben", "eve"]
    assert names(root=partner, kind="reseller") == []


@pytest.mark.req("billing-013")
def test_each_has_an_invoice_of_the_chosen_days_and_none_stops_another(partner: Account) -> None:
    days = {"first_day": date(2026, 5, 1), "last_day": date(2026, 5, 31)}
    done = issue_several(accounts=list(billable(root=partner)), **days)
    assert {one.account.username for one in done.issued} == {"ada", "eve"} and not done.failed
    assert {(one.period_start.date(), one.period_end.date()) for one in done.issued} == {
        (date(2026, 5, 1), date(2026, 6, 1))
    }
    again = issue_several(accounts=list(billable(root=partner)), **days)
    assert not again.issued and {account.username for account, _why in again.failed} == {"ada", "eve"}
    assert Invoice.objects.count() == 2


def test_the_page_issues_and_tells_what_became_of_each(client: Client, partner: Account) -> None:
    client.force_login(make.admin())
    path = "/admin/invoices/invoice/several/"
    assert client.get(path).status_code == 200 and not Invoice.objects.exists()
    wanted = {
        "root": partner.pk,
        "direct": "on",
        "kind": "",
        "first_day": "2026-05-01",
        "last_day": "2026-05-31",
    }
    page = client.post(path, wanted).content.decode()
    assert Invoice.objects.get().number in page and "1 invoice was issued" in page
    wrong = client.post(path, wanted | {"first_day": "2026-06-01"}).content.decode()
    assert "The first day is after the last" in wrong and Invoice.objects.count() == 1
    client.force_login(make.account("support"))
    assert client.post(path, wanted).status_code == 403
