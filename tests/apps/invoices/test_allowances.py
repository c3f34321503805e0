"""Free seconds and packet credit: what is left is used once, whoever asks, and comes back when a call did not use it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from apps.cdrs.models import CdrPrice
from apps.invoices import snapshot
from apps.invoices.models import Allowance, AllowanceHold, AllowanceState, LedgerEntry
from apps.invoices.services import allowances, holds
from apps.invoices.services.check import faults
from apps.invoices.services.settlement import settle
from apps.users.models import Account
from tests import make
from tests.charging import account, record, terms

pytestmark = pytest.mark.django_db
UNIT = 1_000_000


def given(owner: Account, included: str = "60", **fields: Any) -> Allowance:
    return allowances.give(account=owner, **{"name": "Welcome", "included": Decimal(included)} | fields)


def ask(one: Allowance, units: int, *, call: str = "", least: int = 1, worker: str = "n-1-1") -> int:
    request = holds.Request(call or str(uuid4()), [(one.pk, units * UNIT, least * UNIT)])
    return holds.take_allowances(requests=[request], worker=worker)[0][one.pk] // UNIT


def left(one: Allowance) -> tuple[Decimal, Decimal]:
    state = AllowanceState.objects.get(allowance=one)
    return state.left, state.held


def test_what_is_left_is_granted_once() -> None:
    one = given(account())
    assert [ask(one, 40), ask(one, 40), ask(one, 40)] == [40, 20, 0]
    assert left(one) == (60, 60)


@pytest.mark.req("promotions-006")
def test_seconds_that_a_call_used_come_off_and_the_rest_comes_back() -> None:
    """Fifteen free seconds, then the price of a call of five seconds that begins there."""
    payer = account(balance="100")
    one = given(payer, "100")
    call = record(payer, seconds=20, authorised=30, free=[[one.pk, 15]])
    ask(one, 15, call=call["id"])
    settle(records=[call])
    settle(records=[call])
    assert left(one) == (85, 0)
    price = CdrPrice.objects.get(call_id=call["id"])
    assert (price.billed_seconds, price.gross) == (5, 5)
    assert LedgerEntry.objects.get(call_id=call["id"]).amount == -5
    assert faults() == []


def test_a_call_within_its_free_seconds_costs_nothing_and_gives_back_what_it_did_not_need() -> None:
    payer = account()
    first, second = given(payer, "10"), given(payer, "50")
    call = record(payer, seconds=12, authorised=30, free=[[first.pk, 10], [second.pk, 20]])
    ask(first, 10, call=call["id"])
    ask(second, 20, call=call["id"])
    settle(records=[call])
    assert (left(first), left(second)) == ((0, 0), (48, 0))
    assert not LedgerEntry.objects.filter(call_id=call["id"]).exists()
    assert faults() == []


def test_a_call_that_nobody_answered_uses_nothing() -> None:
    payer = account()
    one = given(payer)
    call = record(payer, free=[[one.pk, 60]], answered=None)
    ask(one, 60, call=call["id"])
    settle(records=[call])
    assert left(one) == (60, 0)


@pytest.mark.req("promotions-003")
def test_a_packet_pays_its_price_in_place_of_the_balance() -> None:
    payer, top = account(balance="100"), account(kind="reseller", balance="100")
    one = given(payer, "10", kind="money")
    call = record(payer, top, seconds=4, packet=one.pk)
    call["payers"][0] = ["packet", payer.pk, terms(30 * UNIT)]
    ask(one, 5, call=call["id"])
    settle(records=[call])
    assert left(one) == (8, 0)
    assert set(LedgerEntry.objects.filter(call_id=call["id"]).values_list("account", "amount")) == {
        (top.pk, -4)
    }
    assert faults() == []


@pytest.mark.req("promotions-006")
def test_an_allowance_is_new_after_its_days_and_not_before() -> None:
    one = given(account(), renew_days=31, begins_at=timezone.now() - timedelta(days=30, hours=23))
    assert [ask(one, 60), ask(one, 1)] == [60, 0]
    holds.release(call_ids=[str(AllowanceHold.objects.get().call_id)])
    AllowanceState.objects.filter(allowance=one).update(left=0, renews_at=timezone.now() - timedelta(days=40))
    assert ask(one, 70) == 60
    renews = AllowanceState.objects.get(allowance=one).renews_at
    assert timedelta(days=21) < renews - timezone.now() <= timedelta(days=22)


@pytest.mark.parametrize("fields", [{"begins_at": timedelta(hours=1)}, {"ends_at": timedelta(seconds=-1)}])
def test_outside_of_its_time_there_is_nothing_left(fields: dict[str, timedelta]) -> None:
    one = given(account(), begins_at=timezone.now() - timedelta(days=1))
    Allowance.objects.update(**{name: timezone.now() + delta for name, delta in fields.items()})
    assert ask(one, 1) == 0


def test_what_a_dead_worker_held_is_let_go() -> None:
    one = given(account())
    ask(one, 5, worker="n-1-1")
    ask(one, 7, worker="n-1-2")
    assert holds.workers_holding(node="n") == {"n-1-1", "n-1-2"}
    assert holds.release_worker(worker="n-1-1") == 1
    assert left(one) == (60, 7)


def test_the_switch_is_told_of_what_may_still_be_used() -> None:
    owner = account()
    one = given(owner, directions="4411, 49")
    given(owner, begins_at=timezone.now() - timedelta(days=2), ends_at=timezone.now() - timedelta(days=1))
    ((number, whose, kind, prefixes, begins, ends),) = snapshot.allowances()
    assert (number, whose, kind, prefixes, ends) == (one.pk, owner.pk, "seconds", ["4411", "49"], None)
    assert begins <= time.time()


def test_changing_what_is_included_changes_what_is_left() -> None:
    one = given(account())
    AllowanceState.objects.update(left=20)
    allowances.change(allowance=one, included=Decimal(90))
    assert left(one)[0] == 50
    allowances.change(allowance=one, included=Decimal(10))
    assert left(one)[0] == 0


@pytest.mark.parametrize(
    "fields",
    [{"included": Decimal(-1)}, {"directions": "44x"}, {"ends_at": timezone.now() - timedelta(days=1)}],
)
def test_an_allowance_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        given(account(), **fields)


def test_only_who_pays_the_retail_price_has_allowances() -> None:
    for owner in (make.reseller(), make.extension(parent=make.subscriber()), make.carrier()):
        with pytest.raises(ValidationError):
            given(owner)


@pytest.mark.django_db(transaction=True)
def test_many_calls_at_once_use_every_second_once() -> None:
    payer = account(balance="1000")
    one = given(payer, "100")

    def call(number: int) -> int:
        try:
            made = str(uuid4())
            got = ask(one, 3, call=made)
            if number % 2 and got:
                settle(records=[record(payer, id=made, seconds=2, authorised=got, free=[[one.pk, got]])])
                return min(2, got)
            return got
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        used = sum(pool.map(call, range(80)))
    state = AllowanceState.objects.get(allowance=one)
    running = sum(AllowanceHold.objects.values_list("amount", flat=True))
    assert state.held == running
    assert used == 100 == (100 - state.left) + running
    assert faults() == []


@pytest.mark.req("promotions-004")
def test_a_free_message_comes_off_once_it_is_delivered_and_back_when_it_is_not() -> None:
    payer = account(balance="100")
    one = given(payer, "3", kind="messages")
    sent, lost = (record(payer, service="sms", message=one.pk, payers=[]) | {"seconds": 60} for _ in range(2))
    lost |= {"answered": None, "cause": "sip_486", "status": 486}
    for each in (sent, lost):
        assert ask(one, 1, call=each["id"]) == 1
    settle(records=[sent, lost])
    settle(records=[sent])
    assert left(one) == (2, 0)
    assert [(str(use.call_id), use.amount) for use in one.uses.all()] == [(sent["id"], 1)]
    assert not LedgerEntry.objects.filter(kind="call").exists() and faults() == []
