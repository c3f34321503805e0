"""All price lists at once: by which one an account pays, and by which terms it prices a call, at any time.

The switch (`switch.world.World`) and the office's re-rating ask the same book, so that both find the same price.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Protocol

from apps.core.values.money import to_micros
from apps.core.values.windows import Days
from apps.pricing.engine.price_lists import (
    VOICE,
    Calendar,
    Given,
    Origin,
    PriceLists,
    Tariff,
    holding,
    special_days,
)
from apps.pricing.engine.rates import Price, Rate, band_of, bands_of
from apps.pricing.engine.terms import ONE_TO_ONE, Recorded, Terms

UNITS = 10**8
"""Exchange rates count in so many parts of a unit."""
NEVER_EXCHANGED: tuple[int, ...] = ()
ANYBODY = Origin()


class Rates(Protocol):
    """The rates of one tariff (`apps.pricing.engine.deck.Deck`)."""

    def match(self, number: str, at: float) -> tuple[Rate, ...] | None:
        """The rates that price a call to the number at that time."""

    def price(self, number: str, at: float) -> Price | None:
        """The price that they say, if it is one for every hour (`plain_price`)."""


class Names(Protocol):
    """Destinations' names of one tariff (`switch.world.names.Names`)."""

    def of(self, rate_id: int) -> str:
        """The name that the rate gives its destination, or nothing."""


class Payer(Protocol):
    """An account with a tariff, as far as that matters: ids from the top of the tree down to itself."""

    @property
    def path(self) -> tuple[int, ...]: ...


