"""What a worker loads before it can carry a call: none of the office's tables, which would take as long as all the rest."""

from __future__ import annotations

import os
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
    ran(f"import importlib\nfor name in {PARTS!r}: importlib.import_module(name)")


def test_a_worker_can_say_what_is_wrong_with_a_setting() -> None:
    """Texts of the office are marked for translation, which would ask all apps."""
    ran("from switch.service import know_no_tables; know_no_tables()\n"
        "from django.core.exceptions import ValidationError\nfrom django.utils.translation import gettext_lazy as _\n"
        "assert 'Not a number' in str(ValidationError(_('Not a number.')))")  # fmt: skip


def ran(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint('all')"], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "mizu_site.settings"},
    )  # fmt: skip
    assert done.stdout == "all\n", done.stderr[-2000:]
