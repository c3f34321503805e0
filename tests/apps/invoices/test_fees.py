"""Fees: charged on each due day once, on the ledger and on the invoice; calls may count towards them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections

from apps.invoices.models import Balance, Fee, FeeCharge, LedgerEntry
from apps.invoices.services import fees, payments
from apps.invoices.services.check import faults
from apps.invoices.services.issuing import NothingToInvoice, credit, issue
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db
JANUARY = date(2026, 1, 15)


def fee(account: Account, **fields: Any) -> Fee:
    return fees.open_fee(
        account=account, **{"name": "Line", "net": Decimal(10), "begins_on": JANUARY} | fields
    )


def run(day: str) -> int:
    return fees.charge_due(now=datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC))


def due(one: Fee) -> list[str]:
    return [f"{day:%m-%d}" for day in one.charges.order_by("due_on").values_list("due_on", flat=True)]


def amount(account: Account) -> Decimal:
    return Balance.objects.get(account=account).amount


@pytest.mark.req("billing-016")
@pytest.mark.parametrize(
    ("interval", "expected"),
    [(-1, ["01-15"]), (0, ["01-15", "02-01", "03-01"]), (30, ["01-15", "02-14", "03-16"])],
)
def test_a_fee_is_due_once_or_at_the_beginning_and_monthly_or_every_so_many_days(
    interval: int, expected: list[str]
) -> None:
    one = fee(make.subscriber(billing="postpaid"), interval=interval)
    assert run("2026-01-14") == 0
    for day in ("2026-01-15", "2026-02-20", "2026-03-16", "2026-03-16"):
        run(day)
    assert due(one) == expected
    assert LedgerEntry.objects.filter(kind="fee").count() == len(expected)
    assert faults() == []


@pytest.mark.req("billing-016")
def test_the_fee_is_charged_with_vat_and_named_in_the_ledger() -> None:
    account = make.subscriber(billing="postpaid", vat_rate="27")
    fee(account, net=Decimal("9.99"), interval=-1)
    run("2026-02-01")
    entry = LedgerEntry.objects.get(account=account)
    assert (entry.amount, entry.text) == (Decimal("-12.69"), "Line 2026-01-15")
    assert amount(account) == Decimal("-12.69")


def test_a_prepaid_account_pays_when_it_has_the_money() -> None:
    account = make.subscriber(balance="15")
    one = fee(account, interval=0)
    assert run("2026-03-02") == 1
    assert (due(one), amount(account)) == (["01-15"], 5)
    payments.enter(account=account, amount=Decimal(20), method="cash")
    assert run("2026-03-02") == 2
    assert (due(one), amount(account)) == (["01-15", "02-01", "03-01"], 5)


def test_money_that_running_calls_hold_is_not_there_for_fees() -> None:
    account = make.subscriber(balance="15")
    Balance.objects.filter(account=account).update(held=6)
    fee(account)
    assert run("2026-01-15") == 0


def test_a_fee_ends_and_days_are_those_of_the_accounts_zone() -> None:
    account = make.subscriber(billing="postpaid", time_zone="Asia/Tokyo")
    one = fee(account, interval=1, ends_on=date(2026, 1, 17))
    fees.charge_due(now=datetime(2026, 1, 14, 15, 30, tzinfo=UTC))
    assert due(one) == ["01-15"]
    run("2026-02-01")
    assert due(one) == ["01-15", "01-16"]


@pytest.mark.django_db(transaction=True)
def test_two_that_charge_at_once_charge_once() -> None:
    one = fee(make.subscriber(billing="postpaid"), interval=7)

    def charge(_: int) -> int:
        try:
            return run("2026-03-01")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(charge, range(3))) == one.charges.count() == 7
    assert faults() == []


@pytest.mark.req("billing-016")
@pytest.mark.parametrize(("calls", "back"), [("4", "-4"), ("25", "-10"), ("0", "0")])
def test_calls_of_the_period_count_towards_a_usable_fee(calls: str, back: str) -> None:
    account = make.subscriber(billing="postpaid", vat_rate="20")
    one = fee(account, usable=True, interval=0, begins_on=date(2026, 1, 1), ends_on=date(2026, 2, 1))
    if Decimal(calls):
        make.call(account, at=datetime(2026, 1, 31, 23, tzinfo=UTC), net=calls)
    make.call(account, at=datetime(2026, 2, 1, tzinfo=UTC), net="7")
    run("2026-02-01")
    assert one.charges.count() == 1, "its last calls may not be settled yet"
    for _ in range(2):
        run("2026-02-02")
    returned = one.charges.get(is_return=True)
    assert returned.net == Decimal(back)
    spent = LedgerEntry.objects.filter(account=account, kind="fee").values_list("amount", flat=True)
    assert sum(spent) == -(Decimal(10) + Decimal(back)) * Decimal("1.2")


@pytest.mark.req("billing-016")
def test_fees_stand_on_the_next_invoice_and_on_no_other() -> None:
    company = make.company()
    account = make.subscriber(parent=company, billing="postpaid", vat_rate="20")
    fee(account, interval=-1)
    run("2026-01-15")
    FeeCharge.objects.update(charged_at=datetime(2026, 1, 15, tzinfo=UTC))
    make.call(account, at=datetime(2026, 1, 20, tzinfo=UTC), net="3")
    january = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    february = january[1], datetime(2026, 3, 1, tzinfo=UTC)
    invoice = issue(account=account, period_start=january[0], period_end=january[1])
    lines = list(invoice.lines.values_list("text", "calls", "net"))
    assert lines == [("Calls to Hungary", 1, 3), ("Line, 2026-01-15", 0, 10)]
    assert (invoice.net, invoice.vat, invoice.gross) == (13, Decimal("2.6"), Decimal("15.6"))
    with pytest.raises(NothingToInvoice):
        issue(account=account, period_start=february[0], period_end=february[1])
    credit(invoice=invoice)
    again = issue(account=account, period_start=january[0], period_end=january[1])
    assert again.gross == invoice.gross


@pytest.mark.parametrize(
    "fields", [{"net": Decimal(-1)}, {"interval": -2}, {"usable": True, "interval": -1}, {"name": ""}]
)
def test_a_fee_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fee(make.subscriber(), **fields)
    assert not Fee.objects.exists()


def test_only_who_has_money_owes_fees_and_what_has_begun_does_not_begin_anew() -> None:
    account = make.subscriber(billing="postpaid")
    with pytest.raises(ValidationError):
        fee(make.extension(parent=account))
    one = fee(account)
    run("2026-01-15")
    with pytest.raises(ValidationError):
        fees.change_fee(fee=one, begins_on=date(2026, 1, 1))
    assert fees.change_fee(fee=one, net=Decimal(12)).net == 12
