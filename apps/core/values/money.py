"""Exact money: integers of millionths inside, `Decimal` at the edges, never `float`."""

from decimal import Decimal
from enum import StrEnum

MICROS = 1_000_000
"""Micros in one currency unit; the scale of NUMERIC(18,6)."""

DECIMALS = 6


class Rounding(StrEnum):
    """What becomes of the part that does not fit. All treat a debit and a credit alike."""

    HALF_UP = "half_up"  # to the nearest, a half away from zero
    UP = "up"  # away from zero
    DOWN = "down"  # towards zero
    NONE = "none"  # no decimals are cut: to the nearest micro, the smallest money there is


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """The rounded quotient; `denominator` is positive."""
    if rounding is Rounding.HALF_UP or rounding is Rounding.NONE:
        whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    elif rounding is Rounding.UP:
        whole = -(-abs(numerator) // denominator)
    else:
        whole = abs(numerator) // denominator
    return whole if numerator >= 0 else -whole


def quantum(decimals: int) -> int:
    """Micros in the smallest amount that `decimals` decimals can show. Raises ValueError outside 0..6."""
    if not 0 <= decimals <= DECIMALS:
        raise ValueError(f"amounts have 0 to {DECIMALS} decimals, not {decimals}")
    return int(10 ** (DECIMALS - decimals))


def round_micros(micros: int, decimals: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Micros rounded to so many decimals of the currency unit."""
    step = quantum(decimals)
    return divide(micros, step, rounding) * step


def cash_rounding(micros: int, step: int) -> int:
    """What must be added so that the amount can be paid in coins of `step` micros: to the nearest, a half away from zero."""
    return divide(micros, step, Rounding.HALF_UP) * step - micros if step else 0


def to_micros(amount: Decimal | int | str) -> int:
    """Micros of an exact amount.

    Raises ValueError for what has more than six decimals or is no number: money that does not
    fit is an error of the caller, not something to round in silence.
    """
    if isinstance(amount, float):
        raise TypeError("money is never a float")
    value = Decimal(amount)
    if not value.is_finite():
        raise ValueError(f"{amount} is not an amount of money")
    # Integer arithmetic on the parts: the decimal context would round what is longer than 28 digits.
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    unscaled = int("".join(map(str, digits)) or "0")
    shift = exponent + DECIMALS
    micros, rest = (unscaled * int(10**shift), 0) if shift >= 0 else divmod(unscaled, int(10**-shift))
    if rest:
        raise ValueError(f"{amount} has more than {DECIMALS} decimals")
    return -micros if sign else micros


def from_micros(micros: int) -> Decimal:
    """The exact amount, always with six decimals."""
    return Decimal(micros).scaleb(-DECIMALS)


def currency_digits(currency: str) -> int:
    """Decimals that people write in this currency: 2 for EUR, 0 for HUF and JPY, 3 for KWD."""
    from babel.numbers import get_currency_precision

    precision: int = get_currency_precision(currency)
    return min(precision, DECIMALS)
