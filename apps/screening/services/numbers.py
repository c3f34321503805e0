"""Lists of called numbers: one by one, and from files of any length."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.screening.models import MOST_DIGITS, Book, Level, ScreenedNumber
from apps.users.models import Account

MOST_BYTES = 256 * 1024 * 1024
MOST_ERRORS = 200
LONGEST_REASON = 200
_CHUNK = 50_000
"""Lines that are handed to PostgreSQL at a time: a file of millions never lies in memory as rows."""

_PREPARE = """
DROP TABLE IF EXISTS numbers_in;
CREATE TEMPORARY TABLE numbers_in (line int, number text, level smallint, reason text, expires timestamptz) ON COMMIT DROP
"""
_TAKE = """
INSERT INTO screening_screenednumber (book, number, account_id, level, expires_at, enabled, reason, found_by, changed_at)
SELECT DISTINCT ON (number) %(book)s, number, %(account)s::bigint, level, expires, true, reason, '', now()
FROM numbers_in ORDER BY number, line DESC
ON CONFLICT {target} DO UPDATE SET level = excluded.level, expires_at = excluded.expires_at, enabled = true,
  reason = excluded.reason, found_by = '', changed_at = now()
"""
_FOR_ALL = "(book, number) WHERE account_id IS NULL"
_FOR_ONE = "(book, number, account_id) WHERE account_id IS NOT NULL"
_OTHERS = """
DELETE FROM screening_screenednumber WHERE book = %(book)s AND account_id IS NOT DISTINCT FROM %(account)s::bigint
AND number NOT IN (SELECT number FROM numbers_in)
"""


class ImportRefused(Exception):
    """The file cannot be taken: (line, what is wrong with it)."""

    def __init__(self, errors: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"line {line}: {why}" for line, why in errors[:5]))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Imported:
    """Lines of the file, and entries that went because it does not have them."""

    lines: int
    removed: int


@transaction.atomic
def list_number(**fields: Any) -> ScreenedNumber:
    """Put a number on a list. Raises ValidationError, by field."""
    return _save(ScreenedNumber(), fields)


@transaction.atomic
def change_number(*, listed: ScreenedNumber, **fields: Any) -> ScreenedNumber:
    """Another level, reason or time. Raises ValidationError, by field."""
    return _save(ScreenedNumber.objects.select_for_update().get(pk=listed.pk), fields)


@transaction.atomic
def unlist_number(*, listed: ScreenedNumber) -> None:
    """Take it off its list."""
    ScreenedNumber.objects.filter(pk=listed.pk).delete()


@transaction.atomic
def forget_expired() -> int:
    """Remove what holds no longer; how many there were."""
    return ScreenedNumber.objects.filter(expires_at__lt=timezone.now()).delete()[0]


@transaction.atomic
def import_numbers(
    *,
    book: str,
    stream: BinaryIO,
    account: Account | None = None,
    level: int = Level.ALWAYS,
    replace: bool = False,
) -> Imported:
    """Put the numbers of a file on a list: all of them, or none.

    A line has a number, then, if it likes, a level, a reason and the day until which it holds, with commas, semicolons or
    tabs between. What a line does not say `level` does. Of several lines for one number the last counts. `replace` takes
    off whatever the file does not have. Raises ImportRefused with the first bad lines.
    """
    if book not in {Book.BLACK, Book.WHITE}:
        raise ImportRefused([(0, _("Statistics keep that list."))])
    errors: list[tuple[int, str]] = []
    lines = 0
    with connection.cursor() as cursor:
        cursor.execute(_PREPARE)
        for chunk in _chunks(_lines(stream, int(level), errors)):
            lines += chunk.count("\n")
            if not errors:
                cursor.copy_expert("COPY numbers_in FROM STDIN", io.StringIO(chunk))
        if not lines and not errors:
            errors.append((0, _("The file has no numbers.")))
        if errors:
            raise ImportRefused(errors)
        values = {"book": book, "account": account.pk if account else None}
        removed = 0
        if replace:
            cursor.execute(_OTHERS, values)
            removed = cursor.rowcount
        cursor.execute(_TAKE.format(target=_FOR_ONE if account else _FOR_ALL), values)
        cursor.execute("DROP TABLE numbers_in")
    return Imported(lines, removed)


def _lines(stream: BinaryIO, level: int, errors: list[tuple[int, str]]) -> Iterator[str]:
    """The file as lines of COPY's text format; what is wrong goes into `errors`."""
    try:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        first = text.readline(10_000)
    except UnicodeDecodeError:
        errors.append((1, _("The file is not text in UTF-8.")))
        return
    delimiter = min(";\t,", key=lambda one: first.find(one) % 10_001)  # the one that comes first
    begun = _fields(first, delimiter)
    headed = bool(begun) and not digits_of(begun[0]).isdigit() and begun[0].strip().lower() in _HEADINGS
    number = 0
    try:
        rows = csv.reader(_again("" if headed else first, text), delimiter=delimiter)
        for number, row in enumerate(rows, 2 if headed else 1):
            if number and len(errors) >= MOST_ERRORS:
                return
            if any(cell.strip() for cell in row):
                yield from _line(number, row, level, errors)
    except (UnicodeDecodeError, csv.Error):
        errors.append((number + 1, _("The line is not text in UTF-8, or its quotes do not match.")))
    finally:
        text.detach()


_HEADINGS = frozenset(("number", "telnumber", "prefix", "phone"))


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), []) if line.strip() else []


def _again(first: str, text: io.TextIOWrapper) -> Iterator[str]:
    if first:
        yield first
    yield from text


def _line(number: int, row: list[str], level: int, errors: list[tuple[int, str]]) -> Iterator[str]:
    cells = [cell.strip() for cell in row] + ["", "", ""]
    digits = digits_of(cells[0])
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS):
        errors.append(
            (
                number,
                _("%(text)s is not a number of at most %(most)d digits.")
                % {"text": cells[0][:40], "most": MOST_DIGITS},
            )
        )
        return
    if cells[1]:
        if cells[1] not in _LEVELS:
            errors.append((number, _("The level is one of 0, 1, 2, 3 and 6.")))
            return
        level = int(cells[1])
    until = r"\N"
    if cells[3]:
        try:
            day = date.fromisoformat(cells[3][:10])
        except ValueError:
            errors.append((number, _("%s is not a day such as 2030-12-31.") % cells[3][:20]))
            return
        until = datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat()
    reason = "".join(one for one in cells[2] if one.isprintable())[:LONGEST_REASON].replace("\\", "\\\\")
    yield f"{number}\t{digits}\t{level}\t{reason}\t{until}\n"


_LEVELS = frozenset(str(one) for one in Level.values)
_BETWEEN = str.maketrans("", "", " -()./'")


def digits_of(text: str) -> str:
    """A number as lists have it: without what people put between digits, without + or 00."""
    plain = text.translate(_BETWEEN)
    return plain.removeprefix("+") if plain.startswith("+") else plain.removeprefix("00")


def _chunks(lines: Iterator[str]) -> Iterator[str]:
    kept: list[str] = []
    for line in lines:
        kept.append(line)
        if len(kept) >= _CHUNK:
            yield "".join(kept)
            kept = []
    if kept:
        yield "".join(kept)


def _save(listed: ScreenedNumber, fields: dict[str, Any]) -> ScreenedNumber:
    for name, value in fields.items():
        setattr(listed, name, value)
    if "number" in fields:
        listed.number = digits_of(str(fields["number"]))
    listed.full_clean()
    listed.save()
    return listed
