"""What a guest pays. Pure; amounts are `Decimal`, the markup is per cent."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def charge(gross: Decimal, markup: Decimal, digits: int) -> Decimal:
    """The owner's gross price of a call with the markup on it, rounded half up to the currency's digits: each call by itself."""
    return (gross * (100 + markup) / 100).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
