"""Which column of a list means what: guessed from headings and contents, for a person to look at and correct."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from apps.pricelists.reading.codes import prefixes
from apps.pricelists.reading.sheets import Row
from apps.pricelists.reading.values import BadCell, day, increments

#: What a column can mean, in the order in which headings are asked: the narrow meaning before the wide one.
FIELDS = (
    "valid_from", "country_code", "code", "min_digits", "max_digits", "increments", "first_increment", "next_increment",
    "minimum", "connect_fee", "peak_price", "status", "price", "destination",
)  # fmt: skip
LOOKED_AT = 200  # rows from which a column is guessed
HEADING_WITHIN = 40  # rows of letterhead before it

_HEADINGS: tuple[tuple[str, str], ...] = (
    ("valid_from", r"effective|valid from|start ?date|\bdate\b|begin|from date|gültig|érvényes"),
    ("country_code", r"^(country|intl|international) ?(dial(l?ing)? ?)?(code|prefix)$|^cc$"),
    ("code", r"^(codes?|prefix(es)?|e\.?164|ndc|digits|breakouts?|npa ?nxx)$|(dial|area|city|destination|full|new|national|network)\w* ?(code|prefix)|vorwahl|előhívó|körzet|^dial ?(no|number)"),
    ("min_digits", r"min ?digits|shortest"),
    ("max_digits", r"max ?digits|longest"),
    ("first_increment", r"(first|initial|1st) ?(billing )?(increment|interval|period|unit)|interval ?1|billing ?step"),
    ("next_increment", r"(next|subsequent|additional|second|recurring|2nd|n) ?(billing )?(increment|interval|period|unit|step)|interval ?(n|2)"),
    ("minimum", r"^min(imum)?\.? ?(time|duration|sec\w*|amount|charge duration|length)?( \(?s\w*\)?)?$|minamount"),
    ("increments", r"increment|interval|rounding|billing (terms|unit)|pulse|takt|charging"),
    ("connect_fee", r"connect|set ?up|call fee|per call|surcharge"),
    ("peak_price", r"^(?!.*off).*peak"),
    ("status", r"status|comment|remark|change|note|action|indicator|type|megjegyzés|bemerkung"),
    ("price", r"^(?!.*(old|prev|current|former)).*(rate|price|cost|tariff|per min|/ ?min|preis|ár\b|díj)|^(usd|eur|gbp|huf)\b"),
    ("destination", r"destination|country|name|zone|description|area|network|region|ziel|land\b|ország|célállomás"),
)  # fmt: skip
_PATTERNS = tuple((name, re.compile(pattern, re.I)) for name, pattern in _HEADINGS)
_AMOUNT = re.compile(r"[^0-9]{0,4}[0-9]{0,6}[.,][0-9]+\s*\D{0,4}\Z")


@dataclass(frozen=True, slots=True)
class Layout:
    """Field → column from 0; `heading` the row with headings (0: none); `names` the columns' own words for a person."""

    columns: dict[str, int]
    heading: int = 0
    names: tuple[str, ...] = ()
    comma: bool = False
    month_first: bool = False
    sure_of_days: bool = True  # whether a day above 12 has shown the order of day and month
    samples: tuple[Row, ...] = field(default=())


def guess(rows: Sequence[Row], known: dict[str, str] | None = None) -> Layout:
    """The layout of a list by its first rows. `known`: field → heading of an earlier list, which goes before a guess.

    1. The heading is the row whose cells name the most different fields, two at least.
    2. What no heading names is looked for by contents: codes, amounts, days, increments, words.
    3. The decimal comma and the order of day and month are read off the columns found.
    """
    place = max(range(min(len(rows), HEADING_WITHIN)), key=lambda n: len(_named(rows[n][1])), default=0)
    heading = bool(rows) and len(_named(rows[place][1])) >= 2
    body = rows[place + 1 :] if heading else rows
    body = [row for row in body if any(cell.strip() for cell in row[1])][:LOOKED_AT]
    width = max((len(cells) for _, cells in rows[:LOOKED_AT]), default=0)
    names = _padded(rows[place][1], width) if heading else tuple("" for _ in range(width))
    found = _remembered(names, known or {}) or _named(names) if heading else {}
    _by_contents(found, _columns(body, width))
    if "code" not in found and "country_code" in found:
        found["code"] = found.pop("country_code")
    comma = _has_comma(
        body, [found[name] for name in ("price", "peak_price", "connect_fee") if name in found]
    )
    month_first, sure = _order_of_days([_cell(cells, found.get("valid_from")) for _, cells in body])
    return Layout(found, rows[place][0] if heading else 0, names, comma, month_first, sure, tuple(body[:12]))


