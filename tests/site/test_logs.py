"""The log stream."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mizu_site.run import logs
from mizu_site.run.logs import Lines, LogStream


def test_pieces_are_cut_into_lines() -> None:
    lines = Lines()
    assert lines.feed(b"one\r\ntw") == ["one"]
    assert lines.feed(b"o\n\nthree") == ["two", ""]
    assert lines.rest == b"three"


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    lines = Lines()
    assert lines.feed(b"x" * (logs.LONGEST_LINE + 1)) == ["x" * (logs.LONGEST_LINE + 1)]
    assert lines.rest == b""


def test_a_line_goes_to_its_own_file_and_to_the_common_one(tmp_path: Path) -> None:
    terminal = io.StringIO()
    stream = LogStream(tmp_path, terminal)
    stream.write("web", "GET /")
    stream.write("beat", "tick")
    stream.close()
    assert (tmp_path / "web.log").read_text().endswith(" GET /\n")
    assert [line.split(" ", 2)[2] for line in (tmp_path / "mizu.log").read_text().splitlines()] == [
        "web       | GET /",
        "beat      | tick",
    ]
    assert terminal.getvalue() == "web       | GET /\nbeat      | tick\n"
    assert stream.tail("web") == "  GET /"


def test_files_are_rotated_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "SIZE", 1000)
    stream = LogStream(tmp_path, None)
    for number in range(200):
        stream.write("web", f"line {number}")
    stream.close()
    assert len(list(tmp_path.glob("web.log*"))) == 1 + logs.KEPT
    assert all(file.stat().st_size <= 1000 for file in tmp_path.glob("web.log*"))
