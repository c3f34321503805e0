"""Which Python everything runs by.

A Python that was compiled by the profile of real work (`--enable-optimizations`), as distributions do it, needs
little more than half of the CPU of one that was not, as tools that build Python at home leave it: more than all
that we could save in our own code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

DISTRIBUTION = Path("/usr/bin/python3")
"""The one that the operating system brings."""
_PROBE = """
import importlib.util, os, sys
able = os.geteuid() == 0 or importlib.util.find_spec("ensurepip")
sys.exit(not (able and sys.version_info >= (3, 11)))
"""


def better(distribution: Path = DISTRIBUTION) -> str | None:
    """The distribution's Python if it is to be preferred to ours; None: stay.

    Ours is quick already, or the other is too old, or cannot make a virtual environment (that takes the package
    python3-venv, which root has installed for it).
    """
    if _is_quick() or not distribution.exists():
        return None
    probed = subprocess.run([distribution, "-I", "-c", _PROBE], capture_output=True, check=False)
    return os.fspath(distribution) if probed.returncode == 0 else None


def _is_quick() -> bool:
    """Whether we are run by a Python that was compiled so: only its own build tells, and distributions have builds of their own."""
    built_with = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return sys.base_prefix == "/usr" or "--enable-optimizations" in built_with
