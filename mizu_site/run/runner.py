"""Keeps one process running: starts it, passes on what it prints, starts it again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mizu_site.run.logs import ALL, Lines, LogStream
from mizu_site.run.services import Service

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
HEALTHY_AFTER = 10.0
PATIENCE = 25.0
PIECE = 65536


class Runner:
    """One service and the process that does its work at the moment.

    States: starting (runs, does not answer yet) → ready → waiting (died; comes back after a pause) | stopped.
    """

    def __init__(
        self,
        service: Service,
        folder: Path,
        environ: Mapping[str, str],
        log: LogStream,
        changed: Callable[[], None],
    ) -> None:
        self.service, self.folder, self.environ, self.log, self.changed = (
            service,
            folder,
            environ,
            log,
            changed,
        )
        self.pid, self.since, self.restarts, self.state = 0, 0.0, 0, "waiting"
        self.deaths = 0
        """How often in a row it died young."""
        self.stopping = False
        self.task: asyncio.Task[None] | None = None

    def row(self) -> dict[str, Any]:
        return {"pid": self.pid, "since": self.since, "restarts": self.restarts, "state": self.state}

    def start(self) -> None:
        self.task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Ask it to stop; after `PATIENCE` seconds end it and all that it started."""
        self.stopping = True
        if not self.task:
            return
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, self.service.stop_signal)
        else:
            self.task.cancel()
        _, late = await asyncio.wait([self.task], timeout=PATIENCE)
        if late:
            self.log.write(ALL, f"{self.service.name} did not stop within {PATIENCE:.0f} s and was killed")
            _kill_group(self.pid)
            await asyncio.wait([self.task])
        self._set("stopped")

    async def _keep(self) -> None:
        while not self.stopping:
            code = await self._live()
            if self.stopping:
                return
            self.deaths = 1 if time.time() - self.since > HEALTHY_AFTER else self.deaths + 1
            pause = min(FIRST_PAUSE * 3 ** (self.deaths - 1), LONGEST_PAUSE)
            self.pid = 0
            self._set("waiting")
            self.log.write(ALL, f"{self.service.name} ended ({_reason(code)}); again in {pause:.1f} s")
            await asyncio.sleep(pause)
            self.restarts += 1

    async def _live(self) -> int:
        """One life of the process; what it ended with."""
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *self.service.command,
                cwd=self.folder,
                env=dict(self.environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(writing)
        self.pid, self.since = process.pid, time.time()
        self._set("starting")
        probing = asyncio.create_task(self._probe())
        pumping = asyncio.create_task(self._pump(reading))
        try:
            return await process.wait()
        finally:
            probing.cancel()
            if self.service.stop_signal == signal.SIGTERM:  # PostgreSQL's own processes end by themselves
                _kill_group(process.pid)
            await asyncio.wait([pumping], timeout=1)
            pumping.cancel()
            self.pid = 0

    async def _probe(self) -> None:
        await asyncio.sleep(self.service.settle)
        pause = 0.02
        while not await asyncio.to_thread(self.service.answers, self.pid):
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        self._set("ready")

    async def _pump(self, handle: int) -> None:
        """A pipe of our own: asyncio's would not let us learn of a death while a grandchild still holds it."""
        stream, lines = asyncio.StreamReader(), Lines()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(handle, "rb")
        )
        try:
            while piece := await stream.read(PIECE):
                for line in lines.feed(piece):
                    if not (self.service.noise and self.service.noise in line):
                        self.log.write(self.service.name, line)
        finally:
            transport.close()

    def _set(self, state: str) -> None:
        self.state = state
        self.changed()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
