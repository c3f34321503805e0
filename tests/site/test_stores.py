"""The private PostgreSQL and Redis: made, reached through their sockets only, and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from mizu_site.run import checks, postgres, testing
from mizu_site.run.place import Fault
from mizu_site.run.testing import throw_away_stores


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that PostgreSQL's user may enter: pytest's own belong to whoever runs it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="mizu-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def test_throw_away_stores_serve_and_leave_nothing() -> None:
    with throw_away_stores(None, None) as environ:
        connection = psycopg2.connect(checks.dsn(environ["DATABASE_URL"]))
        with connection, connection.cursor() as cursor:
            cursor.execute("show listen_addresses")
            assert cursor.fetchone() == ("",)
            cursor.execute("select current_database()")
            assert cursor.fetchone() == ("mizu",)
        connection.close()
        with redis.Redis.from_url(environ["REDIS_URL"]) as client:
            assert client.ping()
            assert client.config_get("appendonly") == {"appendonly": "no"}
        state = Path(environ["MIZU_VAR"]).parent
        assert state.exists()
    assert not state.exists()
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(checks.dsn(environ["DATABASE_URL"]))


def test_stores_are_on_disk_when_memory_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "ROOM", 1 << 60)
    ground = testing.quickest_ground()
    with throw_away_stores("postgres://elsewhere/mizu", "redis://elsewhere/0", ground) as environ:
        assert Path(environ["MIZU_VAR"]).parent.parent == testing.DISK
        assert Path(environ["TMPDIR"]).is_relative_to(testing.DISK)
    assert not Path(environ["TMPDIR"]).exists()


def test_stores_that_a_url_names_are_not_started() -> None:
    with throw_away_stores("postgres://elsewhere/mizu", "redis://elsewhere/0") as environ:
        assert environ["DATABASE_URL"] == "postgres://elsewhere/mizu"
        assert environ["REDIS_URL"] == "redis://elsewhere/0"


HOLDER = """
import fcntl, os, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.write(str(os.getpid()))
lock.flush()
print("held", flush=True)
time.sleep(600)
"""


def test_an_instance_that_an_interrupted_test_has_left_is_ended_with_them() -> None:
    with throw_away_stores("postgres://elsewhere/mizu", "redis://elsewhere/0") as environ:
        run = Path(environ["MIZU_VAR"]) / "left" / "run"
        run.mkdir(parents=True)
        words = [sys.executable, "-c", HOLDER, str(run / "lock")]
        left = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert left.stdout and left.stdout.readline() == b"held\n"
    assert left.wait(5) == -signal.SIGTERM


def test_a_half_made_cluster_is_made_again(folder: Path) -> None:
    half = folder / "postgres.making"
    half.mkdir()
    (half / "rest").write_text("of an interrupted start")
    cluster = postgres.Cluster(folder / "postgres", folder / "sockets", durable=False)
    cluster.create()
    assert (cluster.data / "PG_VERSION").exists()
    assert not half.exists()
    assert not (cluster.data / "rest").exists()


def test_data_of_a_version_that_is_gone_are_named(folder: Path) -> None:
    (folder / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(Fault, match=r"was made by PostgreSQL 9\.6, which is not installed"):
        postgres.Cluster(folder, folder).command()


def test_a_socket_folder_of_a_stranger_is_refused(folder: Path) -> None:
    (folder / "link").symlink_to("/tmp")
    with pytest.raises(Fault, match="belongs to somebody else"):
        postgres.make_socket_folder(folder / "link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands its database to another user")
def test_data_go_elsewhere_when_their_user_may_not_enter(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "FALLBACK", folder / "lib")
    tmp_path.chmod(0o700)
    var = tmp_path / "var"
    var.mkdir()
    chosen = postgres.data_folder(var)
    assert chosen.parent == folder / "lib"
    assert str(chosen) in (var / "postgres-is-elsewhere.txt").read_text()
    assert postgres.data_folder(var) == chosen, "the next start finds the same data"


def test_data_stay_in_the_state_directory_when_they_can(folder: Path) -> None:
    assert postgres.data_folder(folder) == folder / "postgres"
