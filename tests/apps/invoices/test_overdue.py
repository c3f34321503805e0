"""Months that begin on another day than the first, reminders, and fees for paying late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.utils import timezone

from apps.cdrs.models import PriceChange, Rerating
from apps.invoices import tasks
from apps.invoices.due import Due, due, last_month
from apps.invoices.models import Fee, FeeCharge, Invoice, LateFee, Reminder
from apps.invoices.services import fees, issuing, ledger, overdue, payments
from apps.users import services as users
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


def own(account: Account, **values: Any) -> Account:
    for key, value in values.items():
        users.set_own(account=account, key=key, value=value)
    return account


@pytest.fixture
def company() -> Account:
    return make.company()


@pytest.fixture
def ada(company: Account) -> Account:
    """A postpaid customer that is reminded after 3 and 10 days and pays 5 for being 7 days late."""
    ada = make.subscriber(
        username="ada",
        parent=company,
        billing="postpaid",
        credit_limit=Decimal(1000),
        email="ada@example.com",
    )
    return own(ada, invoicereminders="3,10", latefee="5", latefeedays="7")


def invoice(account: Account, net: str, *, days_ago: int) -> Invoice:
    """An invoice that was due so many days ago, for calls that the balance was charged for."""
    end = timezone.now() - timedelta(days=days_ago + 15)
    start = end - timedelta(hours=6)
    make.call(account, at=start, net=net, vat_rate="0")
    ledger.post(account=account, amount=-Decimal(net), kind="correction")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: end)
        return issuing.issue(account=account, period_start=start, period_end=end)


def opened(account: Account) -> dict[str, Decimal]:
    return {one.invoice.number: one.amount for one in overdue.open_invoices(account)}


# the day of the month


@pytest.mark.req("billing-009")
@pytest.mark.parametrize(("now", "day", "start", "end"), [
    ("2026-03-20", 15, "2026-02-15", "2026-03-15"), ("2026-03-15", 15, "2026-02-15", "2026-03-15"),
    ("2026-03-14", 15, "2026-01-15", "2026-02-15"), ("2026-01-03", 5, "2025-11-05", "2025-12-05"),
    ("2026-03-01", 28, "2026-01-28", "2026-02-28"), ("2026-03-01", 1, "2026-02-01", "2026-03-01"),
])  # fmt: skip
def test_a_month_begins_on_the_billing_day(now: str, day: int, start: str, end: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert [found.date().isoformat() for found in last_month(moment, "UTC", day)] == [start, end]


@pytest.fixture
def on() -> Iterator[Any]:
    """The office's clock, put to a day."""
    patch = pytest.MonkeyPatch()

    def put(day: str) -> datetime:
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC, hour=16)
        patch.setattr(timezone, "now", lambda: moment)
        return moment

    yield put
    patch.undo()


@pytest.mark.req("billing-009")
def test_after_a_change_of_the_day_nothing_is_invoiced_twice_or_never(company: Account, on: Any) -> None:
    ada = make.subscriber(parent=company)
    for day in (5, 18):
        make.call(ada, at=datetime(2026, 3, day, tzinfo=UTC))
    make.call(ada, at=datetime(2026, 4, 3, tzinfo=UTC))
    make.call(ada, at=datetime(2026, 4, 12, tzinfo=UTC))
    on("2026-04-02")
    assert tasks.issue_monthly_invoices() == 1 and tasks.issue_monthly_invoices() == 0
    own(ada, billingday="10")
    on("2026-04-09")
    assert tasks.issue_monthly_invoices() == 0
    on("2026-04-11")
    assert tasks.issue_monthly_invoices() == 1
    on("2026-05-11")
    assert tasks.issue_monthly_invoices() == 1
    spans = [(one.period_start.date(), one.period_end.date()) for one in Invoice.objects.order_by("id")]
    assert spans == [(date(2026, 3, 1), date(2026, 4, 1)), (date(2026, 4, 1), date(2026, 4, 10)), (date(2026, 4, 10), date(2026, 5, 10))]  # fmt: skip
    assert [one.lines.get().calls for one in Invoice.objects.order_by("id")] == [2, 1, 1]


# what is open


def test_payments_pay_the_oldest_invoice_first(ada: Account) -> None:
    first, second = invoice(ada, "30", days_ago=20), invoice(ada, "12", days_ago=2)
    assert opened(ada) == {first.number: 30, second.number: 12}
    payments.enter(account=ada, amount=Decimal(25), method="cash")
    assert opened(ada) == {first.number: 5, second.number: 12}
    payments.enter(account=ada, amount=Decimal(10), method="cash")
    assert opened(ada) == {second.number: 7}
    payments.enter(account=ada, amount=Decimal(7), method="cash")
    assert opened(ada) == {}


def test_what_came_onto_the_balance_otherwise_pays_too(ada: Account) -> None:
    first, second = invoice(ada, "30", days_ago=20), invoice(ada, "12", days_ago=2)
    ledger.post(account=ada, amount=Decimal(15), kind="correction")
    assert opened(ada) == {first.number: 27}
    assert second.number not in opened(ada)


def test_an_invoice_that_was_taken_back_is_not_open(ada: Account) -> None:
    first = invoice(ada, "30", days_ago=20)
    issuing.credit(invoice=first)
    assert opened(ada) == {}


