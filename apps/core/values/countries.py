"""Countries by their two letters (ISO 3166), as Babel knows them; it is loaded when somebody asks, which no worker does."""

from __future__ import annotations

import re

UNKNOWN = "ZZ"
"""What ISO 3166 leaves free, and CLDR calls the unknown region."""
_CODE = re.compile(r"[A-Z]{2}\Z")


def is_code(text: str) -> bool:
    """Whether these are the two letters of a country, or `UNKNOWN`."""
    from babel import Locale

    return _CODE.match(text) is not None and text in Locale("en").territories


def name_of(code: str, language: str) -> str:
    """The country's name in a language, such as de or pt-br; the code itself where it has none."""
    from babel import Locale

    locale = Locale.parse(language.replace("-", "_"))
    return str(locale.territories.get(code, code))
