"""One node's database and state directory, and real processes on them that a test may kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg2

from mizu_site.run import migrated
from mizu_site.run.child import give_to_database_user
from mizu_site.run.place import ROOT
from mizu_site.run.postgres import Cluster
from tests.clerk import Clerk
from tests.support import wait_for


class Node:
    """A cluster of its own, migrated; `start` starts the writer."""

    def __init__(self) -> None:
        self.var = Path(tempfile.mkdtemp(prefix="mizu-node-"))
        self.var.chmod(0o711)
        (self.var / "pg").mkdir(mode=0o700)
        give_to_database_user(self.var / "pg")
        self.spool = self.var / "spool"
        self.cluster = Cluster(
            self.var / "data", self.var / "pg"
        )  # durable: what is killed keeps its commits
        self.env = {
            **os.environ,
            "MIZU_VAR": str(self.var),
            "DATABASE_URL": f"postgres://postgres@/mizu?host={self.var / 'pg'}",
            "PYTHONPATH": str(ROOT),
        }
        self.clerk = Clerk(self.env, self.var / "clerk.log")
        self.processes: list[subprocess.Popen[Any]] = []
        self.server: subprocess.Popen[Any] | None = None
        migrated.copy(self.cluster.data)
        self.start_database()

    # --- the database ---------------------------------------------------------------------------------------------

    def start_database(self) -> None:
        self.cluster.wait_for_predecessor()
        log = (self.var / "postgres.log").open("ab")
        self.server = subprocess.Popen(self.cluster.command(), cwd="/", stdout=log, stderr=log)
        wait_for(self.cluster.answers, 20, "PostgreSQL to answer")

    def kill_database(self) -> None:
        assert self.server
        postmaster = int((self.var / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        self.server.wait(20)
        wait_for(lambda: not self.cluster.answers(), 10, "PostgreSQL to be away")

    def sql(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(host=str(self.var / "pg"), dbname="mizu", user="postgres")
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def one(self, statement: str, values: Sequence[object] = ()) -> Any:
        return self.sql(statement, values)[0][0]

    # --- processes ------------------------------------------------------------------------------------------------

    def manage(self, *words: str) -> str:
        """`manage.py WORDS`; what it printed."""
        well, printed = self.clerk.ask(*words)
        assert well, f"manage.py {words} failed:\n{printed}"
        return printed

    def office(self, statements: str) -> str:
        """Run this with Django and the tests' helpers; what it printed."""
        opening = "from tests.charging import *; from apps.invoices.services import holds\n"
        return self.manage("shell", "-v0", "-c", opening + statements)

    def accounts(self, number: int, balance: str) -> list[int]:
        printed = self.office(f"for i in range({number}): print(account(balance={balance!r}).pk)")
        return [int(line) for line in printed.split()]

    def spawn(self, *words: str, **options: Any) -> subprocess.Popen[Any]:
        process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=self.env, **options)
        self.processes.append(process)
        return process

    def start_writer(self, *, wait: bool = True) -> subprocess.Popen[Any]:
        log = (self.var / "writer.log").open("ab")
        writer = self.spawn("-m", "switch", "writer", stdout=log, stderr=log)
        if wait:
            wait_for(lambda: self.ready() == writer.pid, 20, "the writer to be ready")
        return writer

    def ready(self) -> int:
        """The writer's process, as it says itself; 0 if none is ready."""
        try:
            return int((self.var / "run" / "writer.ready").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def writer_log(self) -> str:
        return (self.var / "writer.log").read_text()

    def stop_processes(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(20)
        self.processes.clear()

    def forget_calls(self) -> None:
        """A clean table for the next test."""
        self.stop_processes()
        shutil.rmtree(self.spool, ignore_errors=True)
        self.sql(
            "TRUNCATE cdrs_cdr, cdrs_cdrprice, invoices_ledgerentry, invoices_hold, invoices_balance CASCADE"
        )

    def discard(self) -> None:
        self.clerk.dismiss()
        self.stop_processes()
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
            self.server.wait(30)
        shutil.rmtree(self.var, ignore_errors=True)
