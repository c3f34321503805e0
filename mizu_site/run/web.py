"""What gunicorn asks of us when its processes end (`-c python:mizu_site.run.web`)."""

from __future__ import annotations

import os
import sys
from typing import Protocol

from mizu_site.leaving import leave


class Worker(Protocol):
    """One that answers requests, as gunicorn knows it."""

    pid: int


def worker_exit(server: object, worker: Worker) -> None:
    """It is done, and would end by SystemExit. Its watcher asks as well, when it finds one gone: that one stays."""
    del server
    if worker.pid == os.getpid():
        leave(int(getattr(sys.exc_info()[1], "code", 1) or 0))


def on_exit(server: object) -> None:
    """The watcher itself is done; what made it give up names its exit code."""
    del server
    leave(int(getattr(sys.exc_info()[1], "exit_status", 0)))