class Book:
    """Price lists, who pays by which, and exchange rates. Nothing in it changes but what it remembers.

    `currency` is the installation's; `recording` the currency in which prices stand in call records (`recorded_in`).
    """

    remembered = 20_000  # terms
    __slots__ = ("_decks", "_kinds", "_lists", "_names", "_terms", "currency", "recording")

    def __init__(
        self,
        lists: PriceLists,
        decks: Mapping[int, Rates],
        names: Mapping[int, Names],
        *,
        currency: str,
        recording: str = "payer",
    ) -> None:
        self._lists, self._decks, self._names = lists, decks, names
        self._kinds = {
            (kind, service) for _, kind, service in lists.assignments
        }  # most offices have neither sales nor company prices
        self.currency, self.recording = currency, recording
        self._terms: dict[tuple[object, ...], Terms] = {}

    def tariff(self, payer: Payer, kind: str, origin: Origin = ANYBODY, at: float = 0) -> Given | None:
        """The account's tariff of a kind for such a call, its own or the nearest above it."""
        service = origin.service
        if (kind, service) not in self._kinds:
            return None
        assignments = self._lists.assignments
        for account_id in reversed(payer.path):
            given = assignments.get((account_id, kind, service))
            found = holding(given, origin, at) if given else None
            if found is not None:
                return Given(self._lists.tariffs[found.tariff_id], account_id, found.because)
        return None

    def only_tariff(self, payer: Payer, kind: str) -> tuple[Given, int, int] | None:
        """The one that `tariff` finds for every call from a moment on until another; None: it depends on the call."""
        for account_id in reversed(payer.path):
            found = self._lists.assignments.get((account_id, kind, VOICE))
            if found is not None:
                one = found[0]
                if len(found) > 1 or not one.for_any:
                    return None
                given = Given(self._lists.tariffs[one.tariff_id], account_id, one.because)
                return given, one.valid_from, one.valid_until
        return None

    def terms(
        self,
        given: Given,
        number: str,
        at: float,
        *,
        currency: str,
        vat_ppm: int,
        discount_ppm: int = 0,
        surcharge_ppm: int = 0,
    ) -> Terms | str:
        """By which terms the tariff prices a call to the number then, or in words why it does not."""
        rates = self.rates(given.tariff, number, at)
        return self.terms_of(
            given,
            rates,
            number,
            at,
            currency=currency,
            vat_ppm=vat_ppm,
            discount_ppm=discount_ppm,
            surcharge_ppm=surcharge_ppm,
        )

    def rates(self, tariff: Tariff, number: str, at: float) -> tuple[Rate, ...]:
        """The rates of the tariff that price a call to the number then."""
        deck = self._decks.get(tariff.id)
        return (deck.match(number, at) if deck else None) or ()

    def terms_of(
        self,
        given: Given,
        rates: tuple[Rate, ...],
        number: str,
        at: float,
        *,
        currency: str,
        vat_ppm: int,
        discount_ppm: int = 0,
        surcharge_ppm: int = 0,
    ) -> Terms | str:
        """`terms`, when the rates have been found already."""
        tariff, _, because = given
        if not rates:
            return f"tariff {tariff.name} has no rate for {number}"
        exchange, exchanged, recorded = ONE_TO_ONE, NEVER_EXCHANGED, None
        if tariff.currency != currency or self.recording != "payer":
            found = self.exchange(tariff.currency, currency, at)
            if found is None:
                return f"no exchange rate between {tariff.currency} and {currency}"
            exchange, exchanged = found, self.exchanged_on(tariff.currency, currency, at)
            recorded = self._recorded(tariff.currency, currency, at)
        days: Days = ()
        if tariff.calendars and rates[0].window is not None:
            days = special_days(self._calendars(tariff), number, tariff.zone, at)
        key = (
            tariff.id, *[one.id for one in rates], currency, vat_ppm, exchange, discount_ppm, days, exchanged, recorded,
            because, surcharge_ppm,
        )  # fmt: skip
        terms = self._terms.get(key)
        if terms is None:
            bands = bands_of(rates, self._lists.windows)
            if not bands:
                return f"tariff {tariff.name} has a rate for {number}, but for no hour"
            terms = self._kept(
                key,
                Terms(
                    bands=bands,
                    currency=currency,
                    zone=tariff.zone,
                    rounding=tariff.rounding,
                    decimals=tariff.decimals,
                    vat_ppm=vat_ppm,
                    included_ppm=tariff.included_ppm,
                    exchange=exchange,
                    crossing=tariff.crossing,
                    discount_ppm=discount_ppm,
                    days=days,
                    list_currency=tariff.currency if exchanged or recorded else "",
                    exchanged_on=exchanged,
                    recorded=recorded,
                    because=because,
                    surcharge_ppm=surcharge_ppm,
                ),
            )
        if terms.bands[0].window is not None and not terms.covers(at):
            return f"tariff {tariff.name} has no rate for {number} at this hour"
        return terms

    def fixed(self, price: str, at: float, *, currency: str, vat_ppm: int) -> Terms | str:
        """Terms of a price per minute in the installation's currency, by the second; or in words why there are none."""
        exchange = self.exchange(self.currency, currency, at)
        if exchange is None:
            return f"no exchange rate between {self.currency} and {currency}"
        exchanged = self.exchanged_on(self.currency, currency, at)
        recorded = self._recorded(self.currency, currency, at)
        key = ("fixed", price, currency, vat_ppm, exchange, exchanged, recorded)
        known = self._terms.get(key)
        return known or self._kept(
            key,
            Terms(
                bands=(band_of(Rate(0, "", to_micros(price))),),
                currency=currency,
                decimals=4,
                vat_ppm=vat_ppm,
                exchange=exchange,
                list_currency=self.currency if exchanged or recorded else "",
                exchanged_on=exchanged,
                recorded=recorded,
            ),
        )

    def destination(self, tariff: Tariff, terms: Terms) -> str:
        """What the price list calls the place that the terms are for."""
        names = self._names.get(tariff.id)
        return names.of(terms.bands[0].rate_id) if names else ""

    def exchange(self, source: str, target: str, at: float) -> tuple[int, int] | None:
        """Units of `target` for units of `source` on that day, as an exact ratio; None when one is not known."""
        if source == target:
            return ONE_TO_ONE
        units, others = self._units(target, at), self._units(source, at)
        return (units, others) if units and others else None

    def exchanged_on(self, source: str, target: str, at: float) -> tuple[int, ...]:
        """The first seconds of the exchange rates that lead from one currency to the other, where they differ."""
        if source == target:
            return ()
        places = (
            (self._lists.exchange.get(one, ((), ()))[0]) for one in (source, target) if one != self.currency
        )
        return tuple(begins[bisect_right(begins, at) - 1] for begins in places if begins)

    def _recorded(self, listed: str, currency: str, at: float) -> Recorded | None:
        """How the price gets into the call record, when that is in another currency than the payer's."""
        wanted = recorded_in(self.recording, native=self.currency, listed=listed, payer=currency)
        exchange = self.exchange(listed, wanted, at) if wanted != currency else None
        return (wanted, *exchange) if exchange else None

    def _units(self, currency: str, at: float) -> int | None:
        """Hundred-millionths of the currency for one unit of the installation's."""
        if currency == self.currency:
            return UNITS
        begins, units = self._lists.exchange.get(currency, ((), ()))
        place = bisect_right(begins, at)
        return units[place - 1] if place else None

    def _calendars(self, tariff: Tariff) -> list[Calendar]:
        return [self._lists.calendars[one] for one in tariff.calendars if one in self._lists.calendars]

    def _kept(self, key: tuple[object, ...], terms: Terms) -> Terms:
        if len(self._terms) >= self.remembered:
            self._terms.clear()  # the busy ones are back at once
        self._terms[key] = terms
        return terms


def recorded_in(recording: str, *, native: str, listed: str, payer: str) -> str:
    """The currency of a price in the call record (guide 4026; `currencyconversion` 1 to 4).

    native: the installation's · list: the price list's · match: the payer's if it is the price list's, else the
    installation's · payer: the payer's, in which it is charged whatever stands here.
    """
    if recording == "native":
        return native
    if recording == "list":
        return listed
    if recording == "match":
        return payer if payer == listed else native
    return payer
