"""kill -9 of one process after the other, in the middle of calls; then the books are right all the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

from tests.faults.conftest import System
from tests.faults.house import NUMBER, RETAIL, TWO_PAYERS, WHOLESALE, set_setting
from tests.faults.traffic import Sipp
from tests.instance import Instance
from tests.rescued import rescued
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.fault, pytest.mark.timeout(120)]

PAYERS = {"faults-trunk": RETAIL, "faults-reseller": WHOLESALE}
BEFORE = 45
"""Answered calls at the moment of the kill: some have ended by then, about 40 talk, some still ring."""
AFTER = 15
"""Calls answered after it, before the traffic ends."""


def strike(system: System, *kills: Callable[[Instance], None]) -> tuple[Sipp, set[str]]:
    """Traffic of 30 calls a second, each kill in the middle of it; the callers' log, and who talked at the first."""
    with system.carrier(), system.calls(rate=30, talk=2) as calls:
        calls.wait("answered", BEFORE)
        talking = calls.events("answered").keys() - calls.events("ended").keys()
        assert len(talking) > 20, "there are too few calls up to learn anything"
        for kill in kills:
            kill(system.instance)
            calls.wait("answered", len(calls.events("answered")) + AFTER, 30)
        calls.finish()
        system.instance.wait_ready(80)
    return calls, set(talking)


def test_a_killed_worker_loses_no_answered_call_and_charges_none_twice(system: System) -> None:
    calls, _ = strike(system, partial(_kill, "worker-1"))
    rows = system.books.prove(calls.events("answered"), PAYERS)
    causes = {row[4] for row in rows}
    assert "worker_lost" in causes, "no call was up on the worker that was killed"
    assert "normal" in causes, "the other worker's calls did not go on to their end"


def test_a_call_of_a_killed_worker_is_never_billed_for_longer_than_it_was_up(system: System) -> None:
    with system.carrier(ring=(0, 1)), system.calls(rate=100, at_once=40, talk=30, total=40) as calls:
        calls.wait("answered", 40)
        began = system.instance.sql("SELECT extract(epoch FROM now())::float8")[0][0]
        for name in ("worker-1", "worker-2"):
            system.instance.kill(name)
        rows = system.books.prove(calls.events("answered"), PAYERS)
    killed = system.instance.sql("SELECT extract(epoch FROM now())::float8")[0][0] - began
    assert {row[4] for row in rows} == {"worker_lost"}
    assert max(row[3] for row in rows) <= 3 + killed


@pytest.mark.req("failover-014")
def test_a_killed_worker_charges_both_parts_of_a_call_that_went_on_by_another_carrier_once(
    system: System,
) -> None:
    instance = system.instance
    ((second,),) = instance.sql(
        "SELECT t.port FROM users_trunk t JOIN users_account a ON a.id = t.account_id WHERE a.username = 'carrier-solid'"
    )
    set_setting(instance, rerouteconnected="yes")
    try:
        ports = (system.carrier_port, int(second))
        with rescued(instance.sip_port, TWO_PAYERS + NUMBER, ports, user="442079460000") as talk:
            instance.kill(talk.worker)
            found = lambda: len(system.books.records([talk.invite.call_id])) == 2 and not system.books.held()  # noqa: E731
            wait_for(found, 30, "both records, and the release of all holds")
    finally:
        set_setting(instance, rerouteconnected="auto")
    rows = system.books.records([talk.invite.call_id])
    assert sorted(row[4] for row in rows) == ["rerouted", "worker_lost"]
    charged = instance.sql(
        "SELECT call_id::text, account_id, count(*) FROM invoices_ledgerentry WHERE call_id = ANY(%s::uuid[]) GROUP BY 1, 2",
        [[row[1] for row in rows]],
    )
    billed = [row[1] for row in rows if row[3]]
    assert sorted(charged) == sorted(
        (call, system.books.accounts[name], 1) for call in billed for name in PAYERS
    )
    system.books.prove_ledger()


@pytest.mark.req("billing-001")
def test_killing_writer_compiler_and_redis_is_not_noticed_by_callers(system: System) -> None:
    calls, _ = strike(system, *(partial(_kill, name) for name in ("writer", "compiler", "redis")))
    for kind in ("lost", "cut", "refused"):
        assert not calls.events(kind), f"{len(calls.events(kind))} calls were {kind}"
    rows = system.books.prove(calls.events("answered"), PAYERS)
    assert {row[4] for row in rows} == {"normal"}


@pytest.mark.parametrize("victim", ["postmaster", "backend"])
def test_calls_that_are_up_outlast_a_killed_database(system: System, victim: str) -> None:
    """A killed backend makes PostgreSQL restart all others, so both are away for a moment."""
    kill = _kill_backend if victim == "backend" else partial(_kill, "postgres")
    calls, talking = strike(system, kill)
    assert talking <= calls.events("ended").keys(), "a call that was up did not end as its caller wanted"
    assert not calls.events("lost")
    system.books.prove(calls.events("answered"), PAYERS, 45)


def test_when_everything_is_killed_at_once_the_books_are_right_after_the_next_start(system: System) -> None:
    instance = system.instance
    with system.carrier(), system.calls() as calls:
        calls.wait("answered", BEFORE)
        _kill_everything(instance)
        answered = set(calls.events("answered"))
        instance.start()
        calls.wait("answered", len(answered) + AFTER, 30)
        calls.finish()
    system.books.prove(calls.events("answered"), PAYERS, 45)


def _kill(name: str, instance: Instance) -> None:
    instance.kill(name)


def _kill_backend(instance: Instance) -> None:
    ((pid,),) = instance.sql(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'mizu bank' ORDER BY pid LIMIT 1"
    )
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 5, f"the end of backend {pid}")


def _kill_everything(instance: Instance) -> None:
    """The supervisor first, so that it cannot restart anything, then all that it has started."""
    supervisor = instance.supervisor_pid()
    assert supervisor is not None
    pids = [int(one["pid"]) for one in instance.processes().values() if one["pid"]]
    for pid in (supervisor, *pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_for(lambda: instance.supervisor_pid() is None, 10, "the end of the supervisor")
