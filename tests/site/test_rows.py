"""The count of requirement rows that have a passing test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mizu_site.run.place import ROOT
from tests.rows import built_rows

HEAD = "id\tseed_lines\tfeature\tdetails\tnames\tscope\n"
CONFTEST = """
from pathlib import Path
from tests.rows import Coverage, built_rows

def pytest_configure(config):
    config.addinivalue_line("markers", "req(*ids): rows")
    config.pluginmanager.register(Coverage(built_rows(Path(__file__).parent), report=True))
"""
CASES = """
import pytest

@pytest.mark.req("tea-001", "tea-002")
def test_it_is_hot(): pass

@pytest.mark.req("tea-002")
def test_it_is_sweet(): raise AssertionError
"""


def run(folder: Path, cases: str) -> subprocess.CompletedProcess[str]:
    rows = "tea-001\t1\tHot\t\t\tin\ntea-002\t2\tSweet\t\t\treplaced: honey\ntea-003\t3\tCold\t\t\tout: no\n"
    (folder / "tea.tsv").write_text(HEAD + rows)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_tea.py").write_text(cases)
    (folder / "pytest.ini").write_text("[pytest]\n")
    words = [sys.executable, "-m", "pytest", "-p", "no:django", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_a_row_counts_when_its_tests_pass_and_none_fails(tmp_path: Path) -> None:
    shown = run(tmp_path, CASES).stdout
    assert [line.split() for line in shown.splitlines() if line.startswith(("tea ", "all "))] == [
        ["tea", "1/2"],
        ["all", "1/2"],
    ]


@pytest.mark.parametrize("row", ["tea-009", "tea-003"])
def test_a_mark_that_names_no_row_to_build_stops_the_run(tmp_path: Path, row: str) -> None:
    done = run(tmp_path, f"import pytest\n@pytest.mark.req({row!r})\ndef test_it(): pass\n")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"names '{row}'" in done.stdout + done.stderr


def test_every_area_of_the_specification_is_read() -> None:
    areas = built_rows()
    assert len(areas) > 60
    assert "pricing-001" in areas["pricing"]
