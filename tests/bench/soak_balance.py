"""`python -m tests.bench.soak_balance [minutes]`: 200 calls on one prepaid account with money for 10 minutes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.faults import house
from tests.faults.balance import run_dry
from tests.faults.conftest import System
from tests.faults.house import Books
from tests.instance import Instance

CALLS = 200


def main(arguments: list[str]) -> None:
    """Start an instance, run its account dry with the default slices, and say what was seen."""
    minutes = float(arguments[0]) if arguments else 10.0
    with Instance() as instance, tempfile.TemporaryDirectory(prefix="mizu-soak-") as folder:
        system = System(instance, Books(instance, house.made(instance)), Path(folder))
        print(run_dry(system, calls=CALLS, seconds=int(minutes * 60), hold=60, before=15))


if __name__ == "__main__":
    main(sys.argv[1:])
