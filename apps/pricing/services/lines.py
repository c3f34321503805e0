"""The guide's price list file, line by line, into plain values (guide 3820-3860). No database here.

Columns: prefix, price, peak, offpeak, billing step, minamount, mindigits, maxdigits are the guide's; destination and
what follows it are ours. Separated by commas, semicolons or tabs; the decimal comma is understood where the comma does
not separate.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

MOST_BYTES = 64 * 1024 * 1024
LONGEST_LINE = 1000
COLUMNS = (
    "prefix",
    "price",
    "peak",
    "offpeak",
    "billing step",
    "minamount",
    "mindigits",
    "maxdigits",
    "destination",
)
#: Columns after those, with the field of a rate that each one fills; empty: what the tariff says.
DETAILS = (
    ("connect fee", "connect_fee"),
    ("next step", "next_increment"),
    ("free seconds", "free_seconds"),
    ("free after", "free_after"),
    ("grace", "grace_seconds"),
    ("least charge", "minimum_charge"),
    ("highest charge", "maximum_charge"),
    ("surcharge", "surcharge"),
)
AMOUNTS = frozenset({"connect_fee", "minimum_charge", "maximum_charge", "surcharge"})
MOST_COLUMNS = len(COLUMNS) + len(DETAILS)

_PREFIX = re.compile(r"[0-9*#]{1,20}\Z", re.ASCII)
_AMOUNT = re.compile(r"(?=\.?[0-9])([0-9]{0,12})(?:\.([0-9]{0,6})0*)?\Z", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,6}\Z", re.ASCII)


class BadLine(ValueError):
    """Why a line cannot be taken."""


@dataclass(frozen=True, slots=True)
class RateLine:
    """One line: prices per minute; None where a column is empty."""

    line: int
    prefix: str
    flat: Decimal | None
    peak: Decimal | None
    offpeak: Decimal | None
    step: int | None
    minimum: int | None
    min_digits: int
    max_digits: int
    destination: str
    details: tuple[Decimal | int | None, ...] = (None,) * len(DETAILS)


def read(data: bytes) -> tuple[list[RateLine], list[tuple[int, str]]]:
    """All good lines, and all bad ones with their numbers and reasons."""
    good: list[RateLine] = []
    bad: list[tuple[int, str]] = []
    seen: dict[tuple[str, int, int], int] = {}
    separator, first = "", True
    for number, raw in _lines(data):
        try:
            text = _text(raw)
            if not text.strip() or (first and text.lower().startswith("sep=")):
                separator = text[4:5] if text.strip() else separator
                continue
            separator = separator or _separator(text)
            cells = _cells(text, separator)
            is_header, first = first and _is_header(cells), False
            if is_header:
                continue
            row = parse(number, cells, decimal_comma=separator != ",")
            earlier = seen.setdefault((row.prefix, row.min_digits, row.max_digits), number)
            if earlier != number:
                raise BadLine(f"prefix {row.prefix or '*'} stands in line {earlier} already")
            good.append(row)
        except BadLine as error:
            first = False
            bad.append((number, str(error)))
    return good, bad


def exchange_lines(data: bytes) -> Iterator[tuple[int, list[str] | BadLine]]:
    """The cells of a file of exchange rates by line, or why a line has none; a heading and empty lines are left out."""
    separator, first = "", True
    for number, raw in _lines(data):
        try:
            text = _text(raw)
            if not text.strip():
                continue
            separator = separator or _separator(text)
            cells = _cells(text, separator)
            heading, first = first and not any(map(str.isdigit, "".join(cells))), False
            if not heading:
                yield number, [one.replace(",", ".", 1) for one in cells] if separator != "," else cells
        except BadLine as error:
            first = False
            yield number, error


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines by number, from 1, whatever they end with."""
    start, number = 3 if data.startswith(b"\xef\xbb\xbf") else 0, 1
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        yield number, data[start : min(end, start + LONGEST_LINE + 1)]
        start, number = end + 1, number + 1


def _text(raw: bytes) -> str:
    if len(raw) > LONGEST_LINE:
        raise BadLine(f"longer than {LONGEST_LINE} characters")
    try:
        text = raw.decode().rstrip("\r")
    except UnicodeDecodeError:
        raise BadLine("not UTF-8; save the sheet as CSV UTF-8") from None
    if not text.replace("\t", "").isprintable():
        raise BadLine("contains control characters")
    return text


