"""The arithmetic of a document: sums, VAT and totals. Pure; amounts are `Decimal`, rates per cent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True)
class VatTotal:
    """What a document says about one VAT rate."""

    rate: Decimal
    base: Decimal
    vat: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """The foot of a document; `net`, `vat` and `gross` are the sums of what it shows."""

    by_rate: tuple[VatTotal, ...]
    net: Decimal
    vat: Decimal
    gross: Decimal


def rounded(amount: Decimal, digits: int) -> Decimal:
    """To so many decimals, half away from zero, so that a credit note is its invoice's exact opposite."""
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def vat_of(base: Decimal, rate: Decimal, digits: int) -> Decimal:
    """The VAT on the sum of all lines of one rate (EN 16931 BR-CO-17: base × rate / 100, rounded half up, once)."""
    return rounded(base * rate / 100, digits)


def totals(lines: Iterable[tuple[Decimal, Decimal]], digits: int) -> Totals:
    """Totals of lines given as (net already rounded, VAT rate) (EN 16931 BR-CO-10, 13 to 15)."""
    bases: dict[Decimal, Decimal] = {}
    for net, rate in lines:
        bases[rate] = bases.get(rate, Decimal(0)) + net
    by_rate = tuple(VatTotal(rate, bases[rate], vat_of(bases[rate], rate, digits)) for rate in sorted(bases))
    net = sum((total.base for total in by_rate), Decimal(0))
    vat = sum((total.vat for total in by_rate), Decimal(0))
    return Totals(by_rate, net, vat, net + vat)
