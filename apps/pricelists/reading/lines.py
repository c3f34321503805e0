"""Rows and what their columns mean → prices by prefix, and every bad line with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from apps.pricelists.reading.codes import prefixes
from apps.pricelists.reading.sheets import BadFile, Row
from apps.pricelists.reading.values import BadCell, amount, day, increments, is_closed, whole

MOST_PREFIXES = 1_500_000
MOST_ERRORS = 1000  # that are kept; all are counted
LONGEST_NAME = 128


class ListLine(NamedTuple):
    """The price of one prefix (a tuple: hundreds of thousands are made). None: the list does not say."""

    line: int
    prefix: str
    destination: str
    price: Decimal | None  # None: the code is closed
    peak_price: Decimal | None
    connect_fee: Decimal | None
    first_increment: int | None
    next_increment: int | None
    minimum_seconds: int | None
    min_digits: int
    max_digits: int
    valid_from: date | None


@dataclass(frozen=True, slots=True)
class Options:
    """Which column is what (field → column from 0), and how cells are written."""

    columns: Mapping[str, int]
    currency: str
    heading: int = 0  # the row with headings; rows up to it hold no prices
    comma: bool = False
    month_first: bool = False
    rounds: bool = False
    takes_peak: bool = True  # whether the tariff has a peak time


@dataclass(slots=True)
class Read:
    """What became of a file: its lines; the first errors (line, reason), and how many there are in all."""

    lines: list[ListLine] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    error_count: int = 0

    def refuse(self, line: int, why: str) -> None:
        self.error_count += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append((line, why))


def read_lines(rows: Iterable[Row], options: Options) -> Read:
    """All lines of a list; rows without anything in the columns that matter are passed over.

    A prefix may come several times with different days (its price now, and its price to come); the same prefix, number
    lengths and day twice is an error, as is any cell that cannot be understood.
    """
    read = Read()
    seen: dict[tuple[str, int, int, date | None], int] = {}
    pick = _Picker(options.columns)
    try:
        for number, cells in rows:
            if number <= options.heading or pick.is_empty(cells):
                continue
            try:
                for one in _parsed(number, pick, cells, options):
                    earlier = seen.setdefault(
                        (one.prefix, one.min_digits, one.max_digits, one.valid_from), number
                    )
                    if earlier != number or len(read.lines) >= MOST_PREFIXES:
                        _refuse(one, earlier)
                    read.lines.append(one)
            except BadCell as error:
                read.refuse(number, str(error))
    except BadFile as error:
        read.refuse(error.line, str(error))
    if not read.lines and not read.error_count:
        read.refuse(0, "the file has no prices in the chosen columns")
    return read


def _refuse(one: ListLine, earlier: int) -> None:
    if earlier != one.line:
        raise BadCell(f"prefix {one.prefix or '*'} stands in line {earlier} already, for the same day")
    raise BadCell(f"the list has more than {MOST_PREFIXES} prefixes")


class _Picker:
    """A row's cells by field; what a row is too short for is empty."""

    def __init__(self, columns: Mapping[str, int]) -> None:
        self.columns = columns
        self.telling = [
            columns[name] for name in ("code", "country_code", "price", "peak_price") if name in columns
        ]

    def __call__(self, cells: list[str], name: str) -> str:
        place = self.columns.get(name)
        return cells[place].strip() if place is not None and 0 <= place < len(cells) else ""

    def is_empty(self, cells: list[str]) -> bool:
        for place in self.telling:  # noqa: SIM110 - asked for every row; a generator costs as much as the rest of it
            if place < len(cells) and cells[place].strip():
                return False
        return True


def _parsed(number: int, pick: _Picker, cells: list[str], options: Options) -> Iterator[ListLine]:
    name = pick(cells, "destination")
    if not name.isprintable() or len(name) > LONGEST_NAME:
        name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
        if len(name) > LONGEST_NAME:
            raise BadCell(f"the destination's name has more than {LONGEST_NAME} characters")
    codes = prefixes(pick(cells, "code"), pick(cells, "country_code"))
    price_cell = pick(cells, "price")
    closed = is_closed(pick(cells, "status")) or (is_closed(price_cell) if price_cell else False)
    price, peak, fee = (None, None, None) if closed else _money(pick, cells, options)
    minimum, first, following = increments(pick(cells, "increments"))
    first = first or whole(pick(cells, "first_increment")) or None
    following = following or whole(pick(cells, "next_increment")) or first
    minimum = whole(pick(cells, "minimum")) if minimum is None else minimum
    shortest, longest = whole(pick(cells, "min_digits")) or 0, whole(pick(cells, "max_digits")) or 0
    if max(shortest, longest) > 32 or (longest and longest < shortest):
        raise BadCell(f"no number has {shortest} to {longest} digits")
    begins = day(pick(cells, "valid_from"), month_first=options.month_first)
    for prefix in codes:
        yield ListLine(
            number, prefix, name, price, peak, fee, first or following, following, minimum, shortest, longest, begins
        )  # fmt: skip


def _money(
    pick: _Picker, cells: list[str], options: Options
) -> tuple[Decimal, Decimal | None, Decimal | None]:
    cell = pick(cells, "price")
    if not cell:
        raise BadCell("a price is missing")
    price, peak, fee = (
        amount(one, comma=options.comma, currency=options.currency, rounds=options.rounds) if one else None
        for one in (cell, pick(cells, "peak_price"), pick(cells, "connect_fee"))
    )
    assert price is not None
    if peak is not None and not options.takes_peak:
        raise BadCell("the tariff has no peak time: set it, or leave out the column of peak prices")
    return price, peak, fee
