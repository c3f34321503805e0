"""One cell of a price list: an amount, an increment, a day, what a status says. Errors are sentences for a person."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

SMALLEST = Decimal("0.000001")
LARGEST = Decimal(10**6)  # no minute costs a million
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_SERIAL = date(1899, 12, 30)  # a spreadsheet's day 0
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}

_PLAIN = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,30})?\Z|\.[0-9]{1,30}\Z", re.ASCII)
_CURRENCY = re.compile(r"([$€£¥]|[A-Za-z]{3})\s*(?=[0-9.,-])|(?<=[0-9.,])\s*([$€£¥]|[A-Za-z]{3})\Z")
_WHOLE = re.compile(r"([0-9]{1,6})(?:\.0+)?\Z", re.ASCII)
_STEPS = re.compile(r"([0-9]{1,6})\s*[/+:\-]\s*([0-9]{1,6})(?:\s*[/+:\-]\s*([0-9]{1,6}))?\Z", re.ASCII)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\Z", re.ASCII)
_NUMBERS = re.compile(r"(\d{1,2})[-/.\s](\d{1,2})[-/.\s](\d{4}|\d{2})\Z", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})[-/.\s]+([A-Za-z]{3,9})[-/.,\s]+(\d{4}|\d{2})\Z", re.ASCII)
_NAME_FIRST = re.compile(r"([A-Za-z]{3,9})[-/.\s]+(\d{1,2})[-/.,\s]+(\d{4}|\d{2})\Z", re.ASCII)
_CLOCK = re.compile(r"[T\s]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(\s*[AaPp][Mm]|Z|[+-]\d\d:?\d\d)?\Z", re.ASCII)
_GONE = re.compile(r"\b(remov|delet|clos|block|discontinu|withdr|ceas|terminat|no longer|end(ed)?\b)", re.I)


class BadCell(ValueError):
    """Why a cell cannot be taken."""


@lru_cache(maxsize=65536)
def amount(cell: str, *, comma: bool, currency: str, rounds: bool = False) -> Decimal:
    """A price or fee of at most six decimals. `comma`: the decimals follow a comma. Raises BadCell."""
    text = cell.strip().replace("\u00a0", "").replace(" ", "") if not _PLAIN.match(cell) else cell
    named = _CURRENCY.search(text)
    if named:
        said = named[1] or named[2]
        if _SIGNS.get(said, said.upper()) != currency:
            raise BadCell(f"{cell[:30]!r} is not in {currency}, the tariff's currency")
        text = text[: named.start()] + text[named.end() :]
    if comma:
        text = text.replace(".", "").replace(",", ".", 1)
    elif re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", text, re.ASCII):
        text = text.replace(",", "")
    if text.startswith("-"):
        raise BadCell(f"{cell[:30]!r} is negative")
    if not _PLAIN.match(text):
        raise BadCell(f"{cell[:30]!r} is not an amount")
    value = Decimal(text)
    if value > LARGEST:
        raise BadCell(f"{cell[:30]!r} is more than {LARGEST}: not a price of a minute")
    exact = value.quantize(SMALLEST, ROUND_HALF_UP)
    if exact != value and not rounds:
        raise BadCell(f"{cell[:30]!r} has more than six decimals; round the list, or let us round it")
    return exact


@lru_cache(maxsize=4096)
def whole(cell: str) -> int | None:
    """Seconds or digits; empty is None. Raises BadCell."""
    text = cell.strip().removesuffix("s").strip()
    if not text:
        return None
    found = _WHOLE.match(text)
    if not found:
        raise BadCell(f"{cell[:30]!r} is not a whole number up to 999999")
    return int(found[1])


@lru_cache(maxsize=4096)
def increments(cell: str) -> tuple[int | None, int | None, int | None]:
    """(minimum, first, next) of "60/1", "1/60/1" (the first is the minimum then) or "60". Raises BadCell."""
    text = cell.strip()
    if not text:
        return None, None, None
    found = _STEPS.match(text)
    if not found:
        only = whole(text)
        steps = (None, only, only)
    elif found[3] is not None:
        steps = (int(found[1]), int(found[2]), int(found[3]))
    else:
        steps = (None, int(found[1]), int(found[2]))
    if steps[1] == 0 or steps[2] == 0:
        raise BadCell(f"{cell[:30]!r}: an increment is at least one second")
    return steps


@lru_cache(maxsize=4096)
def day(cell: str, *, month_first: bool = False) -> date | None:
    """The day of a cell, without its time; empty is None. Raises BadCell."""
    text = _CLOCK.sub("", cell.strip())
    if not text:
        return None
    try:
        found = _day(text, month_first)
    except ValueError:
        found = None
    if found is None:
        raise BadCell(f"{cell[:30]!r} is not a day")
    if not FIRST_DAY <= found <= LAST_DAY:
        raise BadCell(f"{cell[:30]!r} is not a day on which a price can begin (2000 to 2099)")
    return found


def _day(text: str, month_first: bool) -> date | None:
    if found := _ISO.match(text):
        return date(int(found[1]), int(found[2]), int(found[3]))
    if found := _NUMBERS.match(text):
        first, second = int(found[1]), int(found[2])
        return date(_year(found[3]), *((first, second) if month_first else (second, first)))
    if found := _NAMED.match(text):
        return date(_year(found[3]), _month(found[2]), int(found[1]))
    if found := _NAME_FIRST.match(text):
        return date(_year(found[3]), _month(found[1]), int(found[2]))
    if re.fullmatch(r"[0-9]{5}", text, re.ASCII):  # the day as the spreadsheet counts it
        return _SERIAL + timedelta(days=int(text))
    return None


def _year(text: str) -> int:
    return int(text) + 2000 if len(text) == 2 else int(text)


def _month(name: str) -> int:
    return _MONTHS.get(name[:3].lower(), 0)


@lru_cache(maxsize=4096)
def is_closed(status: str) -> bool:
    """Whether a status or a price's cell says that the code is no longer sold."""
    return bool(_GONE.search(status))
