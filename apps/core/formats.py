"""How values look to people: amounts, durations. Only pages, letters and documents use these."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision
from django.utils.translation import get_language, to_locale


def locale_now() -> str:
    """The Babel locale of the language that this page is shown in."""
    return to_locale(get_language() or "en")


def money(amount: Decimal, currency: str, *, exact: bool = False) -> str:
    """An amount as people of the page's language write it; `exact` keeps what lies behind the currency's cents."""
    digits = get_currency_precision(currency)
    if exact:
        digits = max(digits, -int(Decimal(amount).normalize().as_tuple().exponent))
    pattern = "¤#,##0" + ("." + "0" * digits if digits else "")
    if exact or get_language() in (None, "en"):
        return format_currency(amount, currency, pattern, locale=locale_now(), currency_digits=False)
    return format_currency(amount, currency, locale=locale_now())


def clock(seconds: int) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
