"""A whole running instance for flow, fault and browser tests: real processes, own directory, free ports."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from mizu_site.run import control, migrated
from mizu_site.run.place import ROOT, Place
from tests.clerk import Clerk
from tests.lanes import SESSION
from tests.support import free_port, free_ports, wait_for

RTP_PORTS = 400
SIP_PORTS = 41
"""The switch's own, and those where the carriers of the demo data are expected."""
OURS = ("MIZU_", "DATABASE_URL", "REDIS_URL")


DULL = re.compile(r"^\S+ \S+ (beat|celery) ")
LAST = 60
"""Lines of its log that a failing test shows."""


class Instance:
    """`mizu up --detach` in a directory of its own. Use it as a context manager, or the fixture `instance`."""

    _started: ClassVar[list[Instance]] = []

    def __init__(
        self, *, workers: int = 2, extra: Mapping[str, str] | None = None, copies: bool = True
    ) -> None:
        """`copies=False`: it makes its database itself, as on a new machine."""
        # In the session's directory, whose end also ends what was forgotten there; world-traversable, because PostgreSQL runs as
        # another user when the tests run as root.
        self.var = Path(tempfile.mkdtemp(prefix="test-", dir=SESSION))
        self.var.chmod(0o711)
        rtp = free_ports(RTP_PORTS)
        chosen = {
            "MIZU_VAR": str(self.var),
            "MIZU_HTTP_PORT": str(free_port()),
            "MIZU_SIP_BIND": "127.0.0.1",
            "MIZU_SIP_PORT": str(free_ports(SIP_PORTS)),
            "MIZU_SIP_WORKER_PORTS": str(free_ports(workers)),
            "MIZU_SWITCH_WORKERS": str(workers),
            "MIZU_RTP_PORTS": f"{rtp}-{rtp + RTP_PORTS - 1}",
            **(extra or {}),
        }
        self.copies = copies
        self.asked = {k: v for k, v in os.environ.items() if not k.startswith(OURS)} | chosen
        self.place = Place.read(self.asked)
        self.env = self.asked | self.place.environment()
        self.http_port, self.sip_port = self.place.asked.http_port, self.place.asked.sip_port
        self.url = self.place.url
        self.clerk = Clerk(self.env, self.var / "clerk.log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def command(
        self, *words: str, timeout: float = 120, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`mizu WORDS` for this instance; its exit code and what it printed."""
        return subprocess.run(
            [sys.executable, "-m", "mizu_site.run", *words],
            cwd=ROOT,
            env=self.asked,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self) -> None:
        data = self.place.var / "postgres"
        if self.copies and self.place.private_postgres and not data.exists():
            migrated.copy(data)
        done = self.command("up", "--detach", timeout=300)
        self._started.append(self)
        assert done.returncode == 0, f"mizu up failed:\n{done.stdout}\n{done.stderr}"

    def stop(self) -> None:
        self.command("down")
        self._started[:] = [one for one in self._started if one is not self]

    @classmethod
    def last_words(cls) -> str:
        """The newest lines of all that run."""
        paths = [one.place.log / "mizu.log" for one in cls._started]
        logs = [path.read_text(errors="replace").splitlines() for path in paths if path.exists()]
        worth = [[line for line in lines if not DULL.search(line)] for lines in logs]
        return "\n".join(line for lines in worth for line in lines[-LAST:])

    def discard(self) -> None:
        """Stop it, and leave nothing behind. Once is enough."""
        if not self.var.exists():
            return
        self.clerk.dismiss()
        self.stop()
        shutil.rmtree(self.var, ignore_errors=True)

    def manage(self, *words: str) -> str:
        """`manage.py WORDS` in the environment of this instance; what it printed."""
        well, printed = self.clerk.ask(*words)
        assert well, f"manage.py {words} failed:\n{printed}"
        return printed

    def processes(self) -> dict[str, dict[str, Any]]:
        """Name → pid, since, restarts, state: what `mizu status` shows."""
        table: dict[str, dict[str, Any]] = json.loads((self.place.run / "processes.json").read_text())
        return table

    def pid(self, name: str) -> int:
        """The process that runs now under this name: `web`, `writer`, `worker-1`, `postgres`…"""
        return int(self.processes()[name]["pid"])

    def supervisor_pid(self) -> int | None:
        """The process that watches all others; None when this instance does not run."""
        return control.supervisor_pid(self.place)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Kill a process of this instance, wait until it is gone, and return the id that it had."""
        pid = self.pid(name)
        os.kill(pid, number)
        wait_for(lambda: self.processes()[name]["pid"] != pid, 10, f"the end of {name} ({pid})")
        return pid

    def wait_ready(self, seconds: float = 60) -> None:
        """Until every process runs and answers again, and every worker can ask for balances."""

        def all_ready() -> bool:
            return all(one["state"] == "ready" for one in self.processes().values())

        wait_for(all_ready, seconds, "every process to be ready")
        wait_for(
            lambda: all(map(self.can_charge, self.workers())), seconds, "the workers to reach the database"
        )

    def workers(self) -> list[str]:
        return [name for name in self.processes() if name.startswith("worker-")]

    def can_charge(self, worker: str) -> bool:
        """Whether the worker that runs now under this name reaches the database, by its own words."""
        said = self.log(worker)
        return said.rfind("Balances can be asked for") > max(
            said.rfind("The database is away"),
            said.rfind(f"worker {worker.removeprefix('worker-')} listens on"),
        )

    def catch_up(self, seconds: float = 30) -> None:
        """Until all workers go by what is in the database now.

        Two notices of ours go through the compiler: when it reads the second, it has built what came before the first. They are
        repeated, because it hears none while it waits for a database that has just come back.
        """
        for _ in range(2):
            mark = f"test-{uuid.uuid4().hex}"
            wait_for(lambda mark=mark: self._heard(mark), seconds, "the compiler to catch up")
        version = json.loads((self.var / "world" / "manifest.json").read_text())["version"]
        wait_for(
            lambda: all(self._world(one) == version for one in self.workers()),
            seconds,
            f"world {version} to be used",
        )

    def _heard(self, mark: str) -> bool:
        if mark in self.log("compiler"):
            return True
        self.sql("SELECT pg_notify('mizu_changed', %s)", [mark])
        return False

    def _world(self, worker: str) -> str:
        found = re.findall(r"world (\S+) is in use", self.log(worker))
        return str(found[-1]) if found else ""

    def sql(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement in a connection of its own and return its rows, if it has any."""
        connection = wait_for(self._connected, 15, "the database to take connections")
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def _connected(self) -> Any:
        """A connection; None while the server starts or recovers."""
        import psycopg2

        try:
            return psycopg2.connect(host=str(self.place.sockets), dbname="mizu", user="postgres")
        except psycopg2.OperationalError:
            return None

    def logins(self) -> list[dict[str, str]]:
        """What seed_demo made: a list of what, url, username, password."""
        logins: list[dict[str, str]] = json.loads((self.var / "logins.json").read_text())
        return logins

    def log(self, name: str) -> str:
        """Everything that a process has printed and that is still in its two newest log files."""
        paths = (self.place.log / f"{name}.log.1", self.place.log / f"{name}.log")
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())
