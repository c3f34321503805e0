"""The reactor asks PostgreSQL for money without waiting for it; the database and the sockets are real."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from django.db import connection
from psycopg2.extensions import make_dsn

from apps.invoices.models import Hold
from apps.users.models import Account
from switch.charging.bank import BATCH, GATHER, QUEUE, Bank, dsn_of_office
from tests.charging import account, held, spendable
from tests.switch.loop import Loop

pytestmark = pytest.mark.django_db(transaction=True)
UNIT = 1_000_000


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def bank(loop: Loop) -> Iterator[Bank]:
    bank = Bank(loop.reactor, dsn_of_office(), "n-1-1")
    bank.start()
    loop.until(lambda: not bank.away, "the connection")
    yield bank
    bank.stop()


@pytest.fixture
def locked() -> Iterator[Callable[[Account], Callable[[], None]]]:
    """Lock an account's balance from elsewhere; the returned function unlocks it."""
    other = psycopg2.connect(dsn_of_office())

    def lock(owner: Account) -> Callable[[], None]:
        other.cursor().execute("SELECT 1 FROM invoices_balance WHERE account_id = %s FOR UPDATE", [owner.pk])
        return other.rollback

    yield lock
    other.close()


def bank_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'mizu bank'"
            " AND datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


class Answers(list[Any]):
    """Collects what `done` is told."""

    def ask(self, bank: Bank, owner: Account, units: int = 1, call: str = "") -> str:
        call = call or str(uuid4())
        bank.hold(call, [(owner.pk, units * UNIT, UNIT)], self.append)
        return call


def test_money_is_held_and_the_answer_comes_later(loop: Loop, bank: Bank) -> None:
    payer, answers = account(balance="10"), Answers()
    answers.ask(bank, payer, 7)
    assert answers == []
    answers.ask(bank, payer, 7)
    answers.ask(bank, payer, 7)
    loop.until(lambda: len(answers) == 3, "three answers")
    assert answers == [{payer.pk: 7 * UNIT}, {payer.pk: 3 * UNIT}, {payer.pk: 0}]
    assert spendable(payer) == 0


def test_what_is_asked_while_a_statement_is_under_way_shares_the_next(loop: Loop, bank: Bank) -> None:
    payer, answers = account(balance="10000"), Answers()
    for _ in range(2 * BATCH + 1):
        answers.ask(bank, payer)
    loop.until(lambda: len(answers) == 2 * BATCH + 1, "all answers")
    moments = Hold.objects.values_list("created_at", flat=True).distinct()
    assert len(moments) == 3, "two full batches, and what was left"
    assert held(payer) == Decimal(2 * BATCH + 1)


def test_a_statement_that_waits_too_long_is_refused_and_the_next_goes_on(
    loop: Loop, bank: Bank, locked: Callable[[Account], Callable[[], None]]
) -> None:
    payer, answers = account(balance="10"), Answers()
    unlock = locked(payer)
    answers.ask(bank, payer)
    loop.until(lambda: answers, "the refusal", 4)
    assert answers == [None]
    assert not bank.away
    unlock()
    answers.ask(bank, payer)
    loop.until(lambda: len(answers) == 2, "the grant")
    assert answers[1] == {payer.pk: UNIT}
    assert held(payer) == 1


def test_too_many_questions_are_refused_at_once(
    loop: Loop, bank: Bank, locked: Callable[[Account], Callable[[], None]]
) -> None:
    payer, answers = account(balance="10000"), Answers()
    unlock = locked(payer)
    for _ in range(QUEUE + 3):
        answers.ask(bank, payer)
    assert bank.full
    loop.until(lambda: len(answers) == 3, "the refusals")
    assert answers == [None] * 3
    unlock()
    loop.until(lambda: len(answers) == QUEUE + 3, "the others")
    assert answers.count({payer.pk: UNIT}) == QUEUE
    assert not bank.full


def test_a_call_that_ends_while_it_asks_keeps_nothing(
    loop: Loop, bank: Bank, locked: Callable[[Account], Callable[[], None]]
) -> None:
    payer, answers, others = account(balance="10"), Answers(), Answers()
    unlock = locked(payer)
    flying = answers.ask(bank, payer)
    loop.until(bank_waits_for_a_lock, "the first statement to be under way")
    waiting = answers.ask(bank, payer)
    stays = others.ask(bank, payer)
    bank.release(flying)
    bank.release(waiting)
    unlock()
    loop.until(lambda: others, "the answer of the other")
    loop.until(lambda: held(payer) == 1, "the money of the ended call to be given back")
    assert answers == []
    assert str(Hold.objects.get().call_id) == stays


