"""A Django of an instance that stays: it carries out `manage.py` commands without a new Python for each (a second or more).

A line in is the words as JSON; a line out is whether all went well, and what was printed.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from mizu_site.run.child import tied
from mizu_site.run.place import ROOT


class Clerk:
    """The process, started when it is first asked; `dismiss` ends it. After a command that took too long a new one comes."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self.env, self.log = env, log
        self._process: subprocess.Popen[str] | None = None

    def ask(self, *words: str, timeout: float = 120) -> tuple[bool, str]:
        """Whether the command succeeded, and what it printed."""
        if self._process is None or self._process.poll() is not None:
            self._process = self._started()
        assert self._process.stdin and self._process.stdout
        watch = threading.Timer(timeout, self._process.kill)
        watch.start()
        try:
            self._process.stdin.write(json.dumps(words) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            return False, f"no answer within {timeout:g} s:\n{self.log.read_text(errors='replace')[-3000:]}"
        well, printed = json.loads(line)
        return well, printed

    def _started(self) -> subprocess.Popen[str]:
        with self.log.open("a") as log:
            return subprocess.Popen(
                tied([sys.executable, "-m", "tests.clerk"]), cwd=ROOT, env=dict(self.env), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip

    def dismiss(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


def main() -> None:
    """Until nobody has a question any more."""
    answers = sys.stdout
    for line in sys.stdin:
        answers.write(json.dumps(_carry_out(json.loads(line))) + "\n")
        answers.flush()


def _carry_out(words: list[str]) -> tuple[bool, str]:
    from django.core.management import execute_from_command_line
    from django.db import connections

    printed, well = io.StringIO(), True
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            execute_from_command_line(["manage.py", *words])
        except SystemExit as end:
            well = not end.code
        except Exception:
            traceback.print_exc()
            well = False
        finally:
            connections.close_all()  # the next one may find a database that was killed meanwhile
    return well, printed.getvalue()


if __name__ == "__main__":
    main()
