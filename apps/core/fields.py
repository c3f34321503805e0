"""Columns that have one meaning everywhere."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.db import models


class AmountField(models.DecimalField):  # type: ignore[type-arg]  # generic for the type checker only
    """An exact amount of money to the millionth of a currency unit: NUMERIC(18, 6), `Decimal` in Python."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"max_digits": 18, "decimal_places": 6})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, args, kwargs


class CurrencyField(models.CharField):  # type: ignore[type-arg]  # likewise
    """An ISO 4217 code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, **{"default": "EUR"} | kwargs | {"max_length": 3, "validators": [currency_code]}
        )

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("max_length")
        kwargs.pop("validators", None)
        return name, path, args, kwargs


def currency_code(code: str) -> None:
    from babel.numbers import UnknownCurrencyError, validate_currency
    from django.core.exceptions import ValidationError

    try:
        validate_currency(code)
    except UnknownCurrencyError as error:
        raise ValidationError(f"{code!r} is not an ISO 4217 currency code.") from error


def percent(value: Any) -> None:
    from django.core.exceptions import ValidationError

    if not 0 <= value <= 100:
        raise ValidationError("A percentage lies between 0 and 100.")


def zone_name(name: str) -> None:
    from django.core.exceptions import ValidationError

    if name not in _zones():
        raise ValidationError(f"{name!r} is not a time zone of the IANA database.")


@cache
def _zones() -> frozenset[str]:
    """Each asking of zoneinfo walks through all files of the database."""
    return frozenset(available_timezones())
