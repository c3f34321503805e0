"""Everything that docs/performance.md tells, one after the other: `./mizu bench all [--seconds S] [--json FILE]`.

Takes about twenty minutes. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from mizu_site.run.place import ROOT

PARTS = {
    "core": ["core"],
    "calls, one worker": ["calls"],
    "calls, two workers": ["calls", "--workers", "2", "--from", "300"],
    "registrations, one worker": ["register"],
    "media, one worker": ["rtp"],
    "beside Sippy": ["sippy"],
    "beside Asterisk": ["asterisk"],
    "engines": ["engines"],
}
TIMED = {"calls", "register", "rtp", "sippy", "asterisk"}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./mizu bench all", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--seconds", type=int, default=10, help="a step")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    results: dict[str, object] = {}
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for name, words in PARTS.items():
            print(f"--- {name}", flush=True)
            found = Path(folder) / "result.json"
            found.unlink(missing_ok=True)
            timed = ["--seconds", str(options.seconds)] if words[0] in TIMED else []
            if measured([*words, *timed, "--json", str(found)]) != 0:
                failed.append(name)
            results[name] = json.loads(found.read_text()) if found.exists() else None
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    if failed:
        print(f"not as it should be: {', '.join(failed)}")
    return 1 if failed else 0


def measured(words: list[str]) -> int:
    """One benchmark in a process of its own; its exit code."""
    command = [sys.executable, "-m", "mizu_site.run", "bench", *words]
    return subprocess.run(command, cwd=ROOT, check=False).returncode
