"""`python -m tests.switch.sip.fuzz TARGET [LIBFUZZER OPTION | FOLDER]...`: look for bytes that break a parser.

Guided by coverage: what reaches new code is kept and varied further, in the first folder that is named (the second and later
ones are only read). `-max_total_time=60` ends it; `-merge=1 NEW OLD` keeps of OLD what reaches as much. An input that breaks
something is written to `crash-…`: put it into `crashes/TARGET/` under a name that says what was wrong, and mend the parser.
"""

from __future__ import annotations

import gc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType

import atheris

ROOT = Path(__file__).parents[3]
PACKAGE = "switch.sip"


class FromSource:
    """Finds the parsers' source even where compiled modules lie beside it: those show no coverage."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        source = ROOT.joinpath(*name.split(".")).with_suffix(".py")
        if name.startswith(f"{PACKAGE}.") and source.exists():
            return importlib.util.spec_from_file_location(name, source)
        return None


def instrument() -> int:
    """Make every function of the parsers tell the fuzzer where it has been; how many there are."""
    found = [one for one in gc.get_objects() if isinstance(one, FunctionType)]
    parsers = [one for one in found if (one.__module__ or "").startswith(PACKAGE)]
    for function in parsers:
        atheris.instrument_func(function)
    return len(parsers)


def main(arguments: list[str]) -> None:
    sys.meta_path.insert(0, FromSource())
    from tests.switch.sip.targets import TARGETS

    target = TARGETS[arguments[0]]
    instrument()
    again = (
        f"{sys.executable} -m tests.switch.sip.fuzz {arguments[0]}"  # how libFuzzer starts itself for -merge
    )
    atheris.Setup([again, *arguments[1:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