def _separator(text: str) -> str:
    return next((mark for mark in ";\t" if mark in text), ",")


def _cells(text: str, separator: str) -> list[str]:
    if '"' not in text:
        return [cell.strip() for cell in text.split(separator)]
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=separator, strict=True))]
    except csv.Error:
        raise BadLine("a quotation mark is not closed") from None


def _is_header(cells: list[str]) -> bool:
    """Words where the prefix and the price should stand."""
    return any(c.isalpha() for c in cells[0]) and not any(c.isdigit() for c in "".join(cells[:2]))


def parse(number: int, cells: list[str], *, decimal_comma: bool = False) -> RateLine:
    """One line's cells. Raises BadLine."""
    if len(cells) > MOST_COLUMNS:
        if any(cells[MOST_COLUMNS:]):
            raise BadLine(f"{len(cells)} columns where at most {MOST_COLUMNS} are expected")
        cells = cells[:MOST_COLUMNS]
    if len(cells) < 2:
        raise BadLine("prefix and price are expected")
    cells, details = cells[: len(COLUMNS)], cells[len(COLUMNS) :]
    cells += [""] * (len(COLUMNS) - len(cells))
    prefix, flat, peak, offpeak, step, minimum, shortest, longest, destination = cells
    row = RateLine(
        line=number,
        prefix=_prefix(prefix),
        flat=_amount("price", flat, decimal_comma),
        peak=_amount("peak", peak, decimal_comma),
        offpeak=_amount("offpeak", offpeak, decimal_comma),
        step=_whole("billing step", step) or None,
        minimum=_whole("minamount", minimum),
        min_digits=_whole("mindigits", shortest) or 0,
        max_digits=_whole("maxdigits", longest) or 0,
        destination=_destination(destination),
        details=_details(details, decimal_comma),
    )
    _check(row)
    return row


def _details(cells: list[str], decimal_comma: bool) -> tuple[Decimal | int | None, ...]:
    found: dict[str, Decimal | int | None] = {field: None for _, field in DETAILS}
    for (name, field), cell in zip(DETAILS, cells, strict=False):
        found[field] = _amount(name, cell, decimal_comma) if field in AMOUNTS else _whole(name, cell)
    found["next_increment"] = (
        found["next_increment"] or None
    )  # 0 says as little as nothing, as in billing step
    least, most = found["minimum_charge"], found["maximum_charge"]
    if least and most and most < least:
        raise BadLine(f"highest charge {most} is less than least charge {least}")
    return tuple(found.values())


def _check(row: RateLine) -> None:
    if row.flat is not None and row.offpeak is not None:
        raise BadLine("price and offpeak are two prices for the same hours: leave one empty")
    if row.flat is None and row.offpeak is None:
        raise BadLine("a price is missing" if row.peak is None else "peak needs an offpeak price or a price")
    if row.max_digits and row.max_digits < row.min_digits:
        raise BadLine(f"maxdigits {row.max_digits} is less than mindigits {row.min_digits}")
    if max(row.min_digits, row.max_digits) > 32:
        raise BadLine("no number has more than 32 digits")


def _prefix(cell: str) -> str:
    prefix = cell.removeprefix("+")
    if not _PREFIX.match(prefix):
        raise BadLine(f"{cell[:30]!r} is not a prefix: up to 20 digits, or * for every destination")
    return "" if prefix == "*" else prefix


def _amount(name: str, cell: str, decimal_comma: bool) -> Decimal | None:
    if not cell:
        return None
    text = cell.replace(",", ".", 1) if decimal_comma else cell
    if not _AMOUNT.match(text):
        raise BadLine(f"{name} {cell[:30]!r} is not an amount with at most six decimals")
    return Decimal(text)


def _whole(name: str, cell: str) -> int | None:
    if not cell:
        return None
    if not _NUMBER.match(cell):
        raise BadLine(f"{name} {cell[:30]!r} is not a whole number up to 999999")
    return int(cell)


def _destination(cell: str) -> str:
    if len(cell) > 128:
        raise BadLine("a destination's name has at most 128 characters")
    return cell
