"""`python -m switch worker N | writer | compiler | ported FOLDER | replay ID`: the processes of the switch."""

from __future__ import annotations

import sys
from importlib import import_module

from mizu_site.leaving import leave

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


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
