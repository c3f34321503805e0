"""`mizu manage` and `mizu token`: Django's commands, told of the same database as the running instance."""

from __future__ import annotations

import os
import sys

from mizu_site.run.place import ROOT, Fault, Place


def main(words: list[str]) -> int:
    """Becomes manage.py, so that its exit code, its questions and Ctrl-C are its own."""
    environ = os.environ | Place.read().environment()
    os.execve(sys.executable, [sys.executable, str(ROOT / "manage.py"), *words], environ)  # noqa: S606


def token(words: list[str]) -> int:
    if len(words) != 1 or words[0].startswith("-"):
        raise Fault("Say whose token you want: ./mizu token USERNAME")
    return main(["token", *words])
