"""Ended calls become records, prices and charges, exactly once."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import connection

from apps.cdrs.models import Cdr, CdrPrice
from apps.cdrs.queries import traffic, visible_calls
from apps.cdrs.services import ensure_months
from apps.cdrs.why import why
from apps.invoices.models import Balance, Hold, LedgerEntry, Usage
from apps.invoices.services import holds, issuing
from apps.invoices.services.check import faults
from apps.invoices.services.settlement import settle
from apps.pricing.engine import Terms
from tests import make
from tests.charging import account, held, record, spendable, terms

pytestmark = pytest.mark.django_db


def amount(owner: object) -> Decimal:
    return Balance.objects.get(account=owner).amount


@pytest.mark.req("billing-001")
def test_a_call_is_stored_priced_charged_and_its_hold_let_go() -> None:
    payer = account(balance="100")
    call = record(payer, seconds=10)
    holds.take(requests=[holds.Request(call["id"], [(payer.pk, 30_000_000, 1)])], worker="n-1-1")
    assert settle(records=[call]).new == {call["id"]}
    cdr = Cdr.objects.get(pk=call["id"])
    assert (cdr.duration, cdr.retail_price, cdr.hangup_cause) == (10, Decimal(10), "normal")
    entry = LedgerEntry.objects.get(call_id=call["id"])
    assert (entry.account, entry.amount, entry.kind) == (payer, Decimal(-10), "call")
    assert (amount(payer), held(payer), spendable(payer)) == (Decimal(90), Decimal(0), Decimal(90))


def test_the_record_holds_how_the_call_sounded_to_each_party() -> None:
    call = record(account(balance="100"))
    side = {"packets": 500, "lost": 3, "jitter": 1.5, "mos": 4.31}
    call |= {"media": "rtpengine", "quality": {"caller": side, "called": side | {"mos": None}}}
    settle(records=[call])
    cdr = Cdr.objects.get(pk=call["id"])
    assert (cdr.media, cdr.caller_mos, cdr.called_mos) == ("rtpengine", Decimal("4.31"), None)
    assert cdr.quality["caller"]["lost"] == 3


@pytest.mark.req("cdr-043")
@pytest.mark.req("pricing-010")
def test_the_record_holds_the_five_prices() -> None:
    payer, top, carrier = account(balance="9"), account(kind="reseller"), account(kind="carrier")
    sales, company = account(kind="sales"), account(kind="owner")
    call = record(
        payer,
        top,
        reseller=top.pk,
        carrier=carrier.pk,
        cost=terms(30_000_000),
        other_prices=[["sales", sales.pk, terms(6_000_000)], ["company", company.pk, terms(12_000_000)]],
    )
    settle(records=[call])
    cdr = Cdr.objects.get(pk=call["id"])
    assert [
        cdr.retail_price,
        cdr.reseller_price,
        cdr.carrier_cost,
        cdr.sales_commission,
        cdr.company_price,
    ] == [Decimal(text) for text in ("10", "10", "5", "1", "2")]
    kinds = set(CdrPrice.objects.filter(call_id=call["id"]).values_list("kind", flat=True))
    assert kinds == {"retail", "reseller", "carrier", "sales", "company"}


@pytest.mark.req("billing-028")
@pytest.mark.parametrize(("cost", "reduction", "earned"), [(30, 0, "1"), (30, 50_000, "0.5"), (90, 0, "0")])
def test_a_commission_from_profit_is_a_share_of_what_the_price_leaves(
    cost: int, reduction: int, earned: str
) -> None:
    """The list price of ten seconds is 10, the carrier's of 30 a minute 5: a fifth of the profit is 1."""
    payer, carrier, sales = account(balance="100"), account(kind="carrier"), account(kind="sales")
    call = record(
        payer,
        carrier=carrier.pk,
        cost=terms(cost * 1_000_000),
        commission=[sales.pk, 200_000, reduction, terms()],
    )
    settle(records=[call])
    assert Cdr.objects.get(pk=call["id"]).sales_commission == Decimal(earned)
    price = CdrPrice.objects.get(call_id=call["id"], kind="sales")
    assert (price.account, price.gross) == (sales, Decimal(earned))
    assert not LedgerEntry.objects.filter(account=sales).exists()


