"""`manage.py check` sees all pages, and a process without pages loads none."""

from __future__ import annotations

import subprocess
import sys

from mizu_site.run.place import ROOT

PAGES = "import sys; from django.contrib import admin; print(len(admin.site._registry), 'apps.desk.actions' in sys.modules)"


def _printed(*statements: str) -> str:
    words = [sys.executable, "-c", "; ".join(("import django; django.setup()", *statements, PAGES))]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_a_process_of_the_switch_loads_no_page_of_the_admin() -> None:
    assert _printed() == "0 False"


def test_the_check_looks_at_every_page_of_the_admin() -> None:
    pages, actions = _printed(
        "from django.core.management import call_command; call_command('check')"
    ).split()
    assert int(pages) > 40 and actions == "True"
