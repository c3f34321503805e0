"""`python -m switch worker N | writer | compiler | ported FOLDER | replay ID`: the processes of the switch."""

from __future__ import annotations

import atexit
import os
import sys
from importlib import import_module
from typing import NoReturn

PROCESSES = {
    "worker": "switch.service",
    "writer": "switch.charging.writer",
    "compiler": "switch.world.compiler",
    "replay": "switch.replay",
    "ported": "switch.world.lane",
}


def main(arguments: list[str]) -> int:
    """Run the named process with what follows its name; its exit code."""
    name, *rest = arguments or [""]
    if name not in PROCESSES:
        print(f"usage: python -m switch {{{'|'.join(PROCESSES)}}} …", file=sys.stderr)  # noqa: T201
        return 2
    return int(import_module(PROCESSES[name]).main(rest) or 0)


def leave(code: int) -> NoReturn:
    """End at once. Python would first take apart every object that there is, half as long as it took to start, and nobody needs that."""
    atexit._run_exitfuncs()  # what libraries have still to do, logging among them
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
