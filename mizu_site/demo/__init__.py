"""`mizu demo`: real calls through the running system, and what becomes of them."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from mizu_site.run import control
from mizu_site.run.place import Fault, Place

__all__ = ["main"]


def main(words: list[str]) -> int:
    """Make the calls and tell the story; `Fault` with one sentence as soon as something is not as it should be."""
    argparse.ArgumentParser(
        prog="mizu demo",
        description="Register a phone, make two calls through the running system, and follow them to the invoice.",
    ).parse_args(words)
    place = Place.read()
    _require_running(place)
    os.environ.update(place.environment() | {"MIZU_LOG_LEVEL": "WARNING"})
    import django

    django.setup()
    from mizu_site.demo.story import tell

    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="mizu-demo-")))
        tell(place, folder, stack)
    return 0


def _require_running(place: Place) -> None:
    if not control.supervisor_pid(place):
        raise Fault(f"Mizu does not run on {place.var}; start it first, with ./mizu up in another window.")
    waiting = [name for name, row in control.processes(place).items() if row["state"] != "ready"]
    if waiting:
        raise Fault(f"Not everything runs yet ({', '.join(waiting)}); ./mizu status shows it.")
