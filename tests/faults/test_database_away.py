"""PostgreSQL is away for a while: stopped or frozen. What is up goes on, what is over is written afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import outage
from tests.faults.conftest import System
from tests.faults.house import NUMBER, RETAIL, TWO_PAYERS, WHOLESALE, set_setting
from tests.faults.wire import SDP, Dialling, Peer

pytestmark = [pytest.mark.flow, pytest.mark.fault, pytest.mark.timeout(120)]

PAYERS = {"faults-trunk": RETAIL, "faults-reseller": WHOLESALE}
CALLED = TWO_PAYERS + NUMBER
CALLS = 40
ALLOWANCE = 2


def test_while_the_database_is_stopped_calls_go_on_and_new_prepaid_ones_are_refused(system: System) -> None:
    instance = system.instance
    with system.carrier(), system.calls(rate=40, at_once=CALLS, talk=4, total=CALLS) as calls:
        calls.wait("answered", CALLS)
        assert not calls.events("ended")
        with outage.database_stopped(instance):
            outage.wait_away(instance)
            with Peer(instance.sip_port) as caller:
                refused_at_once(caller)
            calls.wait("ended", CALLS)
            calls.finish()
            assert outage.database_is_away(instance)
            assert outage.journalled(instance, "end") >= CALLS, "the records of these calls do not wait"
        rows = system.books.prove(calls.events("answered"), PAYERS, 45)
    assert {row[4] for row in rows} == {"normal"}


def test_while_the_database_is_frozen_calls_go_on_and_new_prepaid_ones_are_refused(system: System) -> None:
    """It hangs instead of refusing: the first who asks waits for two or three seconds, nobody longer."""
    instance = system.instance
    with system.carrier(), system.calls(rate=40, at_once=CALLS, talk=4, total=CALLS) as calls:
        calls.wait("answered", CALLS)
        assert not calls.events("ended")
        with outage.frozen(outage.database_processes(instance)), Peer(instance.sip_port) as caller:
            for _ in range(6):  # of both workers
                refused_at_once(caller, seconds=4)
            calls.wait("ended", CALLS)
            calls.finish()
            assert outage.journalled(instance, "end") >= CALLS
        rows = system.books.prove(calls.events("answered"), PAYERS, 45)
    assert {row[4] for row in rows} == {"normal"}


def refused_at_once(caller: Peer, seconds: float = 2) -> None:
    """A new prepaid call gets 503 within so many seconds, and is told when to try again."""
    dialling = Dialling(caller, CALLED)
    caller.send(dialling.invite())
    refusal = caller.wait("INVITE", 503, dialling.call, seconds)
    caller.send(dialling.refusal_ack(refusal))
    assert int(refusal["Retry-After"]) > 0


@pytest.fixture
def allowing(system: System) -> Iterator[System]:
    set_setting(
        system.instance, prepaid_when_database_away="allow", database_away_allowance_seconds=ALLOWANCE
    )
    yield system
    set_setting(system.instance, prepaid_when_database_away="refuse", database_away_allowance_seconds=120)


def test_an_operator_may_allow_prepaid_calls_for_a_little_while(allowing: System) -> None:
    instance = allowing.instance
    with Peer(instance.sip_port) as caller, Peer(instance.sip_port, allowing.carrier_port) as carrier:
        dialling = Dialling(caller, CALLED)
        with outage.database_stopped(instance):
            outage.wait_away(instance)
            caller.send(dialling.invite())
            asked = carrier.wait("INVITE")
            carrier.reply(asked, 200, body=SDP)
            answer = caller.wait("INVITE", 200)
            dialling.to_dialog(dialling.ack(answer))
            carrier.wait("ACK")
            assert not [one for one in caller.quiet(ALLOWANCE - 0.5) if one.method == "BYE"], "cut too early"
            caller.reply(caller.wait("BYE", seconds=2), 200)
            carrier.reply(carrier.wait("BYE", seconds=2), 200)
            assert outage.database_is_away(instance)
        rows = allowing.books.prove([dialling.call], PAYERS, 45)
    assert [(row[3], row[4]) for row in rows] == [(ALLOWANCE, "balance_used_up")]
