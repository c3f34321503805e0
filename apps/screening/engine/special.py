"""Numbers that cost a lot and that fraud is paid by: premium rate and satellites (guide 9083-9085).

Premium rate is what the numbering plans of the countries say, as `phonenumbers` keeps them, and what stands here. Satellites
have country codes and networks of their own (ITU-T E.164, list of assigned codes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType

SATELLITE: Final = "satellite"
PREMIUM: Final = "premium"

SATELLITES: Final = (
    "870",  # Inmarsat
    "8810", "8811",  # ICO, which is no more, and whose numbers lead to whoever bought them
    "8812", "8813",  # Ellipso, likewise
    "8816", "8817",  # Iridium
    "8818", "8819",  # Globalstar
    "88213",  # EMSAT
    "88216",  # Thuraya
)  # fmt: skip
PREMIUMS: Final = (
    "979",  # the international premium rate service
    "1900",  # North America, also for numbers that are not complete
)
_TOO_MANY: Final = 3
"""Digits after a whole number that exchanges ignore, and that would hide what it is."""
REMEMBERED: Final = 50_000
"""Numbers whose kind is kept."""


@lru_cache(REMEMBERED)
def kind_of(number: str) -> str:
    """`SATELLITE`, `PREMIUM`, or "" for all others. `number`: digits, country code first."""
    if number.startswith(SATELLITES):
        return SATELLITE
    if number.startswith(PREMIUMS):
        return PREMIUM
    if not _looks_premium(number):
        return ""
    beginnings = (number[:length] for length in range(len(number), max(3, len(number) - _TOO_MANY - 1), -1))
    return PREMIUM if any(map(_is_premium, beginnings)) else ""


def _looks_premium(number: str) -> bool:
    """Whether it is worth asking `_is_premium`, which takes a quarter of a millisecond: one pattern says no to nearly all numbers."""
    for length in (1, 2, 3):
        code = number[:length]
        if code.isdecimal() and int(code) in COUNTRY_CODE_TO_REGION_CODE:
            pattern = _premium_pattern(int(code))
            return pattern is not None and pattern.fullmatch(number, length) is not None
    return False


def learn_plans() -> Iterator[None]:
    """Learn the numbering plans, those of one country code a step, a millisecond or more: else the first call there would wait for that."""
    for code in COUNTRY_CODE_TO_REGION_CODE:
        _premium_pattern(code)
        yield


@cache
def _premium_pattern(code: int) -> re.Pattern[str] | None:
    """What premium-rate numbers of a country code look like after it, whichever of its countries they are of."""
    found, before = set(), {""}
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        plan = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        if plan is None:
            continue
        before |= {plan.national_prefix or "", plan.national_prefix_for_parsing or ""}
        if plan.premium_rate is not None and plan.premium_rate.national_number_pattern:
            found.add(plan.premium_rate.national_number_pattern)
    if not found:
        return None
    return re.compile(rf"(?:{'|'.join(sorted(before))})(?:{'|'.join(sorted(found))})\d{{0,{_TOO_MANY}}}")


def _is_premium(number: str) -> bool:
    try:
        parsed = phonenumbers.parse("+" + number)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.number_type(parsed) == PhoneNumberType.PREMIUM_RATE
