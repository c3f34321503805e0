"""What a worker loads before it can carry a call: none of the office's tables, which would take as long as all the rest."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.internet.task import Clock

from apps.screening.engine import special
from mizu_site.run.place import ROOT
from switch.reactor import by_and_by

PARTS = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    for path in (ROOT / "switch").rglob("*.py")
    if not {"world", "replay.py", "__main__.py", "writer.py"} & set(path.relative_to(ROOT).parts)
)


def test_no_part_of_a_worker_knows_a_table() -> None:
    """In a process whose Django has no apps: a model could not even be imported."""
    ran(f"import importlib\nfor name in {PARTS!r}: importlib.import_module(name)")


def test_what_is_read_before_the_parts_brings_none_of_djangos_own_tables_and_pages() -> None:
    """Each would bring the others: a third of the time until a worker is ready."""
    ran("import sys; from switch.service import know_no_tables; know_no_tables()\n"
        "from switch.charging.bank import dsn_of_office; dsn_of_office()\n"
        "unwanted = {'django.db.models', 'django.urls', 'django.template', 'django.core.management'} & set(sys.modules)\n"
        "assert not unwanted, unwanted")  # fmt: skip


def test_a_worker_can_say_what_is_wrong_with_a_setting() -> None:
    """Texts of the office are marked for translation, which would ask all apps."""
    ran("from switch.service import know_no_tables; know_no_tables()\n"
        "from django.core.exceptions import ValidationError\nfrom django.utils.translation import gettext_lazy as _\n"
        "assert 'Not a number' in str(ValidationError(_('Not a number.')))")  # fmt: skip


def test_numbering_plans_are_learned_country_by_country_while_the_worker_is_ready_already() -> None:
    clock = Clock()
    special._premium_pattern.cache_clear()
    by_and_by(clock, special.learn_plans(), 0.02)
    known = special._premium_pattern.cache_info
    assert known().currsize == 1
    clock.advance(0.02)
    assert known().currsize == 2
    clock.pump([0.02] * len(special.COUNTRY_CODE_TO_REGION_CODE))
    assert known().currsize == len(special.COUNTRY_CODE_TO_REGION_CODE)
    assert not clock.getDelayedCalls()


def test_a_process_leaves_at_once_but_with_its_last_words_and_its_exit_code() -> None:
    program = "import atexit; from mizu_site.leaving import leave; atexit.register(print, 'then done')\nprint('said', end=', '); leave(3)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "said, then done\n", "")


def ran(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint('all')"], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "mizu_site.settings"},
    )  # fmt: skip
    assert done.stdout == "all\n", done.stderr[-2000:]
