"""Money set aside for calls can never be more than there is, however many ask at once."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apps.core.values.money import to_micros
from apps.invoices.models import Balance, EntryKind, Hold, LedgerEntry, Usage
from apps.invoices.services import holds
from apps.invoices.services.check import faults
from apps.invoices.services.ledger import post
from apps.invoices.services.settlement import settle
from apps.users.models import Account
from tests.charging import account, held, record, spendable, terms

UNIT = 1_000_000


def take(
    *requests: tuple[str, list[tuple[Account, int, int]]],
    worker: str = "n-1-1",
    caps: Mapping[int, holds.Cap] = MappingProxyType({}),
) -> list[list[int]]:
    """Take holds of whole units; what was granted, in the order of the accounts, 0 for a refusal."""
    asked = [
        holds.Request(
            call, [(payer.pk, wanted * UNIT, least * UNIT) for payer, wanted, least in shares], caps
        )
        for call, shares in requests
    ]
    granted = holds.take(requests=asked, worker=worker)
    return [
        [max(0, one[payer.pk]) // UNIT for payer, _, _ in shares]
        for one, (_, shares) in zip(granted, requests, strict=True)
    ]


def call() -> str:
    return str(uuid4())


@pytest.mark.django_db
@pytest.mark.req("limits-052")
def test_a_prepaid_account_gets_what_it_has_and_then_nothing() -> None:
    payer = account(balance="10")
    first, second = call(), call()
    assert take((first, [(payer, 7, 1)]), (second, [(payer, 7, 1)]), (call(), [(payer, 7, 1)])) == [
        [7],
        [3],
        [0],
    ]
    assert held(payer) == Decimal(10)
    assert {str(hold.call_id) for hold in Hold.objects.all()} == {first, second}


@pytest.mark.django_db
def test_less_than_the_least_is_refused() -> None:
    payer = account(balance="10")
    assert take((call(), [(payer, 20, 11)])) == [[0]]
    assert not Hold.objects.exists()


@pytest.mark.django_db
@pytest.mark.req("billing-002", "billing-010")
def test_a_postpaid_account_may_go_below_zero_down_to_its_credit_limit() -> None:
    payer = account(billing="postpaid", credit_limit=Decimal(15))
    assert take((call(), [(payer, 10, 1)]), (call(), [(payer, 10, 1)]), (call(), [(payer, 10, 1)])) == [
        [10],
        [5],
        [0],
    ]


@pytest.mark.django_db
def test_a_credit_limit_is_no_money_of_a_prepaid_account() -> None:
    assert take((call(), [(account(credit_limit=Decimal(15)), 10, 1)])) == [[0]]


@pytest.mark.django_db
def test_a_disabled_or_unknown_account_gets_nothing() -> None:
    payer = account(balance="10", is_active=False)
    nobody = Account(pk=10**9)
    assert take((call(), [(payer, 1, 1)]), (call(), [(nobody, 1, 1)])) == [[0], [0]]


@pytest.mark.django_db
def test_all_payers_of_a_call_pay_or_none() -> None:
    rich, poor = account(balance="10"), account(kind="reseller")
    assert take((call(), [(rich, 8, 1), (poor, 8, 1)]), (call(), [(rich, 10, 10)])) == [[0, 0], [10]]
    assert take((call(), [(poor, 8, 1), (rich, 8, 1)])) == [[0, 0]]
    assert held(poor) == 0


@pytest.mark.django_db
def test_a_payer_with_less_gives_what_it_has() -> None:
    rich, poor = account(balance="10"), account(kind="reseller", balance="3")
    assert take((call(), [(rich, 8, 1), (poor, 8, 1)])) == [[8, 3]]


@pytest.mark.django_db
def test_a_second_hold_of_a_call_adds_to_its_first() -> None:
    payer, running = account(balance="10"), call()
    take((running, [(payer, 4, 1)]))
    assert take((running, [(payer, 5, 1)]), (running, [(payer, 5, 1)])) == [[5], [1]]
    assert Hold.objects.get().amount == Decimal(10)
    assert spendable(payer) == 0


@pytest.mark.django_db
def test_what_a_dead_worker_held_is_let_go_and_nothing_else() -> None:
    payer = account(balance="10")
    for worker in ("n-1-1", "n-1-2", "n-x-1-1"):
        take((call(), [(payer, 2, 1)]), worker=worker)
    assert holds.workers_holding(node="n") == {"n-1-1", "n-1-2"}
    assert holds.release_worker(worker="n-1-1") == 1
    assert spendable(payer) == Decimal(6)


@pytest.mark.django_db(transaction=True)
def test_nobody_spends_a_cent_that_is_not_there_when_many_ask_at_once() -> None:
    """Two hundred calls from four connections on one account, and some resellers locked in any order."""
    payer, others = account(balance="50"), [account(kind="reseller", balance="1000") for _ in range(3)]
    running = [call() for _ in range(200)]

    def ask(part: list[str]) -> int:
        chosen = random.Random(part[0])
        got = 0
        try:
            for one in part:
                shares = [(payer, 1, 1), (chosen.choice(others), 1, 1)]
                chosen.shuffle(shares)
                (granted,) = take((one, shares))
                got += 1 if granted == [1, 1] else 0
                if granted == [1, 1] and chosen.random() < 0.5:
                    settle(records=[record(payer, id=one, seconds=1)])
        finally:
            connections.close_all()
        return got

    with ThreadPoolExecutor(4) as pool:
        granted = sum(pool.map(ask, [running[i::4] for i in range(4)]))
    assert granted == 50
    assert spendable(payer) == 0
    assert faults() == []


@pytest.mark.django_db(transaction=True)
def test_two_writers_that_settle_the_same_calls_charge_them_once() -> None:
    payers = [account(balance="1000") for _ in range(3)]
    calls = [record(*random.sample(payers, 2), seconds=1) for _ in range(60)]

    def write(order: int) -> int:
        try:
            mine = random.Random(order).sample(calls, len(calls))
            return sum(len(settle(records=mine[i : i + 7]).new) for i in range(0, len(mine), 7))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        new = [pool.submit(write, order) for order in (1, 2)]
    # Whichever met the other's half-written batch the wrong way round was undone by PostgreSQL, whole.
    done = [one.result() for one in new if one.exception() is None]
    assert done
    settle(records=calls)
    assert LedgerEntry.objects.filter(kind="call").count() == 120
    assert faults() == []


class Money(RuleBasedStateMachine):
    """Payments, holds and settlements at random, next to a model of plain numbers; two accounts may have a limit of the day."""

    accounts: list[Account]

    @initialize(postpaid=st.booleans(), limits=st.tuples(*[st.none() | st.integers(0, 30)] * 2))
    def open(self, postpaid: bool, limits: tuple[int | None, ...]) -> None:
        self.savepoint = transaction.savepoint()
        billing = {"billing": "postpaid", "credit_limit": Decimal(5)} if postpaid else {}
        self.accounts = [account(kind="reseller"), account(**billing), account()]
        self.limit = [0, 5 * UNIT if postpaid else 0, 0]
        self.amount = [0, 0, 0]
        self.spent = [0, 0, 0]
        self.most = [*limits, None]
        self.caps = {
            owner.pk: holds.Cap(day=most * UNIT)
            for owner, most in zip(self.accounts, limits, strict=False)
            if most is not None
        }
        self.held: dict[str, dict[int, int]] = {}
        self.ended: list[dict[str, Any]] = []

    def room(self, who: int) -> int:
        return self.amount[who] + self.limit[who] - self.held_of(who)

    def held_of(self, who: int) -> int:
        return sum(h.get(who, 0) for h in self.held.values())

    def allowed(self, who: int) -> int:
        """What it may still hold: its money, and what its day leaves of it."""
        most = self.most[who]
        left = self.room(who) if most is None else most * UNIT - self.spent[who] - self.held_of(who)
        return min(self.room(who), left)

    @rule(who=st.integers(0, 2), units=st.integers(1, 20))
    def pay(self, who: int, units: int) -> None:
        post(account=self.accounts[who], amount=Decimal(units), kind=EntryKind.CORRECTION, text="paid")
        self.amount[who] += units * UNIT

    @rule(
        groups=st.lists(
            st.dictionaries(st.integers(0, 2), st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1),
            min_size=1, max_size=4,
        ),
        extend=st.booleans(),
    )  # fmt: skip
    def hold(self, groups: list[dict[int, tuple[int, int]]], extend: bool) -> None:
        known = list(self.held)
        calls = [known[i] if extend and i < len(known) else call() for i in range(len(groups))]
        granted = take(*(
            (one, [(self.accounts[who], wanted, least) for who, (wanted, least) in shares.items()])
            for one, shares in zip(calls, groups, strict=True)
        ), caps=self.caps)  # fmt: skip
        for one, shares, got in zip(calls, groups, granted, strict=True):
            assert got == self.expected(shares)
            if all(got):
                mine = self.held.setdefault(one, {})
                for who, units in zip(shares, got, strict=True):
                    mine[who] = mine.get(who, 0) + units * UNIT

    def expected(self, shares: dict[int, tuple[int, int]]) -> list[int]:
        got = []
        for who, (wanted, least) in shares.items():
            room = self.allowed(who) // UNIT
            if room < wanted and (room < least or room <= 0):
                return [0] * len(shares)
            got.append(min(room, wanted))
        return got

    @rule(data=st.data(), answered=st.booleans(), overtime=st.integers(0, 5))
    def end(self, data: st.DataObject, answered: bool, overtime: int) -> None:
        """The worker authorised what every payer's hold pays for; it may notice a little too late."""
        if not self.held:
            return
        one = data.draw(st.sampled_from(list(self.held)))  # in their order: names are random
        mine = self.held.pop(one)
        authorised = min(mine.values()) // UNIT
        seconds = data.draw(st.integers(0, authorised)) + overtime
        payers = [
            ["retail" if i == 0 else "reseller", self.accounts[who].pk, terms()] for i, who in enumerate(mine)
        ]
        now = time.time()  # today, whatever the hour
        ended = record(
            seconds=seconds, id=one, payers=payers, authorised=authorised, started=now - seconds - 1
        )
        if not answered:
            ended["answered"] = None
        self.settle([ended])
        if answered:
            for who in mine:
                self.amount[who] -= min(seconds, authorised) * UNIT
                self.spent[who] += min(seconds, authorised) * UNIT

    @rule(count=st.integers(1, 3))
    def replay(self, count: int) -> None:
        self.settle(self.ended[-count:])

    def settle(self, records: list[dict[str, Any]]) -> None:
        assert settle(records=records).rejected == []
        self.ended += [one for one in records if one not in self.ended]

    @invariant()
    def the_database_agrees(self) -> None:
        if not hasattr(self, "held"):
            return
        for who, owner in enumerate(self.accounts):
            balance = Balance.objects.filter(account=owner).first() or Balance(account=owner)
            assert to_micros(balance.amount) == self.amount[who]
            assert to_micros(balance.held) == sum(h.get(who, 0) for h in self.held.values())
            assert self.room(who) >= 0, "an account could spend what it does not have"
            assert self.allowed(who) >= 0, "an account could spend more than its day allows"
            spent = Usage.objects.filter(account=owner).aggregate(all=Sum("spent"))["all"] or 0
            assert to_micros(spent) == self.spent[who]
        assert faults() == []

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            transaction.savepoint_rollback(self.savepoint)


@pytest.mark.django_db
def test_no_sequence_of_payments_holds_ends_and_replays_spends_what_is_not_there() -> None:
    assert connection.in_atomic_block
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
