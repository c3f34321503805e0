"""Which requirement rows have a passing test: checks every `req` mark and prints `area passing/rows`."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

ROWS = Path(__file__).resolve().parents[1] / "docs" / "requirements"
BUILT = ("in", "replaced")


def built_rows(folder: Path = ROWS) -> dict[str, set[str]]:
    """Area → ids of the rows that have to be built."""
    return {file.stem: _built(file) for file in sorted(folder.glob("*.tsv"))}


def _built(file: Path) -> set[str]:
    with file.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["id"] for row in rows if row["scope"].partition(":")[0].strip() in BUILT}


class Coverage:
    """A pytest plugin: it follows which marked tests pass."""

    def __init__(self, areas: dict[str, set[str]], *, report: bool) -> None:
        self.areas, self.report = areas, report
        self.known = {row for rows in areas.values() for row in rows}
        self.ids: dict[str, set[str]] = {}
        self.passed: defaultdict[str, int] = defaultdict(int)
        self.broken: set[str] = set()

    def pytest_collection_modifyitems(self, items: Iterable[pytest.Item]) -> None:
        wrong = []
        for item in items:
            marks = {str(row) for mark in item.iter_markers("req") for row in mark.args}
            wrong += [f"{item.nodeid} names {row!r}" for row in sorted(marks - self.known)]
            if marks:
                self.ids[item.nodeid] = marks
        if wrong:
            raise pytest.UsageError("docs/requirements has no such row to build: " + "; ".join(wrong))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for row in self.ids.get(report.nodeid, ()):
            if report.failed:
                self.broken.add(row)
            elif report.when == "call" and report.passed:
                self.passed[row] += 1

    def proved(self) -> set[str]:
        """Rows with a passing test, and without a failing one."""
        return set(self.passed) - self.broken

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.report:
            return
        terminalreporter.section("requirement rows with a passing test")
        proved = self.proved()
        for area, rows in self.areas.items():
            terminalreporter.write_line(f"{area:20} {len(rows & proved):4}/{len(rows)}")
        terminalreporter.write_line(f"{'all':20} {len(proved & self.known):4}/{len(self.known)}")
