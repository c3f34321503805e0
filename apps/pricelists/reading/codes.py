"""The prefixes that a cell of dial codes means: "971, 9715-9719", with or without a country code before them."""

from __future__ import annotations

import re

from apps.pricelists.reading.values import BadCell

MOST_OF_A_CELL = 2000
LONGEST = 20

_BETWEEN = re.compile(r"[,;/|\n]+")
_CODE = re.compile(r"[0-9]{1,20}\Z", re.ASCII)
_RANGE = re.compile(r"([0-9]{1,20})\s*[-\u2013\u2014]\s*([0-9]{1,20})\Z", re.ASCII)


def prefixes(cell: str, country: str = "") -> list[str]:
    """All prefixes of a cell, in order. `*` alone is every destination (""). Raises BadCell.

    1. Codes stand between commas, semicolons, slashes, bars or line breaks; "9715-9719" is each from the first to the
       last, "9715-9" the same.
    2. A country code of its own column goes before each, unless a code repeats it; no code at all is the country alone.
    """
    text = cell.strip()
    country = _country(country)
    if text == "*" and not country:
        return [""]
    if _CODE.match(text):  # nearly always
        return [_whole(country, text)]
    found: list[str] = []
    for part in _BETWEEN.split(text):
        one = part.strip().removeprefix("+")
        if one:
            found += [_whole(country, code) for code in _expanded(one)]
        if len(found) > MOST_OF_A_CELL:
            raise BadCell(f"more than {MOST_OF_A_CELL} codes in one cell")
    if not found and country:
        return [country]
    if not found:
        raise BadCell("the code is missing")
    return found


def _country(cell: str) -> str:
    text = cell.strip().removeprefix("+")
    if text and not _CODE.match(text):
        raise BadCell(f"{cell[:30]!r} is not a country code")
    return text


def _whole(country: str, code: str) -> str:
    whole = country + code
    if len(whole) > LONGEST:
        raise BadCell(f"{whole[:30]} is longer than {LONGEST} digits")
    return whole


def _expanded(text: str) -> list[str]:
    if _CODE.match(text):
        return [text]
    ends = _RANGE.match(text)
    if not ends:
        if re.fullmatch(r"[0-9]+\s[0-9\s]+", text, re.ASCII):
            raise BadCell(f"{text[:30]!r}: one code with a gap, or several? Put commas between codes")
        if re.fullmatch(r"[0-9.]+[eE]\+?[0-9]+", text, re.ASCII):
            raise BadCell(f"{text[:30]!r}: the spreadsheet has rounded the code; format the column as text")
        raise BadCell(f"{text[:30]!r} is not a dial code")
    first, last = ends[1], ends[2]
    if len(last) < len(first):  # "9715-9": the last digits only
        last = first[: len(first) - len(last)] + last
    if len(first) != len(last) or first > last:
        raise BadCell(
            f"{text[:30]!r} is not a range: both ends have as many digits, the second is the higher"
        )
    if int(last) - int(first) >= MOST_OF_A_CELL:
        raise BadCell(f"{text[:30]!r} is a range of more than {MOST_OF_A_CELL} codes")
    width = len(first)
    return [f"{number:0{width}}" for number in range(int(first), int(last) + 1)]