def test_only_those_who_pay_are_charged() -> None:
    payer, top, carrier = account(), account(kind="reseller"), account(kind="carrier")
    settle(records=[record(payer, top, carrier=carrier.pk, cost=terms())])
    assert set(LedgerEntry.objects.filter(kind="call").values_list("account", "amount")) == {
        (payer.pk, Decimal(-10)),
        (top.pk, Decimal(-10)),
    }


def test_whatever_is_replayed_counts_once() -> None:
    payer = account(balance="100")
    calls = [record(payer) for _ in range(5)]
    settle(records=calls[:3])
    outcome = settle(records=[*calls, *calls])
    assert len(outcome.new) == 2
    assert amount(payer) == Decimal(50)
    assert LedgerEntry.objects.filter(kind="call").count() == Cdr.objects.count() == 5


def test_nobody_pays_for_more_than_was_authorised_but_the_carrier_is_owed_all() -> None:
    payer, carrier = account(balance="100"), account(kind="carrier")
    call = record(payer, seconds=15, authorised=12, carrier=carrier.pk, cost=terms())
    settle(records=[call])
    cdr = Cdr.objects.get(pk=call["id"])
    assert (cdr.duration, cdr.retail_price, cdr.carrier_cost) == (15, Decimal(12), Decimal(15))


def test_a_call_that_was_not_answered_costs_nothing_and_frees_its_money() -> None:
    payer = account(balance="5")
    call = record(payer, answered=None, status=503, cause="carriers_failed")
    holds.take(requests=[holds.Request(call["id"], [(payer.pk, 5_000_000, 1)])], worker="n-1-1")
    settle(records=[call])
    assert not CdrPrice.objects.exists()
    assert not LedgerEntry.objects.filter(kind="call").exists()
    assert spendable(payer) == Decimal(5)


def test_an_account_that_pays_in_two_roles_is_charged_once_for_both() -> None:
    payer = account(balance="100")
    settle(records=[record(payer, payer)])
    assert amount(payer) == Decimal(80)
    assert LedgerEntry.objects.filter(kind="call").count() == 1


BAD = {
    "no time": {"ended": "yesterday"},
    "a time of a broken clock": {"started": 5},
    "terms that are none": {"payers": [["retail", 1, ["?"]]]},
    "an account that does not exist": {"payers": [["retail", 10**9, terms()]]},
    "an id that is no number": {"caller": "somebody"},
    "an amount beyond all columns": {"payers": [["retail", 1, terms(10**23)]]},
}


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD)
def test_a_record_that_cannot_be_written_is_reported_and_the_others_go_on(wrong: dict[str, object]) -> None:
    payer = account(balance="100")
    good, bad = [record(payer), record(payer)], record(payer) | wrong
    holds.take(requests=[holds.Request(bad["id"], [(payer.pk, 5_000_000, 1)])], worker="n-1-1")
    outcome = settle(records=[good[0], bad, good[1]])
    assert outcome.new == {call["id"] for call in good}
    assert [rejected["id"] for rejected, _ in outcome.rejected] == [bad["id"]]
    assert outcome.rejected[0][1]
    assert (amount(payer), held(payer)) == (Decimal(80), Decimal(0))


def test_an_end_without_its_beginning_is_no_loss_if_the_call_is_stored() -> None:
    payer = account(balance="100")
    call = record(payer)
    settle(records=[call])
    again = settle(records=[{"k": "end", "id": call["id"], "ended": call["ended"]}])
    assert (again.known, again.rejected) == (1, [])
    assert settle(records=[{"k": "end", "id": str(uuid4()), "ended": call["ended"]}]).rejected


def test_text_that_no_database_holds_is_stored_without_it() -> None:
    call = record(
        account(), caller_number="12\x0034\udcff", codec="x" * 99, attempts=[[1, 503, "a\x00\udc80b", 9]]
    )
    assert not settle(records=[call]).rejected
    cdr = Cdr.objects.get(pk=call["id"])
    assert (cdr.caller_number, len(cdr.codec), cdr.attempts) == ("1234?", 32, [[1, 503, "a?b", 9]])


