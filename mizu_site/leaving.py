"""How a process ends when its work is done."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End at once. Python would first take apart every object that there is, half as long as it took to start, and nobody needs that."""
    atexit._run_exitfuncs()  # what libraries have still to do, logging among them
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