def test_a_call_that_fails_over_its_answer_does_not_take_the_others_along(loop: Loop, bank: Bank) -> None:
    payer, answers = account(balance="10"), Answers()

    def fail(granted: object) -> None:
        raise RuntimeError("a mistake in the call")

    bank.hold(str(uuid4()), [(payer.pk, UNIT, 1)], fail)
    bank.hold(str(uuid4()), [(payer.pk, UNIT, 1)], fail)
    answers.ask(bank, payer)
    loop.until(lambda: answers, "the answer of the other")


@pytest.mark.fault
def test_a_broken_connection_is_told_and_made_anew(loop: Loop, bank: Bank, locked: Any) -> None:
    payer, answers = account(balance="10"), Answers()
    locked(payer)
    answers.ask(bank, payer)
    loop.until(bank_waits_for_a_lock, "the first statement to be under way")
    answers.ask(bank, payer)
    with psycopg2.connect(dsn_of_office()) as other:
        other.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'mizu bank' AND datname = current_database()"
        )
    loop.until(lambda: len(answers) == 2, "both refusals", 3)
    assert answers == [None, None]
    assert bank.away
    loop.until(lambda: not bank.away, "the new connection")


@pytest.mark.fault
def test_an_idle_bank_notices_that_the_database_went_away(loop: Loop, bank: Bank) -> None:
    with psycopg2.connect(dsn_of_office()) as other:
        other.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'mizu bank' AND datname = current_database()"
        )
    loop.until(lambda: bank.away, "the loss to be noticed")
    loop.until(lambda: not bank.away, "the new connection")


@pytest.mark.fault
def test_a_bank_without_a_database_refuses_at_once_until_there_is_one(loop: Loop, tmp_path: Path) -> None:
    payer, answers = account(balance="10"), Answers()
    real = psycopg2.connect(dsn_of_office())
    socket = f".s.PGSQL.{real.info.port}"
    folder = Path(real.info.host)
    if not folder.is_dir():
        pytest.skip("the database is not reached by a socket in a directory")
    real.close()
    bank = Bank(loop.reactor, make_dsn(dsn_of_office(), host=str(tmp_path)), "n-1-1")
    bank.start()
    start = time.monotonic()
    answers.ask(bank, payer)
    loop.until(lambda: answers, "the refusal")
    assert (answers, bank.away) == ([None], True)
    assert time.monotonic() - start < 0.5
    (tmp_path / socket).symlink_to(folder / socket)
    loop.until(lambda: not bank.away, "the connection")
    answers.ask(bank, payer)
    loop.until(lambda: len(answers) == 2, "the grant")
    assert answers[1] == {payer.pk: UNIT}
    bank.stop()


def _process_of_the_bank() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'mizu bank' AND datname = current_database()"
        )
        ((pid,),) = cursor.fetchall()
        return int(pid)


def test_what_a_server_that_hung_grants_too_late_is_let_go_when_the_call_is_over(
    loop: Loop, bank: Bank
) -> None:
    payer, answers = account(balance="10"), Answers()
    server = _process_of_the_bank()
    os.kill(server, signal.SIGSTOP)
    try:
        refused = answers.ask(bank, payer, 7)
        loop.until(lambda: answers == [None], "the refusal", seconds=6)
        bank.release(refused)
        loop.until(lambda: not bank.away, "another connection", seconds=6)
    finally:
        os.kill(server, signal.SIGCONT)
    loop.until(
        lambda: not bank._doubtful and not bank._late and not bank._over, "the doubts to be over", seconds=8
    )
    loop.until(lambda: not Hold.objects.exists() and held(payer) == 0, "the money to be free", seconds=5)
    answers.ask(bank, payer, 10)
    loop.until(lambda: len(answers) == 2, "the next answer")
    assert answers[1] == {payer.pk: 10 * UNIT}


def test_who_asks_alone_is_asked_for_at_once_and_who_asks_in_a_rush_waits_for_others(
    loop: Loop, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    later = loop.reactor.callLater

    def noted(delay: float, do: Callable[..., object], *arguments: Any) -> Any:
        if do == bank._gathered:
            waits.append(delay)
        return later(delay, do, *arguments)

    monkeypatch.setattr(loop.reactor, "callLater", noted)
    monkeypatch.setattr("switch.charging.bank.RUSH", 60.0)
    payer, answers = account(balance="10"), Answers()
    for count in (1, 2):
        answers.ask(bank, payer)
        loop.until(lambda count=count: len(answers) == count, "an answer")  # type: ignore[misc]
    assert waits == [0, GATHER]
