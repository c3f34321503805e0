"""`mizu up`: one instance from its first process to its last.

1. Check what a person has to put right: directory, ports, foreign database and Redis.
2. Start the private servers, then bring the database up to date.
3. Start office and switch; wait until each answers.
4. Tell the addresses, and keep everything running until asked to stop.
5. Stop in the opposite order, the database last.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mizu_site.environment import write_secret_key
from mizu_site.run import checks, leftovers, postgres, prepare, probes
from mizu_site.run.child import tied
from mizu_site.run.logs import ALL, LogStream
from mizu_site.run.place import ROOT, Fault, Place
from mizu_site.run.runner import Runner
from mizu_site.run.services import Service, programs, stores

PATIENCE = 120.0
YOUNG_DEATHS = 3
TABLE = "processes.json"


class Supervisor:
    """Runs one instance. `ready` is called once, when everything answers."""

    def __init__(self, place: Place, log: LogStream, ready: Callable[[], None]) -> None:
        self.place, self.log, self.ready = place, log, ready
        self.environ = os.environ | place.environment() | {"MIZU_SUPERVISED": str(place.var)}
        self.runners: list[Runner] = []
        self.asked_to_stop = asyncio.Event()

    async def run(self) -> None:
        """Until asked to stop. Raises `Fault` when it cannot start."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.asked_to_stop.set)
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(self.asked_to_stop.wait())
        try:
            await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                self.ready()
                await stopping
        except Fault as fault:
            self.log.write(ALL, f"cannot start: {fault}")
            raise
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await self._stop()

    async def _start(self) -> None:
        cluster = await asyncio.to_thread(self._ground)
        await self._bring_up(stores(self.place, cluster), folder=Path("/"))
        if cluster:
            await asyncio.to_thread(cluster.create_database)
        if await asyncio.to_thread(prepare.is_needed, self.place):
            await self._once("prepare", [sys.executable, "-m", "mizu_site.run.prepare"])
        await self._bring_up(programs(self.place), folder=ROOT)
        await self._until(
            lambda: probes.sip_answers(self.place.sip_address), "the switch did not answer OPTIONS"
        )

    def _ground(self) -> postgres.Cluster | None:
        """Everything that must be there before the first process."""
        leftovers.clear(self.place)
        checks.ports(self.place)
        if not self.place.private_redis:
            checks.redis_server(self.place.asked.redis_url)
        if not self.place.private_postgres:
            checks.database(self.place.asked.database_url)
        if "MIZU_SECRET_KEY" not in os.environ:
            write_secret_key(self.place.var / "secret_key")
        for mark in self.place.run.glob("*.ready"):
            mark.unlink()
        postgres.make_socket_folder(self.place.sockets)
        if not self.place.private_postgres:
            return None
        cluster = postgres.Cluster(postgres.data_folder(self.place.var), self.place.sockets)
        cluster.create()
        cluster.wait_for_predecessor()
        return cluster

    async def _bring_up(self, services: Sequence[Service], folder: Path) -> None:
        """Start them at once, and wait until each answers."""
        made = [Runner(s, folder, self.environ, self.log, self._note) for s in services]
        self.runners += made
        for runner in made:
            runner.start()
        await self._until(lambda: all(r.state == "ready" for r in made), "not everything answered")

    async def _until(self, condition: Callable[[], bool], complaint: str) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not await asyncio.to_thread(condition):
            for runner in self.runners:
                if runner.task and runner.task.done():
                    runner.task.result()
                if runner.deaths >= YOUNG_DEATHS:
                    raise Fault(self._died(runner))
            if asyncio.get_running_loop().time() > deadline:
                late = ", ".join(r.service.name for r in self.runners if r.state != "ready")
                raise Fault(
                    f"Within {PATIENCE:.0f} seconds {complaint} ({late or 'all run'}): see ./mizu logs."
                )
            await asyncio.sleep(0.05)

    def _died(self, runner: Runner) -> str:
        name = runner.service.name
        return (
            f"{name} ended {runner.deaths} times before everything was ready. It said:\n{self.log.tail(name)}"
        )

    async def _once(self, name: str, words: list[str]) -> None:
        """A command that has to succeed before the start goes on."""
        process = await asyncio.create_subprocess_exec(
            *tied(words),
            cwd=ROOT,
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while process.stdout and (line := await process.stdout.readline()):
                self.log.write(name, line.decode(errors="replace").rstrip())
            if await process.wait():
                raise Fault(f"The database could not be prepared. It said:\n{self.log.tail(name)}")
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def _stop(self) -> None:
        if self.runners:
            self.log.write(ALL, "stopping")
        for stage in sorted({r.service.last for r in self.runners}):
            await asyncio.gather(*(r.stop() for r in self.runners if r.service.last == stage))
        (self.place.run / TABLE).unlink(missing_ok=True)
        shutil.rmtree(self.place.sockets, ignore_errors=True)

    def _note(self) -> None:
        """Write the table that `mizu status` shows; whoever reads it sees the old one or the new one."""
        table = {r.service.name: r.row() for r in self.runners}
        fresh = self.place.run / f"{TABLE}.new"
        fresh.write_text(json.dumps(table))
        fresh.replace(self.place.run / TABLE)
