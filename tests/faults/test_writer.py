"""Whatever is killed, every answered call has one record and is charged once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from switch.charging.spool import Spool, label_of, node_name
from tests.charging import terms
from tests.faults.node import Node
from tests.support import wait_for

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]

#: A worker that answers calls, says so, and then waits for its end.
WORKER = """
import json, sys
from pathlib import Path
from switch.charging.spool import Spool
spool = Spool(Path(sys.argv[1]), sys.argv[2])
for line in json.loads(sys.stdin.readline()):
    spool.append(line)
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Node]:
    node = Node()
    yield node
    node.discard()


@pytest.fixture
def node(cluster: Node) -> Iterator[Node]:
    cluster.forget_calls()
    yield cluster
    cluster.stop_processes()


def lines_of(payer: int, *, seconds: float = 10, **fields: Any) -> list[dict[str, Any]]:
    """What a worker writes about one call, at one unit a second."""
    call, start = str(uuid4()), time.time() - 1000
    up = {"k": "up", "id": call, "started": start, "answered": start + 1, "caller": payer, "authorised": None}
    up["payers"] = [["retail", payer, terms()]]
    return [
        up | fields,
        {"k": "end", "id": call, "ended": start + 1 + seconds, "cause": "normal", "status": 200},
    ]


def settled(node: Node) -> int:
    return int(node.one("SELECT count(*) FROM cdrs_cdr"))


def everything_is_right(node: Node, calls: int, charged: int) -> None:
    """Each call has one record and one charge; the sums fit."""
    assert node.one("SELECT count(DISTINCT id) FROM cdrs_cdr") == settled(node) == calls
    entries = "FROM invoices_ledgerentry WHERE kind = 'call'"
    assert node.sql(f"SELECT count(*), count(DISTINCT call_id), -sum(amount) {entries}") == [
        (calls, calls, charged)
    ]
    assert node.one("SELECT count(*) FROM invoices_hold") == 0
    node.manage("check_ledger")