# reminders and fees


@pytest.mark.req("billing-007")
def test_a_late_invoice_is_reminded_of_and_costs_a_fee_once(
    ada: Account, django_capture_on_commit_callbacks: Any
) -> None:
    late = invoice(ada, "30", days_ago=7)
    now = timezone.now()
    with django_capture_on_commit_callbacks(execute=False):
        assert overdue.remind(now=now) == 2 and overdue.remind(now=now) == 0
    assert [(one.days, one.amount) for one in Reminder.objects.all()] == [(3, 30)]
    fee = LateFee.objects.get(invoice=late).fee
    assert fee.net == 5 and late.number in fee.name and fee.interval == -1
    assert fees.charge_due(now=now) == 1 and FeeCharge.objects.get(fee=fee).net == 5
    assert overdue.remind(now=now + timedelta(days=3)) == 1  # the second letter, and no second fee
    assert Reminder.objects.count() == 2 and Fee.objects.count() == 1


def test_who_has_paid_or_is_not_late_enough_hears_nothing(ada: Account) -> None:
    invoice(ada, "30", days_ago=2)
    assert overdue.remind(now=timezone.now()) == 0
    payments.enter(account=ada, amount=Decimal(30), method="cash")
    assert overdue.remind(now=timezone.now() + timedelta(days=30)) == 0


def test_of_several_reminders_that_are_due_at_once_the_last_is_written(ada: Account) -> None:
    invoice(ada, "30", days_ago=12)
    own(ada, latefee="")
    assert overdue.remind(now=timezone.now()) == 1
    assert [one.days for one in Reminder.objects.all()] == [10]


def test_prepaid_accounts_and_those_without_settings_are_left_alone(company: Account) -> None:
    plain = make.subscriber(parent=company, billing="postpaid")
    prepaid = own(make.subscriber(parent=company), invoicereminders="1", latefee="5", latefeedays="1")
    for account in (plain, prepaid):
        invoice(account, "30", days_ago=40)
    assert overdue.remind(now=timezone.now()) == 0


def test_a_reminder_is_mailed_once_with_the_invoice(ada: Account) -> None:
    late = invoice(ada, "30", days_ago=4)
    overdue.remind(now=timezone.now())
    reminder = Reminder.objects.get()
    for _ in range(2):
        tasks.deliver_reminder(reminder.pk)
    (letter,) = mail.outbox
    assert letter.to == ["ada@example.com"] and late.number in letter.subject and "30.00" in letter.body
    assert letter.attachments[0][0] == f"{late.number}.pdf"
    Reminder.objects.update(mailed_at=None, created_at=timezone.now() - timedelta(hours=1))
    assert tasks.deliver_waiting_reminders() == 1


# who is due


MONTHS = [datetime(2026, month, 1, tzinfo=UTC) for month in (2, 3, 4, 5)]


@pytest.mark.req("billing-009")
def test_due_are_accounts_that_owe_for_a_month_that_is_over_and_no_others(company: Account, on: Any) -> None:
    calling, extended, charged, other_day, current, _quiet = (
        make.subscriber(parent=company, billing="postpaid") for _ in range(6)
    )
    own(other_day, billingday="20")
    on("2026-03-02")
    fees.open_fee(account=charged, name="line", net=Decimal(5), begins_on=date(2026, 3, 1), interval=-1)
    assert tasks.charge_fees() == 1
    FeeCharge.objects.update(charged_at=datetime(2026, 3, 2, tzinfo=UTC))
    for payer, day in (
        (calling, datetime(2026, 3, 5, tzinfo=UTC)),
        (make.account("extension", parent=extended), datetime(2026, 3, 31, 23, tzinfo=UTC)),
        (other_day, datetime(2026, 3, 25, tzinfo=UTC)),  # its month is not over
        (current, datetime(2026, 4, 1, 5, tzinfo=UTC)),
    ):
        make.call(payer, at=day)
    now = on("2026-04-02")
    assert due(now) == [Due(one.pk, *MONTHS[1:3]) for one in (calling, extended, charged)]
    assert tasks.issue_monthly_invoices() == 3 and due(now) == []


def test_due_is_as_well_for_whom_a_late_record_or_a_correction_is_left(company: Account, on: Any) -> None:
    on("2026-02-02")
    late, corrected, done = (make.subscriber(parent=company) for _ in range(3))
    for account in (late, corrected, done):
        make.call(account, at=MONTHS[0])
    on("2026-03-02")
    assert tasks.issue_monthly_invoices() == 3
    now = on("2026-04-02")
    assert due(now) == []
    make.call(late, at=MONTHS[0] + timedelta(hours=1))  # recorded after its month was invoiced
    PriceChange.objects.create(
        rerating=Rerating.objects.create(since=MONTHS[0], until=MONTHS[1], reason="test", state="applied"), call_id=uuid4(),
        started_at=MONTHS[0], kind="retail", account=corrected, invoiced_on=corrected.invoices.get(), net=1, old_net=2,
        currency="EUR", old_currency="EUR", vat_rate=0, old_vat_rate=0,
    )  # fmt: skip
    assert due(now) == [Due(one.pk, *MONTHS[1:3]) for one in (late, corrected)]
