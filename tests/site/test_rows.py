"""The count of requirement rows that have a passing test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mizu_site.run.place import ROOT
from tests.rows import built_rows, explained_rows

HEAD = "id\tseed_lines\tfeature\tdetails\tnames\tscope\n"
CONFTEST = """
from pathlib import Path
from tests.rows import Coverage, built_rows, explained_rows

def pytest_configure(config):
    config.addinivalue_line("markers", "req(*ids): rows")
    here = Path(__file__).parent
    config.pluginmanager.register(Coverage(built_rows(here), report=True, explained=explained_rows(here)))
"""
CASES = """
import pytest

@pytest.mark.req("tea-001", "tea-002")
def test_it_is_hot(): pass

@pytest.mark.req("tea-002")
def test_it_is_sweet(): raise AssertionError
"""


def run(folder: Path, cases: str, *more: str) -> subprocess.CompletedProcess[str]:
    rows = "tea-001\t1\tHot\t\t\tin\ntea-002\t2\tSweet\t\t\treplaced: honey\ntea-003\t3\tCold\t\t\tout: no\n"
    (folder / "tea.tsv").write_text(HEAD + rows)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_tea.py").write_text(cases)
    (folder / "pytest.ini").write_text("[pytest]\n")
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "xdist.plugin",
        *more,
        str(folder),
    ]
    return subprocess.run(
        words, cwd=ROOT, env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # no other plugin has a say in it
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("lanes", [(), ("-n", "2")], ids=["one process", "lanes"])
def test_a_row_counts_when_its_tests_pass_and_none_fails(tmp_path: Path, lanes: tuple[str, ...]) -> None:
    shown = run(tmp_path, CASES, *lanes).stdout
    assert [line.split() for line in shown.splitlines() if line.startswith(("tea ", "all "))] == [
        ["tea", "1/2"],
        ["all", "1/2"],
    ]


@pytest.mark.parametrize(("row", "lanes"), [("tea-009", ()), ("tea-003", ()), ("tea-009", ("-n", "2"))])
def test_a_mark_that_names_no_row_to_build_stops_the_run(
    tmp_path: Path, row: str, lanes: tuple[str, ...]
) -> None:
    ran = tmp_path / "ran"
    done = run(
        tmp_path,
        f"import pytest\n@pytest.mark.req({row!r})\ndef test_it(): open({str(ran)!r}, 'w')\n",
        *lanes,
    )
    assert done.returncode != 0
    assert f"names '{row}'" in done.stdout
    assert not ran.exists()


def explain(folder: Path, *lines: str) -> None:
    (folder / "not-yet").mkdir()
    (folder / "not-yet" / "tea.tsv").write_text("\n".join(["id\treason", *lines]) + "\n")


def test_a_row_without_a_test_can_be_explained(tmp_path: Path) -> None:
    explain(tmp_path, "tea-001\tnobody has boiled water yet")
    case = 'import pytest\n@pytest.mark.req("tea-002")\ndef test_it(): pass\n'
    assert "1/2  1 explained" in run(tmp_path, case).stdout


@pytest.mark.parametrize(
    ("row", "said"), [("tea-002", "which not-yet/ explains away"), ("tea-003", "not-yet/ names 'tea-003'")]
)
def test_an_explanation_that_is_not_true_stops_the_run(tmp_path: Path, row: str, said: str) -> None:
    explain(tmp_path, f"{row}\tnot yet")
    case = 'import pytest\n@pytest.mark.req("tea-002")\ndef test_it(): pass\n'
    done = run(tmp_path, case)
    assert done.returncode != 0
    assert said in done.stdout


@pytest.mark.parametrize("lines", [["tea-001\t "], ["tea-001"], ["tea-001\ta", "tea-001\tb"]])
def test_an_explanation_is_one_line_with_a_reason(tmp_path: Path, lines: list[str]) -> None:
    explain(tmp_path, *lines)
    with pytest.raises(ValueError, match="explains nothing"):
        explained_rows(tmp_path)


def test_every_area_of_the_specification_is_read() -> None:
    areas = built_rows()
    assert len(areas) > 60
    assert "pricing-001" in areas["pricing"]