def normal(heading: str) -> str:
    """A heading as it is compared: small letters, single spaces."""
    return re.sub(r"[\s_\n]+", " ", heading).strip().lower()


def _named(cells: Sequence[str]) -> dict[str, int]:
    """Fields that these cells name as headings, each by the first cell that does, the destination by its own word."""
    found: dict[str, int] = {}
    for place, cell in enumerate(cells):
        text = normal(cell)
        if not text or len(text) > 60 or not any(map(str.isalpha, text)):
            continue
        name = next((name for name, pattern in _PATTERNS if pattern.search(text)), None)
        if name and (name not in found or (name == "destination" and name in text)):  # rather than "country"
            found[name] = place
    return found


def _remembered(names: Sequence[str], known: dict[str, str]) -> dict[str, int]:
    """Where the headings of an earlier list stand now; nothing unless all of them are there."""
    places = {normal(name): place for place, name in reversed(list(enumerate(names))) if name.strip()}
    if not known or any(normal(heading) not in places for heading in known.values()):
        return {}
    return {name: places[normal(heading)] for name, heading in known.items()}


def _by_contents(found: dict[str, int], columns: list[list[str]]) -> None:
    """Add the fields that no heading named, by what their cells look like."""
    tests: tuple[tuple[str, Callable[[str], bool], float], ...] = (
        ("code", _is_code, 0.9), ("price", lambda cell: bool(_AMOUNT.match(cell)), 0.8), ("increments", _is_steps, 0.9),
        ("valid_from", _is_day, 0.9), ("destination", lambda cell: sum(map(str.isalpha, cell)) >= 3, 0.8),
    )  # fmt: skip
    for name, test, share in tests:
        if name in found or (name == "increments" and "first_increment" in found):
            continue
        taken = set(found.values())
        for place, cells in enumerate(columns):
            filled = [cell for cell in cells if cell]
            if place not in taken and filled and sum(map(test, filled)) >= share * len(filled) > 0:
                found[name] = place
                break


def _columns(body: Sequence[Row], width: int) -> list[list[str]]:
    return [[_cell(cells, place) for _, cells in body] for place in range(width)]


def _cell(cells: Sequence[str], place: int | None) -> str:
    return cells[place].strip() if place is not None and place < len(cells) else ""


def _padded(cells: Sequence[str], width: int) -> tuple[str, ...]:
    return tuple(_cell(cells, place) for place in range(width))


def _is_code(cell: str) -> bool:
    try:
        return all(len(one) <= 15 for one in prefixes(cell))
    except BadCell:
        return False


def _is_steps(cell: str) -> bool:
    try:
        return "/" in cell and increments(cell)[1] is not None
    except BadCell:
        return False


def _is_day(cell: str) -> bool:
    if cell.isdigit() or _AMOUNT.match(cell):
        return False
    for month_first in (False, True):
        try:
            return day(cell, month_first=month_first) is not None
        except BadCell:
            continue
    return False


def _has_comma(body: Sequence[Row], places: list[int]) -> bool:
    cells = [_cell(cells, place) for _, cells in body for place in places]
    return any("," in cell for cell in cells) and not any(re.search(r"\.[0-9]+\D*\Z", cell) for cell in cells)


def _order_of_days(cells: Sequence[str]) -> tuple[bool, bool]:
    """(month before day, whether a day has shown it); nothing to read off is sure."""
    pairs = [re.match(r"(\d{1,2})[-/.\s](\d{1,2})[-/.\s]\d{2,4}", cell, re.ASCII) for cell in cells]
    numbers = [(int(pair[1]), int(pair[2])) for pair in pairs if pair]
    if any(second > 12 for _, second in numbers):
        return True, True
    return False, not numbers or any(first > 12 for first, _ in numbers)
