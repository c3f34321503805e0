"""Invoices and credit notes: what is on them, and their numbers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError

from apps.cdrs.models import CdrPrice
from apps.config.services import set_value
from apps.invoices.due import last_month
from apps.invoices.models import Invoice, InvoiceLine, NumberSeries
from apps.invoices.services.issuing import CannotIssue, credit, issue
from apps.invoices.tasks import issue_monthly_invoices
from apps.pricing.models import PriceGroup
from apps.users.services import change_account, set_own
from tests import make

pytestmark = pytest.mark.django_db
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
INSIDE = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def company():
    return make.company(address="1 Square", vat_number="GB1", time_zone="Europe/London")


def march(account):
    return issue(account=account, period_start=START, period_end=END)


@pytest.mark.req("invoices-028")
def test_a_line_sums_the_calls_to_one_destination_exactly_and_is_rounded_once(company):
    account = make.subscriber(parent=company)
    for _ in range(3):
        make.call(account, at=INSIDE, net="0.0033", seconds=61)
    make.call(account, at=INSIDE, net="1", destination="Austria")
    lines = march(account).lines.values_list("text", "calls", "seconds", "net")
    assert list(lines) == [
        ("Calls to Austria", 1, 60, Decimal("1.00")),
        ("Calls to Hungary", 3, 183, Decimal("0.01")),
    ]


@pytest.mark.req("invoices-003")
def test_lines_may_be_of_price_groups_in_place_of_destinations_and_the_days_to_pay_the_accounts_own(company):
    """Two tariffs of a group are one line; one of no group is its own; what no tariff priced comes first."""
    account = make.subscriber(parent=company)
    gold = PriceGroup.objects.create(name="Gold")
    tariffs = [make.tariff(name=name) for name in ("Peak", "Night", "Single")]
    for tariff in tariffs[:2]:
        tariff.group = gold
        tariff.save()
    for tariff, net in zip([*tariffs, None], ("1", "2", "4", "8"), strict=True):
        make.call(account, at=INSIDE, net=net, destination=f"to {net}")
        CdrPrice.objects.filter(net=net).update(tariff_id=tariff and tariff.pk)
    set_own(account=account, key="invoicegrouping", value="price_group")
    set_own(account=account, key="invoice_due_days", value=30)
    invoice = march(account)
    assert list(invoice.lines.values_list("text", "calls", "net")) == [
        ("Other prices: calls", 1, Decimal("8.00")),
        ("Gold: calls", 2, Decimal("3.00")),
        ("Single: calls", 1, Decimal("4.00")),
    ]
    issued = invoice.issued_at.astimezone(ZoneInfo(company.time_zone)).date()
    assert invoice.due_on == issued + timedelta(days=30)


def test_each_vat_rate_has_its_lines_and_its_tax(company):
    account = make.subscriber(parent=company)
    make.call(account, at=INSIDE, net="1.11", vat_rate="20")
    make.call(account, at=INSIDE, net="2.22", vat_rate="5")
    invoice = march(account)
    assert invoice.lines.count() == 2
    assert (invoice.net, invoice.vat, invoice.gross) == (Decimal("3.33"), Decimal("0.33"), Decimal("3.66"))


@pytest.mark.parametrize(
    ("at", "billed"),
    [
        (START - timedelta(microseconds=1), False),
        (START, True),
        (END - timedelta(microseconds=1), True),
        (END, False),
    ],
)
def test_the_period_is_half_open(company, at, billed):
    account = make.subscriber(parent=company)
    make.call(account, at=INSIDE)
    make.call(account, at=at)
    assert march(account).lines.get().calls == (2 if billed else 1)


@pytest.mark.req("users-007")
def test_calls_of_extensions_are_on_the_invoice_of_the_subscriber_above(company):
    account = make.subscriber(parent=company)
    extension = make.extension(parent=account)
    make.call(account, at=INSIDE, caller=extension)
    make.call(extension, at=INSIDE)
    assert march(account).lines.get().calls == 2
    with pytest.raises(CannotIssue, match="not invoiced"):
        march(extension)


def test_a_reseller_is_invoiced_its_own_price_and_invoices_its_subscribers(company):
    reseller = make.reseller(parent=company)
    subscriber = make.subscriber(parent=reseller)
    make.call(subscriber, at=INSIDE, net="0.30")
    make.call(reseller, at=INSIDE, net="0.20", kind="reseller")
    above, below = march(reseller), march(subscriber)
    assert (above.issuer, above.net) == (company, Decimal("0.20"))
    assert (below.issuer, below.net) == (reseller, Decimal("0.30"))


def test_carrier_costs_are_on_no_invoice(company):
    account = make.subscriber(parent=company)
    make.call(account, at=INSIDE, kind="carrier")
    with pytest.raises(CannotIssue, match="no billed calls"):
        march(account)


def test_the_setting_names_who_invoices_accounts_without_anybody_above():
    other = make.company(username="other")
    set_value(key="company_account", value="other")
    account = make.subscriber()
    make.call(account, at=INSIDE)
    assert march(account).issuer == other


def test_without_a_company_the_sentence_says_what_to_set():
    account = make.subscriber()
    make.call(account, at=INSIDE)
    with pytest.raises(CannotIssue, match="company_account"):
        march(account)


def test_an_invoice_copies_what_it_says(company):
    account = make.subscriber(parent=company, display_name="Ada", address="2 Lane", email="ada@example.com")
    make.call(account, at=INSIDE)
    invoice = march(account)
    change_account(account=account, display_name="Somebody else", address="Elsewhere")
    change_account(account=company, address="Moved")
    invoice.refresh_from_db()
    assert (invoice.customer_name, invoice.customer_address, invoice.issuer_address) == (
        "Ada",
        "2 Lane",
        "1 Square",
    )


def test_a_period_that_is_not_over_is_refused(company):
    account = make.subscriber(parent=company)
    with pytest.raises(CannotIssue, match="not over"):
        issue(account=account, period_start=START, period_end=datetime.now(UTC) + timedelta(seconds=5))


@pytest.mark.parametrize("end", [START, START - timedelta(days=1), END.replace(tzinfo=None)])
def test_a_period_that_is_none_is_refused(company, end):
    with pytest.raises(CannotIssue, match="must end after"):
        issue(account=make.subscriber(parent=company), period_start=START, period_end=end)


@pytest.mark.parametrize("days", [0, 1, 30])
def test_no_day_is_invoiced_twice(company, days):
    account = make.subscriber(parent=company)
    make.call(account, at=INSIDE)
    make.call(account, at=END + timedelta(hours=1))
    first = march(account)
    with pytest.raises(CannotIssue, match=first.number):
        issue(account=account, period_start=START + timedelta(days=days), period_end=END + timedelta(days=2))
    assert issue(account=account, period_start=END, period_end=END + timedelta(days=2)).sequence == 2


def test_a_call_recorded_after_its_period_was_invoiced_is_on_the_next_invoice_and_only_there(company):
    account = make.subscriber(parent=company)
    make.call(account, at=INSIDE)
    march(account)
    make.call(account, at=END - timedelta(minutes=1), net="7")  # was still up, or waited in the spool
    april, may, june = (datetime(2026, month, 1, tzinfo=UTC) for month in (4, 5, 6))
    make.call(account, at=april, net="1")
    late = issue(account=account, period_start=april, period_end=may)
    assert late.net == 8
    make.call(account, at=may, net="2")
    assert issue(account=account, period_start=may, period_end=june).net == 2


def test_a_late_call_is_invoiced_once_when_its_invoice_is_issued_again(company):
    account = make.subscriber(parent=company)
    make.call(account, at=INSIDE)
    first = march(account)
    make.call(account, at=INSIDE, net="7")
    credit(invoice=first)
    assert march(account).net == Decimal("7.10")


def test_numbers_count_by_issuer_type_and_year(company):
    set_value(key="invoice_number_format", value="{type}{year}.{sequence:04d}")
    reseller = make.reseller(parent=company)
    accounts = [
        make.subscriber(parent=company),
        make.subscriber(parent=company),
        make.subscriber(parent=reseller),
    ]
    for account in accounts:
        make.call(account, at=INSIDE)
    issued = [march(account) for account in accounts]
    year = issued[0].year
    assert [one.number for one in issued] == [f"INV{year}.0001", f"INV{year}.0002", f"INV{year}.0001"]
    assert credit(invoice=issued[1]).number == f"CN{year}.0001"


@pytest.mark.req("invoices-025")
def test_an_invoice_that_fails_leaves_no_gap(company):
    accounts = [make.subscriber(parent=company) for _ in range(2)]
    for account in accounts:
        make.call(account, at=INSIDE)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        march(accounts[0])
        raise ZeroDivisionError
    assert march(accounts[1]).sequence == 1


@pytest.mark.req("invoices-024")
def test_a_credit_note_is_the_exact_opposite_and_names_the_invoice(company):
    account = make.subscriber(parent=company)
    for net, rate in (("1.005", "20"), ("0.333", "5")):
        make.call(account, at=INSIDE, net=net, vat_rate=rate)
    invoice = march(account)
    note = credit(invoice=invoice)
    assert (note.net, note.vat, note.gross) == (-invoice.net, -invoice.vat, -invoice.gross)
    assert note.refers_to == invoice
    assert [line.net for line in note.lines.all()] == [-line.net for line in invoice.lines.all()]


def test_an_invoice_is_taken_back_once_and_its_calls_can_be_invoiced_again(company):
    account = make.subscriber(parent=company)
    make.call(account, at=INSIDE)
    invoice = march(account)
    note = credit(invoice=invoice)
    for document in (invoice, note):
        with pytest.raises(CannotIssue):
            credit(invoice=document)
    assert march(account).sequence == 2


def test_an_issued_invoice_cannot_be_changed_or_deleted(company):
    account = make.subscriber(parent=company)
    make.call(account, at=INSIDE)
    invoice = march(account)
    for change in (
        lambda: Invoice.objects.filter(pk=invoice.pk).update(gross=0),
        lambda: InvoiceLine.objects.filter(invoice=invoice).update(net=0),
        lambda: Invoice.objects.filter(pk=invoice.pk)._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    with pytest.raises(ProtectedError):
        invoice.delete()


def test_lines_are_in_the_customers_language(company):
    account = make.subscriber(parent=company, language="hu")
    make.call(account, at=INSIDE, destination="Ausztria")
    assert march(account).lines.get().text == "Hívások: Ausztria"


def test_a_currency_without_cents_is_rounded_to_whole_units(company):
    account = make.subscriber(parent=company, currency="JPY")
    make.call(account, at=INSIDE, net="10.5")
    invoice = march(account)
    assert (invoice.net, invoice.vat, invoice.gross) == (11, 2, 13)


@pytest.mark.django_db(transaction=True)
def test_ten_invoices_issued_at_once_have_ten_numbers_without_a_gap():
    company = make.company()
    accounts = [make.subscriber(parent=company) for _ in range(10)]
    for account in accounts:
        make.call(account, at=INSIDE)
    together, errors = Barrier(10), []

    def clerk(account):
        try:
            together.wait(10)
            march(account)
        except Exception as error:  # told to the test, which runs in another thread
            errors.append(error)
        finally:
            connection.close()

    in_parallel([lambda account=account: clerk(account) for account in accounts])
    assert not errors
    assert sorted(Invoice.objects.values_list("sequence", flat=True)) == list(range(1, 11))
    assert NumberSeries.objects.get().last == 10


@pytest.mark.django_db(transaction=True)
def test_two_clerks_cannot_invoice_the_same_period_at_once():
    account = make.subscriber(parent=make.company())
    make.call(account, at=INSIDE)
    together, refused = Barrier(2), []

    def clerk():
        try:
            together.wait(10)
            march(account)
        except CannotIssue as error:
            refused.append(error)
        finally:
            connection.close()

    in_parallel([clerk, clerk])
    assert Invoice.objects.count() == 1
    assert len(refused) == 1


def in_parallel(jobs):
    threads = [Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize(
    ("now", "zone", "start", "end"),
    [
        ("2026-03-01T00:00", "UTC", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("2026-01-15T00:00", "UTC", "2025-12-01T00:00", "2026-01-01T00:00"),
        ("2026-05-01T03:00", "America/New_York", "2026-03-01T05:00", "2026-04-01T04:00"),
        ("2026-05-01T03:00", "Europe/Budapest", "2026-03-31T22:00", "2026-04-30T22:00"),
    ],
)
def test_last_month_is_the_calendar_month_of_the_zone(now, zone, start, end):
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert [d.isoformat()[:16] for d in last_month(moment, zone)] == [start, end]


def test_the_monthly_run_invoices_everybody_once_and_one_failure_stops_nobody(company):
    zone = {"time_zone": "Europe/Budapest"}
    start, _end = last_month(datetime.now(UTC), "Europe/Budapest")
    good = [
        make.subscriber(parent=company, **zone),
        make.subscriber(parent=company, billing="postpaid", **zone),
    ]
    foreign = make.subscriber(parent=company, **zone)
    make.subscriber(parent=company, **zone)  # made no calls
    for account in (good[0], foreign, good[1]):
        make.call(account, at=start)
    connection.cursor().execute(
        "UPDATE cdrs_cdrprice SET currency = 'USD' WHERE account_id = %s", [foreign.pk]
    )
    assert issue_monthly_invoices() == 2
    assert issue_monthly_invoices() == 0
    assert set(Invoice.objects.values_list("account", flat=True)) == {account.pk for account in good}


def test_a_month_that_was_taken_back_by_hand_is_not_invoiced_again_by_the_run(company):
    start, _end = last_month(datetime.now(UTC), "UTC")
    account = make.subscriber(parent=company)
    make.call(account, at=start)
    issue_monthly_invoices()
    credit(invoice=account.invoices.get())
    assert issue_monthly_invoices() == 0