def test_a_month_gets_its_partition_when_a_record_needs_it() -> None:
    start = datetime(2031, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    call = record(account(), started=start, answered=start + 1, ended=start + 11)
    ensure_months(moments=[start, start])
    settle(records=[call])
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM cdrs_cdr WHERE id = %s", [call["id"]])
        assert cursor.fetchone() == ("cdrs_cdr_y2031m12",)
    assert CdrPrice.objects.get(call_id=UUID(call["id"])).account_id == call["caller"]


def test_holds_that_came_after_the_settlement_are_let_go() -> None:
    payer = account(balance="100")
    call, running = record(payer), str(uuid4())
    settle(records=[call])
    for late in (call["id"], running):
        holds.take(requests=[holds.Request(late, [(payer.pk, 5_000_000, 1)])], worker="n-1-1")
    assert holds.release_settled(older_than=-1) == 1
    assert [str(hold.call_id) for hold in Hold.objects.all()] == [running]


def message(payer: object, receiver: object, **fields: object) -> dict[str, object]:
    """A message that was delivered, at a cent a minute."""
    call = record(payer, seconds=3, service="sms", called_account=receiver.pk, **fields)  # type: ignore[arg-type, attr-defined]
    packed = Terms.from_list(terms(10_000))
    why = replace(packed, because=(("service", "sms"),), surcharge_ppm=30_000).as_list()
    return call | {"answered": call["started"], "seconds": 120, "payers": [["retail", payer.pk, why]]}  # type: ignore[attr-defined]


@pytest.mark.req("billing-031", "billing-048")
def test_messages_are_charged_as_calls_are_and_have_a_line_of_their_own_on_the_invoice() -> None:
    """Two minutes of a cent with 3 % on top; no seconds of talk, and the books are right."""
    make.company()
    payer, receiver = make.subscriber(balance="10", vat_rate=Decimal(0)), make.subscriber()
    sent, called = message(payer, receiver), record(payer, seconds=10)
    settle(records=[sent, called])
    cdr = Cdr.objects.get(pk=sent["id"])
    assert (cdr.service, cdr.duration, cdr.called_account) == ("sms", 120, receiver)
    (price,) = CdrPrice.objects.filter(call_id=sent["id"])
    assert (price.seconds, price.net) == (120, Decimal("0.0206"))
    assert LedgerEntry.objects.get(call_id=sent["id"]).amount == Decimal("-0.0206")
    assert Usage.objects.get(account=payer).seconds == 10
    assert faults() == []
    steps = {line.what: line.how for line in why(cdr, price)}
    assert steps["Given for"] == "messages" and steps["Duration"] == "a message, which counts as 120 s"
    assert steps["Surcharge of the account"] == "+ 3 %"
    end = datetime.fromtimestamp(time.time() - 60, UTC)
    invoice = issuing.issue(account=payer, period_start=end - timedelta(days=1), period_end=end)
    assert [(line.text, line.calls, line.unit_price) for line in invoice.lines.all()] == [
        ("Calls to 36", 1, Decimal(60)),
        ("Messages to 36, with your surcharge of 3 %", 1, Decimal("0.0103")),
    ]
    assert traffic(end - timedelta(days=1), end).calls == 1  # messages are no calls


@pytest.mark.req("billing-055")
def test_who_is_called_and_pays_is_charged_invoiced_and_sees_the_record() -> None:
    make.company()
    caller, callee, stranger = make.subscriber(), make.subscriber(balance="1000"), make.subscriber()
    call = record(callee, seconds=30, service="inbound", caller=caller.pk, called_account=callee.pk)
    other = record(caller, seconds=30, called_account=callee.pk)
    settle(records=[call, other])
    assert LedgerEntry.objects.get(call_id=call["id"]).account == callee
    assert faults() == []
    assert {str(one.pk) for one in visible_calls(callee)} == {call["id"]}
    assert {str(one.pk) for one in visible_calls(caller)} == {call["id"], other["id"]}
    assert not visible_calls(stranger).exists()
    end = datetime.fromtimestamp(time.time() - 60, UTC)
    invoice = issuing.issue(account=callee, period_start=end - timedelta(days=1), period_end=end)
    assert [(line.text, line.net) for line in invoice.lines.all()] == [("Calls received, 36", Decimal(30))]
