"""The same calls through Mizu and through Sippy's B2BUA, in turn (`beside`).

`./mizu bench sippy [--rate N] [--rounds N] [--seconds S] [--json FILE]`

Sippy comes from PyPI into a virtual environment that is thrown away afterwards; its `b2bua_simple` bridges.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mizu_site.run.place import Fault
from tests.bench import beside
from tests.support import free_port

WANTED = "sippy==2.5.0"


def main(argv: list[str]) -> int:
    return beside.main(argv, "sippy", __doc__, started)


def installed(folder: Path) -> Path:
    """A virtual environment with Sippy in it; its Python."""
    quietly(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    quietly(python, "-m", "pip", "--disable-pip-version-check", "install", "-q", WANTED)
    return python


def quietly(*command: str | Path) -> None:
    """Run it; what it says matters only when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Fault(f"{' '.join(map(str, command))} failed:\n{done.stdout.strip()}")


@contextmanager
def started(scratch: Path, carrier: int) -> Iterator[beside.Other]:
    port = free_port()
    words = [installed(scratch / "venv"), "-m", "sippy.b2bua_simple", "-f", "-l", "127.0.0.1", "-p", str(port),
             "-n", f"127.0.0.1:{carrier}"]  # fmt: skip
    environment = os.environ | {"SIPLOG_BEND": "none"}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield beside.Other(port, process.pid)
    finally:
        process.kill()
        process.wait()
