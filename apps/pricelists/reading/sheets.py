"""A file → rows of text cells: CSV of any separator and encoding, or a workbook (XLSX, XLS, ODS)."""

from __future__ import annotations

import codecs
import csv
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 64 * 1024 * 1024
MOST_UNPACKED = 768 * 1024 * 1024
MOST_ROWS = 1_048_576
LONGEST_CELL = 8_000
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ENCODINGS = ("utf-8", "windows-1252", "windows-1250", "windows-1251", "iso-8859-2", "utf-16")

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_SAMPLE = 64 * 1024
_READER = Path(__file__).with_name("workbook.py")

Row = tuple[int, list[str]]


class BadFile(ValueError):
    """A file that cannot be read as a table; the message says why, `line` where (0: nowhere in particular)."""

    def __init__(self, why: str, line: int = 0) -> None:
        self.line = line
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows with their line numbers from 1, as they are read; what was found out about the file."""

    rows: Iterator[Row]
    encoding: str = ""
    separator: str = ""
    names: tuple[str, ...] = ()  # of all sheets of a workbook
    is_workbook: bool = False


def open_sheet(
    data: bytes, *, sheet: str = "", encoding: str = "", separator: str = "", first: int = 0
) -> Sheet:
    """The rows of a file; what is not said is found out. Raises BadFile, also while rows are read.

    `first`: so many rows are enough (0: all), which a workbook has sooner.
    """
    if len(data) > MOST_BYTES:
        raise BadFile(f"the file is larger than {MOST_BYTES // 1024 // 1024} MB; split it")
    if not data.strip():
        raise BadFile("the file is empty")
    if data.startswith(_WORKBOOKS):
        return _workbook(data, sheet, first)
    return _text_file(data, encoding, separator)


def _text_file(data: bytes, encoding: str, separator: str) -> Sheet:
    encoding = _encoding(data, encoding)
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise BadFile(f"the file is not {encoding}; choose another encoding") from None
    skipped = 0
    if text[:4].lower() == "sep=":  # Excel's own way of saying it
        first, _, text = text.partition("\n")
        separator, skipped = separator or first[4:5], 1
    separator = separator or _separator(text[:_SAMPLE])
    rows = _csv_rows(io.StringIO(text, newline=""), separator, skipped)
    return Sheet(rows, encoding.removesuffix("-sig"), separator)


def _encoding(data: bytes, asked: str) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    if asked:
        return asked
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def _separator(sample: str) -> str:
    """The one that cuts most rows into the same number of cells, more than one."""

    def score(mark: str) -> tuple[int, int]:
        try:
            widths = Counter(len(row) for row in csv.reader(io.StringIO(sample), delimiter=mark))
        except csv.Error:
            return 0, 0
        width, rows = max(widths.items(), key=lambda one: (one[0] > 1) * one[1])
        return (rows, width) if width > 1 else (0, 0)

    return max(SEPARATORS, key=score)


def _csv_rows(lines: Iterator[str], separator: str, before: int) -> Iterator[Row]:
    limit = csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        for cells in reader:
            number = reader.line_num + before
            if number > MOST_ROWS:
                raise BadFile(f"more than {MOST_ROWS} lines; split the file", number)
            yield number, cells
    except csv.Error as error:
        raise BadFile(
            f"no table: {error}; is a quotation mark not closed?", reader.line_num + before
        ) from None
    finally:
        csv.field_size_limit(limit)


def _workbook(data: bytes, sheet: str, first: int) -> Sheet:
    if data.startswith(b"PK"):
        _check_unpacked(data)
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        file.write(data)
        file.flush()
        command = [sys.executable, "-I", str(_READER), file.name, sheet, str(first or "")]
        child = subprocess.run(command, capture_output=True, check=False, env={"RUST_BACKTRACE": "0"})  # noqa: S603
    if child.returncode == 3:
        raise BadFile(f"the workbook cannot be read: {child.stderr.decode(errors='replace').strip()}")
    if child.returncode:
        raise BadFile("the workbook cannot be read: it needs more memory or time than a price list may")
    text = io.StringIO(child.stdout.decode("utf-8", errors="replace"), newline="")
    names = tuple(json.loads(text.readline()))
    return Sheet(_sheet_rows(text), names=names, is_workbook=True)


def _sheet_rows(text: Iterator[str]) -> Iterator[Row]:
    """Rows by their number in the sheet: one a row, however many lines its cells have."""
    for number, (_, cells) in enumerate(_csv_rows(text, ",", 0), 1):
        yield number, cells


def _check_unpacked(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError):
        raise BadFile("the workbook cannot be read: it is damaged, or no workbook") from None
    if size > MOST_UNPACKED:
        raise BadFile(f"the workbook unfolds to {size // 1024 // 1024} MB; no price list is that large")
