"""What a minute costs, for whoever compares prices: carriers of a call with each other, and with what the call brings."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from apps.pricing.engine import Terms, band_of, rate
from apps.pricing.engine.book import Rates
from apps.pricing.engine.price_lists import Given, Tariff
from apps.pricing.engine.rates import Price, rate_of

MINUTE = 60


class Minute(NamedTuple):
    """What is asked for a minute begun now, and for one of a call of `pricecalcsec` (see `minute_cost`)."""

    cost: int
    average: int


class Minutes(dict[Price, Minute]):
    """What a minute costs by each price of lists that reckon alike, as far as it was asked.

    Thousands of prefixes have few prices: they are reckoned once, and no terms are kept of carriers that are only compared.
    """

    remembered = 20_000

    def __init__(self, tariff: Tariff, exchange: tuple[int, int], seconds: int) -> None:
        super().__init__()
        self._tariff, self._exchange, self._seconds = tariff, exchange, seconds

    def __missing__(self, price: Price) -> Minute:
        if len(self) >= self.remembered:
            self.clear()
        tariff = self._tariff
        terms = Terms(
            (band_of(rate_of(price)),),
            rounding=tariff.rounding,
            decimals=tariff.decimals,
            included_ppm=tariff.included_ppm,
            exchange=self._exchange,
            crossing=tariff.crossing,
        )
        found = self[price] = Minute(minute_cost(terms, 0), minute_cost(terms, 0, self._seconds))
        return found


class Prices(NamedTuple):
    """By what a carrier's prices are found, from a moment on until another: its tariff, the rates, and what they come to."""

    given: Given
    since: float
    until: float
    rates: Rates
    minutes: Minutes


def minute_cost(terms: Terms, at: float, seconds: int = MINUTE) -> int:
    """The cost of one minute begun now, in billionths of the currency unit: what carriers are compared by.

    Finer than any amount that is charged, so that carriers whose prices differ in the seventh decimal do not tie. With
    `seconds`, of a minute of a call that lasts so long.
    """
    basis = terms.basis
    plain = basis.plain
    if plain is None:
        net = rate(replace(terms, decimals=6, vat_ppm=0), at, seconds).net
        return 1000 * net * MINUTE // seconds
    connect, price, first, following = plain
    billed = first if first >= seconds else first - (first - seconds) // following * following
    return (
        (connect + billed * price) * basis.factor * basis.quantum * 1000 * MINUTE // (basis.divisor * seconds)
    )
