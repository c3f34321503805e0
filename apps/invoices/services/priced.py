"""The figures of one price of a call, as the record keeps them, and the key of the terms that they were reckoned by."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, NamedTuple

from apps.core.compact import encoded
from apps.pricing.engine import Band, Terms, band_for, rate

REMEMBERED = 5000


class Figures(NamedTuple):
    """A price; amounts are micros, VAT rates millionths. `recorded` None: the record has the net itself."""

    rate_id: int
    prefix: str
    unit_price: int
    billing_step: int
    seconds: int  # that were priced
    billed_seconds: int
    currency: str
    net: int
    vat: int
    gross: int
    vat_rate: int
    terms: str | None  # the key of `PriceTerms`
    recorded: int | None = None
    recorded_currency: str = ""


class Known:
    """Terms, and what every price by them has in common."""

    __slots__ = ("_shown", "id", "packed", "recorded", "terms")

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.packed = terms.as_list()
        self.id = key_of(self.packed)
        self.recorded = terms.as_recorded()
        self._shown: dict[int, tuple[int, str, int, int]] = {}

    def figures(self, answered: float, seconds: int) -> Figures:
        """The price of a call that was answered then and is paid for so many seconds."""
        terms = self.terms
        charge = rate(terms, answered, seconds)
        recorded, currency = None, ""
        if self.recorded is not None:
            recorded, currency = rate(self.recorded, answered, seconds).net, self.recorded.currency
        return Figures(
            *self.shown(terms.bands[0] if terms.basis.plain else band_for(terms, int(answered), seconds)),
            seconds,
            charge.billed_seconds,
            terms.currency,
            charge.net,
            charge.vat,
            charge.gross,
            terms.vat_ppm,
            self.id,
            recorded,
            currency,
        )

    def shown(self, band: Band) -> tuple[int, str, int, int]:
        """Rate, prefix, price per minute and step of a band."""
        found = self._shown.get(id(band))  # bands live as long as their terms
        if found is None:
            tier = next((tier for tier in band.tiers if tier.per), band.tiers[-1])
            price = tier.price * 60 // tier.per if tier.per else 0
            step = band.tiers[-1].step if band.tiers[-1].per else tier.step
            found = self._shown[id(band)] = (band.rate_id, band.prefix, price, step)
        return found


_packed: dict[str, Known] = {}


def known(packed: list[Any]) -> Known:
    """The terms that the switch packed; calls to one destination share theirs."""
    key = repr(packed)
    found = _packed.get(key)
    if found is None:
        if len(_packed) >= REMEMBERED:
            _packed.clear()
        found = _packed[key] = Known(Terms.from_list(packed))
    return found


def key_of(packed: list[Any]) -> str:
    """The key under which such terms are kept: the same wherever they are reckoned by."""
    text = encoded(packed)
    if not text.isascii():
        text = json.dumps(packed, separators=(",", ":"), ensure_ascii=True).encode()
    digits = sha256(text).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
