"""A whole instance: it starts, is asked, is hurt, comes back, and stops."""

from __future__ import annotations

import os
import signal
import stat
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.instance import Instance
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def second() -> Iterator[Instance]:
    """A second instance, which these tests may hurt."""
    neighbour = Instance(workers=1, copies=False)
    yield neighbour
    neighbour.discard()


@pytest.fixture
def neighbour(second: Instance) -> Instance:
    """The second instance, running, whatever an earlier test has done to it."""
    if second.supervisor_pid() is None:
        second.start()
    second.wait_ready()
    return second


def belonging_to(instance: Instance) -> list[str]:
    """Command lines of all processes that this instance has started, by the mark in their environment or their socket."""
    marks = (f"MIZU_SUPERVISED={instance.var}".encode(), str(instance.place.sockets).encode())
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            if any(mark in (folder / "environ").read_bytes() + words for mark in marks) and words:
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def test_status_is_content_when_everything_runs(instance: Instance) -> None:
    instance.wait_ready()
    shown = instance.command("status")
    assert shown.returncode == 0, shown.stdout
    for name in ("postgres", "redis", "web", "celery", "beat", "writer", "compiler", "worker-1", "worker-2"):
        assert f"\n{name} " in shown.stdout


def test_a_second_start_on_the_same_directory_says_who_runs_there(instance: Instance) -> None:
    refused = instance.command("up", "--detach")
    assert refused.returncode == 1
    assert f"already runs on {instance.var} (process {instance.supervisor_pid()})" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_two_instances_run_side_by_side(instance: Instance, neighbour: Instance) -> None:
    for one in (instance, neighbour):
        with urllib.request.urlopen(f"{one.url}accounts/login/", timeout=10) as page:
            assert page.status == 200
        assert one.sql("select current_setting('data_directory')")[0][0] == str(one.var / "postgres")


def test_secrets_are_readable_by_their_owner_only(instance: Instance) -> None:
    for name in ("secret_key", "logins.json"):
        assert stat.S_IMODE((instance.var / name).stat().st_mode) == 0o600, name


def test_a_killed_worker_returns_within_about_a_second(neighbour: Instance) -> None:
    before = neighbour.processes()["worker-1"]["restarts"]
    killed = neighbour.kill("worker-1")
    begun = time.monotonic()
    wait_for(lambda: neighbour.pid("worker-1") not in (0, killed), 5, "a new worker process")
    assert time.monotonic() - begun < 1.5
    neighbour.wait_ready()
    assert neighbour.processes()["worker-1"]["restarts"] == before + 1


def test_a_killed_web_server_takes_its_children_along_and_returns(neighbour: Instance) -> None:
    neighbour.kill("web")
    neighbour.wait_ready()
    with urllib.request.urlopen(f"{neighbour.url}accounts/login/", timeout=10) as page:
        assert page.status == 200


def test_a_killed_database_returns_with_its_data(neighbour: Instance) -> None:
    neighbour.sql("create table if not exists kept (number int)")
    neighbour.sql("insert into kept values (42)")
    neighbour.kill("postgres")
    neighbour.wait_ready()
    assert neighbour.sql("select number from kept")[0] == (42,)


def test_a_killed_supervisor_leaves_no_process_and_a_new_one_starts(neighbour: Instance) -> None:
    supervisor = neighbour.supervisor_pid()
    assert supervisor
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not belonging_to(neighbour), 20, "the end of every process of the killed supervisor")
    neighbour.start()
    assert neighbour.command("status").returncode == 0


def test_down_waits_until_nothing_is_left_and_a_second_start_is_ready_in_ten_seconds(
    neighbour: Instance,
) -> None:
    assert belonging_to(neighbour), "the test must be able to see the processes"
    stopped = neighbour.command("down")
    assert (stopped.returncode, stopped.stdout) == (0, "Mizu has stopped.\n")
    assert belonging_to(neighbour) == []
    assert not neighbour.place.sockets.exists()
    assert neighbour.command("status").returncode == 1
    begun = time.monotonic()
    neighbour.start()
    took = time.monotonic() - begun
    assert took < 30, f"it took {took:.1f} s; ten are the aim on a machine with nothing else to do"


def test_the_log_of_one_process_can_be_read(instance: Instance) -> None:
    shown = instance.command("logs", "postgres")
    assert "ready to accept connections" in shown.stdout


def test_an_unknown_log_names_those_that_exist(instance: Instance) -> None:
    refused = instance.command("logs", "nobody")
    assert refused.returncode == 1
    assert "There is no log of nobody" in refused.stderr
    assert "web" in refused.stderr


ASK_WHERE = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("show unix_socket_directories")
    print(cursor.fetchone()[0])
"""


def test_manage_sees_the_database_of_the_instance(instance: Instance) -> None:
    asked = str(instance.place.sockets)
    assert instance.command("manage", "shell", "-v0", "-c", ASK_WHERE).stdout.strip() == asked
    assert instance.manage("shell", "-v0", "-c", ASK_WHERE).strip() == asked
