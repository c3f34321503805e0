"""`python -m switch compiler`: keeps the snapshot files of this node equal to the database.

1. Listen for notices of changes, then build everything once: nothing can change unseen in between.
2. On a notice, wait a moment for more (an import sends many), and build the parts that they name. Ported numbers are compiled
   beside that (`lane`), and become current when they are done.
3. When the database goes away, try again ever more slowly, and then build everything.
4. Every hour build everything, whatever was heard or missed.
5. The file of countries lies outside the database: it is looked at every few seconds (`switch.world.countries`).

Workers go by the files alone, so they start and route without the database and without this process.
"""

from __future__ import annotations

import fcntl
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

DEBOUNCE = 0.1
REBUILD_EVERY = 3600.0
LANE_AGAIN = 60.0
FIRST_WAIT, LONGEST_WAIT = 0.25, 10.0

logger = logging.getLogger("switch.world.compiler")


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or SIGINT. 1: another compiler runs on this node."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    import django

    django.setup()
    from mizu_site.environment import Environment

    var = Environment.read().var
    run = var / "run"
    run.mkdir(parents=True, exist_ok=True)
    with (run / "compiler.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.error("another compiler runs in %s: stop it first", var)
            return 1
        with _stop_signal() as stop:
            Compiler(var / "world", run / "compiler.ready", stop, os.environ.get("MIZU_NODE", "")).run()
    return 0


@contextmanager
def _stop_signal() -> Iterator[IO[bytes]]:
    """A pipe that becomes readable when the process is asked to stop."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with os.fdopen(reading, "rb", buffering=0) as stop:
        try:
            yield stop
        finally:
            signal.set_wakeup_fd(-1)
            os.close(writing)


class Compiler:
    """The loop around `parts.build`."""

    def __init__(self, folder: Path, ready: Path, stop: IO[bytes], node: str = "") -> None:
        from switch.world.countries import CountryFile
        from switch.world.lane import Lane
        from switch.world.store import Store

        self.store = Store(folder)
        self.lane = Lane(folder)
        self.countries = CountryFile(self.store, node)
        self.ready = ready
        self.stop = stop
        self.node = node

    def run(self) -> None:
        """Until asked to stop."""
        from django.db import DatabaseError, InterfaceError, connection

        from switch.world.parts import ALL

        self.ready.unlink(missing_ok=True)
        wait = FIRST_WAIT
        try:
            while not self._stopping(0):
                try:
                    self._listen()
                    self._build({ALL})
                    wait = FIRST_WAIT
                    self._follow()
                except (DatabaseError, InterfaceError) as error:
                    logger.warning(
                        "the database cannot be read (%s); next try in %.2f s", str(error).strip(), wait
                    )
                    with suppress(Exception):
                        connection.close()
                    if self.store.manifest:
                        self._say_ready()  # workers can go by what is there
                    self._stopping(wait)
                    wait = min(2 * wait, LONGEST_WAIT)
        finally:
            self.lane.stop()
            self.ready.unlink(missing_ok=True)
            connection.close()

    def _listen(self) -> None:
        from django.db import connection

        from apps.core.notify import CHANNEL

        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")

    def _follow(self) -> None:
        """Build what notices name, until asked to stop or the hour is over."""
        from switch.world.countries import EVERY
        from switch.world.parts import ALL, PORTED, parts_of

        rebuild_at = time.monotonic() + REBUILD_EVERY
        while not self._stopping(0):
            notices = self._notices(min(EVERY, rebuild_at - time.monotonic()))
            if self._lane_is_done():
                if self.lane.collect():
                    self._build({PORTED, "porting"} | parts_of(notices))
                    continue
                rebuild_at = min(rebuild_at, time.monotonic() + LANE_AGAIN)
            if time.monotonic() >= rebuild_at:
                rebuild_at = time.monotonic() + REBUILD_EVERY
                self._build({ALL})
            elif (parts := parts_of(notices)) or self.countries.changed():
                self._build(parts)

    def _lane_is_done(self) -> bool:
        return bool(self.lane.waiting and select.select(self.lane.waiting, [], [], 0)[0])

    def _notices(self, timeout: float) -> set[str]:
        """Payloads that have come, those of the next moment included; none when it is time to stop or rebuild.

        They end at once when the lane is done.
        """
        connection = _raw()
        found = _received(connection)
        until = time.monotonic() + (DEBOUNCE if found else max(0.0, timeout))
        while (left := until - time.monotonic()) > 0:
            readable = select.select([connection, self.stop, *self.lane.waiting], [], [], left)[0]
            if self.stop in readable:
                return set()
            if connection not in readable and readable:
                return found
            if connection in readable and (more := _received(connection)):
                if not found:
                    until = time.monotonic() + DEBOUNCE
                found |= more
        return found

    def _build(self, wanted: set[str]) -> None:
        from switch.world.parts import ALL, build

        begun = time.monotonic()
        before = self.store.manifest
        parts = build(self.store, wanted, node=self.node, lane=self.lane)
        parts |= self.countries.parts(again=not wanted.isdisjoint((ALL, "settings")))
        manifest = self.store.publish(parts, time.time())
        if manifest is not before:
            took = 1000 * (time.monotonic() - begun)
            logger.info(
                "world %s: %s built in %.0f ms",
                manifest.version,
                ", ".join(sorted(wanted)) or "countries",
                took,
            )
        self._say_ready()

    def _say_ready(self) -> None:
        if not self.ready.exists():
            self.ready.write_text(f"{os.getpid()}\n")

    def _stopping(self, timeout: float) -> bool:
        """Whether somebody has asked to stop, waiting so many seconds for it."""
        return bool(select.select([self.stop], [], [], timeout)[0])


def _raw() -> Any:
    """The driver's own connection: Django has no words for notices."""
    from django.db import connection

    connection.ensure_connection()
    return connection.connection


def _received(raw: Any) -> set[str]:
    from django.db import connection

    with connection.wrap_database_errors:
        raw.poll()
    found = {notice.payload for notice in raw.notifies}
    raw.notifies.clear()
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
