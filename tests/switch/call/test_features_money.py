"""Calls that branch or move, from the phones to the ledger: each part has one record, is charged once, and holds nothing at its end."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F

from apps.cdrs.models import Cdr
from apps.invoices.models import Balance, EntryKind, Hold, LedgerEntry
from apps.invoices.services.check import faults
from apps.invoices.services.ledger import post
from apps.invoices.services.settlement import settle
from apps.users.models import Account
from tests.support_sip import sdp
from tests.switch.call.test_transfers import hang_up, refer_of_called, refer_of_caller, replacing
from tests.switch.sim import Sim, furnished, opened
from tests.switch.stage import OUTSIDE, Stage

pytestmark = pytest.mark.django_db(transaction=False)
FIRST = 7_000_000
"""Ids of accounts that no other test uses."""


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def sim(tmp_path: Path, request: Any) -> Iterator[Sim]:
    office = furnished(FIRST)
    for row in office.rows["accounts"]:
        name = f"{row[1]}-{uuid4().hex[:8]}"
        account = Account.objects.create(id=row[0], username=name, kind=row[2], path=f"/{row[0]}/")
        post(account=account, amount=Decimal(1000), kind=EntryKind.CORRECTION, text="opening balance")
    yield from opened(tmp_path, office, request.param)


@pytest.fixture
def stage(sim: Sim) -> Stage:
    made = Stage(sim)
    made.register(made.b, made.c)
    return made


def paid(stage: Stage, *, crash: bool = False) -> dict[str, int]:
    """What each account has paid, in whole units, after the writer has settled all records, twice."""
    records = stage.sim.records(crash=crash)
    assert len({one["id"] for one in records}) == len(records)
    for one in records:
        for _kind, account, _terms in one["payers"]:  # as the bank has left it at the end
            Hold.objects.create(call_id=one["id"], account_id=account, amount=10, worker="sim")
            Balance.objects.filter(account_id=account).update(held=F("held") + 10)
    first = settle(records=records)
    again = settle(records=records)
    assert (len(first.new), first.rejected, again.new) == (len(records), [], set())
    assert Cdr.objects.count() == len(records)
    assert LedgerEntry.objects.filter(kind="call").count() == sum(
        bool(one["payers"] and one["answered"]) for one in records
    )
    assert not Hold.objects.exists()
    assert faults() == []
    spent = {user: 1000 - Balance.objects.get(account_id=pk).amount for user, pk in stage.ids.items()}
    return {user: int(amount) for user, amount in spent.items() if amount}


def test_a_forward_is_charged_to_who_forwards(stage: Stage) -> None:
    stage.forward("1002", "always", OUTSIDE)
    stage.talk(stage.a.call("1002"), stage.one, seconds=20)
    assert paid(stage) == {"1002": 20}


def test_a_chain_of_forwards_charges_each_part_that_costs(stage: Stage) -> None:
    stage.forward("1002", "always", "1003")
    stage.forward("1003", "always", OUTSIDE)
    stage.talk(stage.a.call("1002"), stage.one, seconds=20)
    assert len(stage.sim.records()) == 3
    assert paid(stage) == {"1003": 20}


def test_members_outside_that_did_not_win_cost_nothing(stage: Stage) -> None:
    stage.group("1002", "parallel", (OUTSIDE, 0, 0), ("36201112222", 0, 0), own=False)
    invite = stage.a.call("1002")
    first, second = stage.one.asked("INVITE"), stage.one.asked("INVITE")
    for asked in (first, second):
        stage.one.answer(asked, 180, tag=asked.call_id[:6])
    stage.one.answer(second, 200, body=sdp(), tag=second.call_id[:6])
    ok = stage.a.told(200, "INVITE")
    stage.a.ack(invite, ok)
    stage.one.answer(stage.one.asked("CANCEL"), 200)
    stage.one.answer(first, 487)
    stage.sim.tick(9)
    stage.a.within("BYE", invite, ok, cseq=3)
    stage.bye(stage.one)
    assert paid(stage) == {"1002": 9}


def test_a_caller_that_transfers_pays_for_both_parts(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.one, OUTSIDE)
    stage.sim.tick(4.9)
    refer_of_caller(talk, "<sip:1003@127.0.0.1>")
    stage.reoffered(stage.one)
    stage.c.answer(stage.c.asked("INVITE"), 200, body=sdp(47000))
    stage.reoffered(stage.one)
    stage.bye(stage.a)
    stage.sim.tick(10)
    stage.one.back("BYE", talk.asked, talk.answer)
    stage.bye(stage.c)
    (first, second) = stage.of("1001")
    assert first["payers"] and not second["payers"]
    assert paid(stage) == {"1001": 15}


def test_a_called_that_transfers_outside_pays_from_the_answer_on(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    stage.sim.tick(30)
    refer_of_called(talk, f"<sip:{OUTSIDE}@127.0.0.1>")
    stage.reoffered(stage.a)
    asked = stage.one.asked("INVITE")
    stage.one.answer(asked, 180)
    stage.sim.tick(6)
    stage.one.answer(asked, 200, body=sdp(47000))
    stage.reoffered(stage.a)
    stage.bye(stage.b)
    stage.sim.tick(12)
    hang_up(stage, talk, stage.one)
    assert paid(stage) == {"1002": 12}


def test_an_attended_transfer_goes_on_to_be_paid_by_who_called(stage: Stage) -> None:
    first = stage.up(stage.a, stage.b)
    second = stage.up(stage.b, stage.one, OUTSIDE)
    refer_of_called(first, replacing(second))
    stage.reoffered(stage.a)
    stage.reoffered(stage.one)
    stage.reoffered(stage.a)
    stage.bye(stage.b)
    stage.bye(stage.b)
    stage.sim.tick(25)
    hang_up(stage, first, stage.one)
    assert paid(stage) == {"1002": 25}


def test_a_transferred_call_whose_worker_dies_is_charged_until_its_last_sign_of_life(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    refer_of_called(talk, f"<sip:{OUTSIDE}@127.0.0.1>")
    stage.reoffered(stage.a)
    stage.one.answer(stage.one.asked("INVITE"), 200, body=sdp(47000))
    stage.reoffered(stage.a)
    stage.bye(stage.b)
    stage.sim.tick(8)
    for worker in stage.sim.workers.values():
        worker.spool.alive(worker.board.wall())
    assert paid(stage, crash=True) == {"1002": 8}
    hang_up(stage, talk, stage.one)


def test_a_call_that_is_picked_up_is_still_paid_by_who_called(stage: Stage) -> None:
    """A trunk's call to a number outside, answered there, is not touched; one that rings here is free and stays so."""
    for user in ("1002", "1003"):
        stage.own(user, "pickup_group", "sales")
    stage.forward("1004", "always", "1002")
    invite = stage.a.call("1004")
    ringing = stage.b.asked("INVITE")
    stage.b.answer(ringing, 180)
    stage.a.told(180)
    taken = stage.c.call("*8")
    stage.c.ack(taken, stage.c.told(200, "INVITE"))
    ok = stage.a.told(200, "INVITE")
    stage.a.ack(invite, ok)
    stage.b.answer(stage.b.asked("CANCEL"), 200)
    stage.b.answer(ringing, 487)
    stage.sim.tick(5)
    stage.a.within("BYE", invite, ok, cseq=3)
    stage.bye(stage.c)
    assert paid(stage) == {}
