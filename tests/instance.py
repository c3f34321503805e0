"""A whole running instance for flow, fault and browser tests: real processes, own directory, free ports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from mizu_site.run import control
from mizu_site.run.place import ROOT, Place
from tests.support import free_port, free_ports, wait_for

RTP_PORTS = 400
OURS = ("MIZU_", "DATABASE_URL", "REDIS_URL")


class Instance:
    """`mizu up --detach` in a directory of its own. Use it as a context manager, or the fixture `instance`."""

    def __init__(self, *, workers: int = 2, extra: Mapping[str, str] | None = None) -> None:
        # World-traversable, because PostgreSQL runs as another user when the tests run as root.
        self.var = Path(tempfile.mkdtemp(prefix="mizu-test-", dir="/tmp"))
        self.var.chmod(0o711)
        rtp = free_ports(RTP_PORTS)
        chosen = {
            "MIZU_VAR": str(self.var),
            "MIZU_HTTP_PORT": str(free_port()),
            "MIZU_SIP_BIND": "127.0.0.1",
            "MIZU_SIP_PORT": str(free_ports(workers + 2)),
            "MIZU_SWITCH_WORKERS": str(workers),
            "MIZU_RTP_PORTS": f"{rtp}-{rtp + RTP_PORTS - 1}",
            **(extra or {}),
        }
        self.asked = {k: v for k, v in os.environ.items() if not k.startswith(OURS)} | chosen
        self.place = Place.read(self.asked)
        self.env = self.asked | self.place.environment()
        self.http_port, self.sip_port = self.place.asked.http_port, self.place.asked.sip_port
        self.url = self.place.url

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
        done = self.command("up", "--detach")
        assert done.returncode == 0, f"mizu up failed:\n{done.stdout}\n{done.stderr}"

    def stop(self) -> None:
        self.command("down")

    def discard(self) -> None:
        """Stop it, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.var, ignore_errors=True)

    def manage(self, *words: str, check: bool = True) -> str:
        """`manage.py WORDS` in the environment of this instance; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"manage.py {words} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

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

    def wait_ready(self, seconds: float = 30) -> None:
        """Until every process runs and answers again."""

        def all_ready() -> bool:
            return all(one["state"] == "ready" for one in self.processes().values())

        wait_for(all_ready, seconds, "every process to be ready")

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
        """Everything that a process has printed and that is still in its newest log file."""
        return (self.place.log / f"{name}.log").read_text(errors="replace")
