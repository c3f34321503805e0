"""`mizu test`: pytest with a PostgreSQL and a Redis that live only as long as it does."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mizu_site.run import postgres, redis
from mizu_site.run.place import ROOT, Fault, Place

PATIENCE = 30.0


def main(words: list[str]) -> int:
    with throw_away_stores(os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")) as stores:
        command = [sys.executable, "-m", "pytest", *words]
        with subprocess.Popen(command, cwd=ROOT, env=os.environ | stores) as pytest:
            while True:
                try:
                    return pytest.wait()
                except KeyboardInterrupt:  # it has got it too, and is tidying up
                    continue


@contextlib.contextmanager
def throw_away_stores(database_url: str | None, redis_url: str | None) -> Iterator[dict[str, str]]:
    """The environment for tests: own servers where no URL names another, and a state directory of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mizu-stores-", dir="/tmp"))
    folder.chmod(0o711)  # PostgreSQL's user has to pass
    given = {"DATABASE_URL": database_url or "", "REDIS_URL": redis_url or ""}
    place = Place.read(os.environ | {"MIZU_VAR": str(folder / "var")} | given)
    place.run.mkdir(parents=True)
    postgres.make_socket_folder(place.sockets)
    try:
        with contextlib.ExitStack() as stack:
            if place.private_redis:
                words = redis.command(place.redis_socket, folder)
                stack.enter_context(
                    _served(words, lambda: redis.answers(place.redis_socket), folder / "redis.log")
                )
            if place.private_postgres:
                cluster = postgres.Cluster(folder / "postgres", place.sockets, durable=False)
                cluster.create()
                stack.enter_context(_served(cluster.command(), cluster.answers, folder / "postgres.log"))
                cluster.create_database()
            yield place.environment() | {"MIZU_SECRET_KEY": secrets.token_urlsafe(32)}
    finally:
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _served(words: list[str], answers: Callable[[], bool], log: Path) -> Iterator[None]:
    """A server, from its first answer until the end of the block; it stops by SIGINT."""
    with log.open("w") as output:
        server = subprocess.Popen(
            words, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers():
            if server.poll() is not None or time.monotonic() > deadline:
                raise Fault(f"{words[-1]} does not serve the tests:\n{log.read_text()}")
            time.sleep(0.02)
        yield
    finally:
        server.send_signal(2)
        server.wait(PATIENCE)
