"""`mizu bench`: finds the benchmark and passes on what follows."""

from __future__ import annotations

import importlib
import sys

from mizu_site.run.place import ROOT, Fault

KNOWN = (
    "all",
    "calls",
    "register",
    "rtp",
    "core",
    "engines",
    "ported",
    "pricelist",
    "rating",
    "routing",
    "sippy",
    "asterisk",
    "soak",
)


def main(words: list[str]) -> int:
    if not words or words[0] not in KNOWN:
        raise Fault(f"Say which: ./mizu bench {'|'.join(KNOWN)}")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    benchmark = importlib.import_module(f"tests.bench.{words[0]}")
    return int(benchmark.main(words[1:]) or 0)
