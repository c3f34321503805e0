"""What a minute costs, for whoever compares prices: carriers of a call with each other, and with what the call brings."""

from __future__ import annotations

from dataclasses import replace
from math import gcd
from typing import NamedTuple

from apps.pricing.engine import Terms, band_of, rate
from apps.pricing.engine.book import Rates
from apps.pricing.engine.price_lists import Given, Tariff
from apps.pricing.engine.rates import Manner, Price, rate_of
from apps.pricing.engine.terms import Basis

MINUTE = 60
_new_tuple = tuple.__new__


class Minute(NamedTuple):
    """What is asked for a minute begun now, and for one of a call of `pricecalcsec` (see `minute_cost`)."""

    cost: int
    average: int


Steps = tuple[int, ...]
"""What a manner says beside what is charged once: increments, free seconds, limits."""
Line = tuple[int, int, int]
"""A cost is (first × what is charged once + second × the price) ÷ third, rounded down."""
Both = tuple[int, ...]
"""Two lines, for a minute begun now and for one of a longer call, in which what is charged once is reckoned already; (): it takes more."""


class Minutes:
    """What a minute costs by lists that reckon alike.

    A list has thousands of prices, but few manners: what those make of a price is reckoned once, and no terms are made of
    prices that are only compared.
    """

    remembered = 5_000
    __slots__ = ("_exchange", "_known", "_lines", "_manners", "_seconds", "_tariff")

    def __init__(self, tariff: Tariff, exchange: tuple[int, int], seconds: int) -> None:
        self._tariff, self._exchange, self._seconds = tariff, exchange, seconds
        self._manners: dict[Manner, Both] = {}
        self._lines: dict[Steps, tuple[Line, Line] | None] = {}
        self._known: dict[Price, Minute] = {}

    def of(self, price: Price) -> Minute:
        """What a minute costs at this price."""
        amount, manner = price
        lines = self._manners.get(manner)
        if lines is None:
            lines = self._learn(manner)
        if not lines:
            return self._known.get(price) or self._by_terms(price)
        once, each, parts, later_once, later_each, later_parts = lines
        cost = (once + each * amount) // parts
        return _new_tuple(Minute, (cost, (later_once + later_each * amount) // later_parts))

    def _learn(self, manner: Manner) -> Both:
        if len(self._manners) >= self.remembered:
            self._manners.clear()
        charged, found = manner[0] + manner[9], self._steps(manner[1:9])
        both: Both = ()
        if found is not None:
            (once, *line), (later_once, *later) = found
            both = (once * charged, *line, later_once * charged, *later)
        self._manners[manner] = both
        return both

    def _steps(self, steps: Steps) -> tuple[Line, Line] | None:
        """For a minute begun now, and for one of a longer call; None: it takes more than a line.

        Remembered apart from manners, because a list may charge something else once for every destination.
        """
        if steps in self._lines:
            return self._lines[steps]
        if len(self._lines) >= self.remembered:
            self._lines.clear()
        basis = self._terms((1, (0, *steps, 0))).basis
        found = None
        if basis.plain is not None:
            found = _of_price(basis, MINUTE), _of_price(basis, self._seconds)
        self._lines[steps] = found
        return found

    def _by_terms(self, price: Price) -> Minute:
        if len(self._known) >= self.remembered:
            self._known.clear()
        terms = self._terms(price)
        found = self._known[price] = Minute(minute_cost(terms, 0), minute_cost(terms, 0, self._seconds))
        return found

    def _terms(self, price: Price) -> Terms:
        tariff = self._tariff
        return Terms(
            (band_of(rate_of(price)),),
            rounding=tariff.rounding,
            decimals=tariff.decimals,
            included_ppm=tariff.included_ppm,
            exchange=self._exchange,
            crossing=tariff.crossing,
        )


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
    if basis.plain is None:
        net = rate(replace(terms, decimals=6, vat_ppm=0), at, seconds).net
        return 1000 * net * MINUTE // seconds
    once, each, parts = line_of(basis, seconds)
    connect, price, *_ = basis.plain
    return (once * connect + each * price) // parts


def _of_price(basis: Basis, seconds: int) -> Line:
    """The line that leads from a price's own amounts, by the smallest numbers; `basis`: that of a price of 1."""
    assert basis.plain is not None
    once, each, parts = line_of(basis, seconds)
    line = once * basis.unit, each * basis.plain[1], parts
    common = gcd(*line)
    return line[0] // common, line[1] // common, line[2] // common


def line_of(basis: Basis, seconds: int) -> Line:
    """By which line `minute_cost` is found of what a plain price has: connect fee and price a second."""
    assert basis.plain is not None
    _, _, first, following = basis.plain
    billed = first if first >= seconds else first - (first - seconds) // following * following
    scale = basis.factor * basis.quantum * 1000 * MINUTE
    return scale, billed * scale, basis.divisor * seconds