def start_worker(node: Node, label: str, lines: list[dict[str, Any]]) -> subprocess.Popen[Any]:
    import json

    worker = node.spawn(
        "-c", WORKER, str(node.spool), label, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdin and worker.stdout
    worker.stdin.write(json.dumps(lines) + "\n")
    worker.stdin.flush()
    assert worker.stdout.readline() == "up\n"
    return worker


def test_a_writer_that_is_killed_in_the_middle_charges_every_call_once(node: Node) -> None:
    payers = node.accounts(5, "100000")
    spool = Spool(node.spool, label_of(1), segment_bytes=200_000)
    total = 3000
    for number in range(total):
        for line in lines_of(payers[number % 5]):
            spool.append(line)
    killed = 0
    while settled(node) < total and killed < 4:
        before = settled(node)
        writer = node.start_writer()
        wait_for(lambda before=before: settled(node) > before, 20, "some records")
        writer.kill()
        writer.wait(10)
        killed += 1
        assert killed > 1 or settled(node) < total, "it was too fast to be killed in the middle"
    writer = node.start_writer()
    wait_for(lambda: settled(node) == total, 60, "all records")
    writer.terminate()
    assert writer.wait(10) == 0
    everything_is_right(node, total, 10 * total)
    assert not (node.spool / "rejected.log").exists()
    spool.close()


def test_calls_of_a_killed_worker_are_billed_until_its_last_sign_of_life(node: Node) -> None:
    (payer,) = node.accounts(1, "1000")
    now = time.time()
    calls = [lines_of(payer, answered=now - 30)[0] for _ in range(10)]
    capped = lines_of(payer, answered=now - 30, authorised=5)[0]
    ended = lines_of(payer)
    label = label_of(1)
    asked = [[(call["id"], payer)] for call in [*calls, capped]]
    node.office(
        f"for ((c, p),) in {asked!r}: holds.take(requests=[holds.Request(c, [(p, 20000000, 1)])], worker={label!r})"
    )
    worker = start_worker(node, label, [*calls, capped, *ended, {"k": "alive", "at": now - 10}])
    node.start_writer()
    wait_for(lambda: settled(node) == 1, 10, "the call that ended")
    assert node.one("SELECT count(*) FROM invoices_hold") == 11
    worker.send_signal(signal.SIGKILL)
    wait_for(lambda: not (node.spool / label).exists(), 10, "the end of the dead worker's journal")
    everything_is_right(node, 12, 10 * 20 + 5 + 10)
    lost = node.sql(
        "SELECT hangup_cause, disconnector, duration, worker FROM cdrs_cdr WHERE hangup_cause <> 'normal'"
    )
    assert lost == [("worker_lost", "switch", 20, label)] * 11


def test_a_worker_and_the_writer_killed_together_lose_nothing(node: Node) -> None:
    (payer,) = node.accounts(1, "1000")
    now = time.time()
    up = [lines_of(payer, answered=now - 30)[0] for _ in range(5)]
    worker = start_worker(node, label_of(2), [*up, {"k": "alive", "at": now - 20}])
    writer = node.start_writer()
    writer.kill()
    worker.kill()
    writer.wait(10)
    worker.wait(10)
    node.start_writer()
    wait_for(lambda: settled(node) == 5, 10, "the records")
    wait_for(lambda: not list(node.spool.glob("*-2-*")), 10, "the end of the journal")
    everything_is_right(node, 5, 5 * 10)


def test_half_a_last_line_of_a_dead_worker_hides_nothing(node: Node) -> None:
    (payer,) = node.accounts(1, "1000")
    lines = lines_of(payer)
    worker = start_worker(node, label_of(1), lines)
    worker.kill()
    worker.wait(10)
    (segment,) = node.spool.glob("*/*.log")
    with segment.open("ab") as file:
        file.write(b'{"k":"up","id":"' + str(uuid4()).encode())
    node.start_writer()
    wait_for(lambda: not list(node.spool.glob("*/*.log")), 10, "the end of the journal")
    everything_is_right(node, 1, 10)


def test_holds_of_a_worker_that_never_wrote_anything_are_let_go(node: Node) -> None:
    (payer,) = node.accounts(1, "1000")
    living = Spool(node.spool, label_of(3))
    for label in (label_of(1), living.label, "another.node-1-1"):
        node.office(
            f"holds.take(requests=[holds.Request({str(uuid4())!r}, [({payer}, 1000000, 1)])], worker={label!r})"
        )
    node.start_writer()
    wait_for(lambda: node.one("SELECT count(*) FROM invoices_hold") == 2, 10, "the dead worker's hold to go")
    left = {label for (label,) in node.sql("SELECT worker FROM invoices_hold")}
    assert left == {living.label, "another.node-1-1"}
    node.manage("check_ledger")
    living.close()


def test_records_wait_while_postgresql_is_killed_and_then_all_arrive(node: Node) -> None:
    (payer,) = node.accounts(1, "100000")
    spool = Spool(node.spool, label_of(1))
    writer = node.start_writer()
    for line in lines_of(payer):
        spool.append(line)
    wait_for(lambda: settled(node) == 1, 10, "the first record")
    node.kill_database()
    try:
        for _ in range(50):
            for line in lines_of(payer):
                spool.append(line)
        wait_for(lambda: "does not take it" in node.writer_log(), 10, "the writer to notice")
    finally:
        node.start_database()
    wait_for(lambda: settled(node) == 51, 20, "the records that waited")
    assert writer.poll() is None, "the writer should have lived on"
    everything_is_right(node, 51, 510)
    spool.close()


def test_a_writer_can_be_stopped_while_the_database_is_away(node: Node) -> None:
    (payer,) = node.accounts(1, "1000")
    spool = Spool(node.spool, label_of(1))
    writer = node.start_writer()
    node.kill_database()
    try:
        for line in lines_of(payer):
            spool.append(line)
        time_limit = 10
        writer.terminate()
        assert writer.wait(time_limit) == 0
        assert node.ready() == 0
    finally:
        node.start_database()
    node.start_writer()
    wait_for(lambda: settled(node) == 1, 10, "the record that waited")
    everything_is_right(node, 1, 10)
    spool.close()


def test_a_second_writer_waits_for_the_first_to_end(node: Node) -> None:
    first = node.start_writer()
    second = node.start_writer(wait=False)
    wait_for(lambda: "Another writer" in node.writer_log(), 10, "the second to notice the first")
    assert node.ready() == first.pid
    first.kill()
    wait_for(lambda: node.ready() == second.pid, 10, "the second to take over")
    second.terminate()
    assert second.wait(10) == 0


def test_a_record_that_cannot_be_written_is_kept_apart_with_the_reason(node: Node) -> None:
    (payer,) = node.accounts(1, "1000")
    spool = Spool(node.spool, label_of(1))
    good, bad = lines_of(payer), lines_of(payer, started=5)
    for line in (*bad, *good):
        spool.append(line)
    node.start_writer()
    wait_for(lambda: settled(node) == 1, 10, "the good record")
    wait_for((node.spool / "rejected.log").exists, 10, "the bad record to be kept")
    kept = (node.spool / "rejected.log").read_text()
    assert bad[0]["id"] in kept
    assert "no time that a call can have" in kept
    assert f"ERROR switch.charging.writer Call {bad[0]['id']}" in node.writer_log()
    everything_is_right(node, 1, 10)
    spool.close()


def test_what_is_settled_is_deleted_and_a_new_writer_is_not_confused_by_the_rest(node: Node) -> None:
    """The beginning of a settled call may be gone while its end is still there."""
    (payer,) = node.accounts(1, "1000")
    spool = Spool(node.spool, label_of(1), segment_bytes=1)  # one line each
    first, running, last = lines_of(payer), lines_of(payer), lines_of(payer)
    for line in (first[0], running[0], first[1], *last):
        spool.append(line)
    writer = node.start_writer()
    wait_for(lambda: settled(node) == 2, 10, "the calls that ended")
    wait_for(
        lambda: [file.stem for file in sorted(spool.folder.glob("*.log"))] == ["00000002", "00000005"],
        10,
        "all but the running call's beginning and the newest segment to be deleted",
    )
    writer.kill()
    writer.wait(10)
    node.start_writer()
    spool.append(running[1])
    wait_for(lambda: settled(node) == 3, 10, "the call that ran")
    assert not (node.spool / "rejected.log").exists()
    everything_is_right(node, 3, 30)
    spool.close()


def test_a_process_that_does_not_exist_is_named(node: Node) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "switch", "wrong"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "worker|writer|compiler" in done.stderr


def test_the_node_has_a_name_that_fits_a_label() -> None:
    assert 0 < len(label_of(64)) <= 64
    assert label_of(64).rsplit("-", 2)[0] == node_name()
