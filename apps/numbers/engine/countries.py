"""What the numbering plans of countries say, from Google's library: loaded for a country when it is first asked for."""

from __future__ import annotations

from typing import Any

MOBILE, FIXED, TOLL_FREE, PREMIUM, OTHER = "mobile", "fixed", "toll_free", "premium", "other"


def region_of(country: str, country_code: str) -> str:
    """The country's two letters: as they were given, else those of the main country with that code; "" for none."""
    if country:
        return country.upper()
    if not country_code.isdigit():
        return ""
    found = _library().region_code_for_country_code(int(country_code))
    return "" if found in {"ZZ", "001"} else found


def trunk_prefix(region: str) -> str:
    """What stands before a national number: 0, 06, 1, 8; "" where there is nothing."""
    found = _library().PhoneMetadata.metadata_for_region(region, None)
    return str(found.national_prefix or "") if found is not None else ""


def international(number: str, region: str) -> str:
    """The number as dialled within the country, with its country code; "" when it is none of that country's plan."""
    parsed = _parsed(number, region)
    if parsed is None or not _library().is_valid_number(parsed):
        return ""
    return f"{parsed.country_code}{_library().national_significant_number(parsed)}"


def is_international(number: str) -> bool:
    """Whether the digits, read with a country code, are a number that there can be."""
    parsed = _parsed(f"+{number}", None)
    return parsed is not None and bool(_library().is_valid_number(parsed))


def is_short(number: str, region: str) -> bool:
    """Whether it is an emergency or a service number of the country, such as 112 or 116000."""
    from phonenumbers import shortnumberinfo

    parsed = _parsed(number, region)
    return parsed is not None and bool(shortnumberinfo.is_valid_short_number_for_region(parsed, region))


def country_code(number: str) -> str:
    """The country code that the number begins with; "" when there is no such country."""
    codes = _library().COUNTRY_CODE_TO_REGION_CODE
    return next(
        (
            number[:length]
            for length in (1, 2, 3)
            if number[:length].isdigit() and int(number[:length]) in codes
        ),
        "",
    )


def kind_of(number: str) -> str:
    """What kind of line a number with country code is, as far as its country's plan tells."""
    kinds = _library().PhoneNumberType
    parsed = _parsed(f"+{number}", None)
    found = _library().number_type(parsed) if parsed is not None else None
    names = {
        kinds.MOBILE: MOBILE,
        kinds.FIXED_LINE: FIXED,
        kinds.TOLL_FREE: TOLL_FREE,
        kinds.PREMIUM_RATE: PREMIUM,
    }
    return names.get(found, OTHER)


def _parsed(number: str, region: str | None) -> Any:
    library = _library()
    try:
        return library.parse(number, region)
    except library.NumberParseException:
        return None


def _library() -> Any:
    """Imported when a country is first asked about: most installations need it late, some never."""
    import phonenumbers

    return phonenumbers
