"""How the processes of the web server end: at once, with the exit code by which gunicorn tells a failed start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mizu_site.run.place import ROOT

OPENING = """
import os, sys
from types import SimpleNamespace as Thing
from gunicorn.errors import HaltServer
from mizu_site.run.web import on_exit, worker_exit
class Kept:
    def __del__(self): print("taken apart")
kept = Kept()
"""


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("try: sys.exit(3)\nfinally: worker_exit(None, Thing(pid=os.getpid()))", 3),
        ("try: sys.exit(0)\nfinally: worker_exit(None, Thing(pid=os.getpid()))", 0),
        ("try: raise HaltServer('no', 4)\nexcept HaltServer: on_exit(None)", 4),
        ("on_exit(None)", 0),
    ],
    ids=["a process that could not start", "one that was told to end", "a watcher that gives up", "its end"],
)
def test_it_ends_at_once_by_its_code(program: str, code: int) -> None:
    assert ran(program) == (code, "")


def test_the_watcher_lives_on_when_one_of_its_processes_is_gone() -> None:
    assert ran("worker_exit(None, Thing(pid=1)); print('lives')") == (0, "lives\ntaken apart\n")


def ran(program: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", OPENING + program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout
