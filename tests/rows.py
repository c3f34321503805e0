"""Which requirement rows have a passing test: checks every `req` mark and prints `area passing/rows explained`.

A row without a test can have a line in `docs/requirements/not-yet/AREA.tsv`, which says why: not built yet, or nothing to prove.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROWS = Path(__file__).resolve().parents[1] / "docs" / "requirements"
BUILT = ("in", "replaced")
PROPERTY = "row"


def built_rows(folder: Path = ROWS) -> dict[str, set[str]]:
    """Area → ids of the rows that have to be built."""
    return {file.stem: _built(file) for file in sorted(folder.glob("*.tsv"))}


def _built(file: Path) -> set[str]:
    with file.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["id"] for row in rows if row["scope"].partition(":")[0].strip() in BUILT}


def explained_rows(folder: Path = ROWS) -> dict[str, str]:
    """Row → why no test proves it. ValueError for a line that is not `id<TAB>reason`, or that names a row twice."""
    reasons: dict[str, str] = {}
    for file in sorted((folder / "not-yet").glob("*.tsv")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()[1:], start=2):
            row, _, reason = line.partition("\t")
            if not reason.strip() or row in reasons:
                raise ValueError(f"{file.name}:{number} explains nothing, or {row} again")
            reasons[row] = reason
    return reasons


class Coverage:
    """A pytest plugin: it follows which marked tests pass.

    The rows of a test travel in its reports, because with several lanes who collects is not who counts.
    """

    def __init__(
        self, areas: dict[str, set[str]], *, report: bool, explained: Mapping[str, str] | None = None
    ) -> None:
        self.areas, self.report, self.explained = areas, report, set(explained or ())
        self.known = {row for rows in areas.values() for row in rows}
        self.passed: defaultdict[str, int] = defaultdict(int)
        self.broken: set[str] = set()

    def pytest_collection_modifyitems(self, session: pytest.Session, items: Iterable[pytest.Item]) -> None:
        wrong = []
        for item in items:
            marks = {str(row) for mark in item.iter_markers("req") for row in mark.args}
            wrong += [f"{item.nodeid} names {row!r}" for row in sorted(marks - self.known)]
            wrong += [
                f"{item.nodeid} proves {row}, which not-yet/ explains away"
                for row in sorted(marks & self.explained)
            ]
            item.user_properties += [(PROPERTY, row) for row in sorted(marks)]
        wrong += [f"not-yet/ names {row!r}" for row in sorted(self.explained - self.known)]
        if wrong:  # in a way that xdist passes on at once
            session.shouldfail = "docs/requirements does not say so: " + "; ".join(wrong)
            raise session.Failed(session.shouldfail)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for row in (str(value) for name, value in report.user_properties if name == PROPERTY):
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
            terminalreporter.write_line(self._line(area, rows & proved, rows))
        terminalreporter.write_line(self._line("all", proved & self.known, self.known))

    def _line(self, area: str, proved: set[str], rows: set[str]) -> str:
        explained = len(rows & self.explained)
        return f"{area:20} {len(proved):4}/{len(rows)}" + (f"  {explained} explained" if explained else "")
