"""What a worker loads before it can carry a call: none of the office's tables, which would take as long as all the rest."""

from __future__ import annotations

import subprocess
import sys

from mizu_site.run.place import ROOT

PARTS = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    for path in (ROOT / "switch").rglob("*.py")
    if not {"world", "replay.py", "__main__.py", "writer.py"} & set(path.relative_to(ROOT).parts)
)


def test_no_part_of_a_worker_knows_a_table() -> None:
    """In a process whose Django has no apps: a model could not even be imported."""
    program = f"import importlib\nfor name in {PARTS!r}: importlib.import_module(name)\nprint('all')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "all\n", done.stderr[-2000:]
