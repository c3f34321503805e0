"""The process `python -m switch writer`: journals of this node's workers become CDRs and charges. One per node.

Until SIGTERM, about 30 times a second:
1. read what the workers have appended, up to 500 records or what 50 ms bring;
2. settle them in one transaction; while the database is away, wait and lose nothing;
3. put what can never be written into `spool/rejected.log`, with the reason;
4. delete the segments that are settled; for a dead worker, end and bill its calls, let its holds go, and
   remove its journal.
Once a minute, holds that nobody will settle are let go: of workers that left no journal, and late grants.
"""

from __future__ import annotations

import fcntl
import gc
import json
import logging
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from switch.charging.journal import Ended, Journal
from switch.charging.spool import node_name

log = logging.getLogger(__name__)

BATCH = 500
GATHER_SECONDS = 0.05
POLL_SECONDS = 0.03
LOOK_SECONDS = 1.0
SWEEP_SECONDS = 60.0
BACK_OFF = (0.2, 5.0)
COLLECT_AFTER = 20_000  # objects: batches make many, and hardly any of them hold each other


class Stopped(Exception):
    """SIGTERM came while the database was away."""


class Writer:
    """Reads all journals below `spool`, settles what has ended."""

    def __init__(self, spool: Path, node: str) -> None:
        self.spool, self.node = spool, node
        self.stopping = False
        self.journals: dict[str, Journal] = {}
        self._looked = self._swept = float("-inf")

    def run(self) -> None:
        """Until `stopping`; returns after the batch in hand."""
        try:
            while not self.stopping:
                if not self.step():
                    time.sleep(POLL_SECONDS)
        except Stopped:
            log.info("Stopped while the database was away; the journals wait")
        finally:
            for journal in self.journals.values():
                journal.close()

    def step(self) -> bool:
        """One round; whether there was anything to settle."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look()
        batch = self._gather()
        if batch:
            self._settle(batch)
        if self._looked == now:
            self._tidy()
        if now - self._swept >= SWEEP_SECONDS:
            self._swept = now
            self._patiently(self._sweep)
        return bool(batch)

    def _look(self) -> None:
        """Find new journals."""
        for entry in os.scandir(self.spool):
            if entry.is_dir() and entry.name not in self.journals:
                if not entry.name.startswith("."):
                    self.journals[entry.name] = Journal(Path(entry.path))
                elif time.time() - entry.stat().st_mtime > SWEEP_SECONDS:  # died while it made it
                    shutil.rmtree(entry.path, ignore_errors=True)

    def _gather(self) -> list[Ended]:
        """What has ended; once there is something, wait a moment for more."""
        batch: list[Ended] = []
        deadline = None
        while len(batch) < BATCH:
            for journal in self.journals.values():
                if len(batch) < BATCH:
                    batch += journal.read(BATCH - len(batch))
            if not batch or self.stopping:
                break
            deadline = deadline or time.monotonic() + GATHER_SECONDS
            if time.monotonic() >= deadline:
                break
            time.sleep(0.01)
        return batch

    def _settle(self, batch: list[Ended]) -> None:
        from apps.invoices.services.settlement import settle

        orders = [one for one in batch if one.record["k"] == "do"]
        self._carry_out(orders)
        batch = [one for one in batch if one.record["k"] != "do"]
        for start in range(0, len(batch), BATCH):
            part = batch[start : start + BATCH]
            outcome = self._patiently(settle, records=[one.record for one in part])
            for record, reason in outcome.rejected:
                self._reject(record, reason)
            for journal in {one.journal for one in part}:
                journal.settled([str(one.record["id"]) for one in part if one.journal is journal])

    def _carry_out(self, orders: list[Ended]) -> None:
        """What phones have set by code or key, in their order. One that the office refuses is not asked again."""
        from apps.pbx.services import carry_out
        from apps.screening.services import keep_pressed

        for one in orders:
            work = keep_pressed if one.record.get("what") == "pressed" else carry_out
            refused = self._patiently(work, order=one.record)
            if refused:
                log.warning("Order of account %s refused: %s", one.record.get("account"), refused)
            one.journal.settled([str(one.record["id"])])

    def _tidy(self) -> None:
        for label, journal in list(self.journals.items()):
            if journal.is_dead():
                self._bury(label, journal)
            else:
                journal.tidy()

    def _bury(self, label: str, journal: Journal) -> None:
        """Everything that it wrote is read before its calls are ended: it can write no more."""
        from apps.invoices.services.holds import release_worker

        while batch := journal.read(BATCH):
            self._settle(batch)
        if left_over := journal.left_over():
            log.error("Worker %s died with %d calls up; they are billed until then", label, len(left_over))
            self._settle(left_over)
        self._patiently(release_worker, worker=label)
        journal.remove()
        del self.journals[label]

    def _sweep(self) -> None:
        """The holders are asked first, the journals then: a worker has its journal before its first hold."""
        from apps.cdrs.services import ensure_months
        from apps.invoices.services.holds import release_settled, release_worker, workers_holding

        ensure_months(moments=[time.time(), time.time() + 10 * 86400])
        for label in workers_holding(node=self.node):
            if not (self.spool / label).exists():
                log.warning("Worker %s left %d holds and no journal", label, release_worker(worker=label))
        if late := release_settled():
            log.warning("%d holds of calls that are settled were let go", late)

    def _reject(self, record: dict[str, Any], reason: str) -> None:
        """On disk before the journal may forget it."""
        log.error("Call %s cannot be written: %s", record.get("id"), reason)
        line = json.dumps({"reason": reason, "record": record}) + "\n"
        with (self.spool / "rejected.log").open("a") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _patiently(self, work: Any, **arguments: Any) -> Any:
        """Do it, however often the database fails. Every piece of work may be done twice."""
        from django.db import Error, InterfaceError, OperationalError, connection

        pause = BACK_OFF[0]
        while True:
            try:
                return work(**arguments)
            except Error as error:
                gone = isinstance(error, OperationalError | InterfaceError)
                log.log(
                    logging.WARNING if gone else logging.ERROR,
                    "The database does not take it (%s), again in %g s",
                    str(error).strip().split("\n", 1)[0],
                    pause,
                )
                connection.close()
            self._wait(pause)
            pause = min(pause * 2, BACK_OFF[1])

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.stopping:
                raise Stopped
            time.sleep(0.05)


def main(arguments: list[str] | None = None) -> int:
    """`python -m switch writer`"""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    import django

    django.setup()
    from django.conf import settings

    spool, run = settings.VAR / "spool", settings.VAR / "run"
    for folder in (spool, run):
        folder.mkdir(parents=True, exist_ok=True)
    writer = Writer(spool, node_name())

    def stop(*_: object) -> None:
        writer.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    lock = os.open(run / "writer.lock", os.O_RDWR | os.O_CREAT, 0o600)
    if not _our_turn(lock, writer):
        return 0
    ready = run / "writer.ready"
    gc.freeze()  # what was made at the start lives for ever
    gc.set_threshold(COLLECT_AFTER)
    ready.write_text(f"{os.getpid()}\n")
    try:
        writer.run()
    finally:
        ready.unlink(missing_ok=True)
        os.close(lock)
    return 0


def _our_turn(lock: int, writer: Writer) -> bool:
    """Wait until no other writer of this node runs; False when told to stop meanwhile."""
    waiting = False
    while not writer.stopping:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if not waiting:
                log.info("Another writer runs on this node; waiting for it to end")
            waiting = True
            time.sleep(0.1)
        else:
            return True
    return False
