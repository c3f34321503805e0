"""Precision of currencies, and exchange rates by day: entered one by one, from a file, or from the history of the European Central Bank."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import is_currency
from currency_converter import CurrencyConverter, RateNotFoundError
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.pricing.errors import ImportRefused
from apps.pricing.models import CurrencyPrecision, ExchangeRate, Tariff
from apps.pricing.services.lines import BadLine, exchange_lines
from apps.users.models import Account

STEP = Decimal("0.00000001")
MOST_BYTES = 8 * 1024 * 1024
_UNITS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,8}0*)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rates are new, and how many replaced another of the same day."""

    added: int
    changed: int


@transaction.atomic
def set_exchange_rate(*, currency: str, valid_from: date, units: Decimal) -> ExchangeRate:
    """Say how many units of a currency one unit of the installation's is worth from a day on. Raises ValidationError."""
    if currency == config.get("currency"):
        raise ValidationError({"currency": _("This is the installation's own currency.")})
    rate = ExchangeRate.objects.filter(currency=currency, valid_from=valid_from).first()
    rate = rate or ExchangeRate(currency=currency, valid_from=valid_from)
    rate.units = units
    rate.full_clean()
    rate.save()
    return rate


@transaction.atomic
def set_precision(*, currency: str, decimals: int, cash_step: Decimal = Decimal(0)) -> CurrencyPrecision:
    """Say how documents in a currency are written and paid. Raises ValidationError, by field."""
    precision = CurrencyPrecision.objects.filter(currency=currency).first() or CurrencyPrecision(
        currency=currency
    )
    precision.decimals, precision.cash_step = decimals, cash_step
    precision.full_clean()
    precision.save()
    return precision


@transaction.atomic
def import_exchange_rates(*, data: bytes) -> Loaded:
    """Take a file of currency, day (2026-11-27) and units for one of ours; all of it or nothing. Raises ImportRefused."""
    if len(data) > MOST_BYTES:
        raise ImportRefused([(0, f"the file is larger than {MOST_BYTES // 1024 // 1024} MB; split it")])
    good: dict[tuple[str, date], Decimal] = {}
    bad: list[tuple[int, str]] = []
    for number, found in exchange_lines(data):
        try:
            if isinstance(found, BadLine):
                raise found
            currency, day, units = _parsed(found)
            if (currency, day) in good:
                raise BadLine(f"{currency} of {day} stands in an earlier line already")
            good[currency, day] = units
        except BadLine as error:
            bad.append((number, str(error)))
    if not good and not bad:
        bad = [(0, "the file has no rates")]
    if bad:
        raise ImportRefused(bad)
    return _store(good)


def _parsed(cells: list[str]) -> tuple[str, date, Decimal]:
    if len(cells) != 3:
        raise BadLine("currency, day and units are expected")
    currency, day, units = cells[0].upper(), cells[1], cells[2]
    if not is_currency(currency):
        raise BadLine(f"{cells[0][:10]!r} is not an ISO 4217 currency code")
    if currency == config.get("currency"):
        raise BadLine(f"{currency} is the installation's own currency")
    try:
        valid_from = date.fromisoformat(day)
    except ValueError:
        raise BadLine(f"{day[:20]!r} is not a day such as 2026-11-27") from None
    if not _UNITS.match(units) or not Decimal(units):
        raise BadLine(f"{units[:30]!r} is not a positive number with at most eight decimals")
    return currency, valid_from, Decimal(units)


@transaction.atomic
def load_ecb(*, since: date, currencies: Iterable[str] = ()) -> Loaded:
    """Take the reference rates of the European Central Bank that this program came with, from a day on.

    Without currencies those of accounts and tariffs. A day that has a rate already keeps it: it may have been agreed on.
    Raises ValidationError for what the bank does not quote.
    """
    bank = CurrencyConverter(decimal=True)
    own = str(config.get("currency"))
    wanted = sorted({*currencies} or _in_use(), key=str)
    unknown = [one for one in [own, *wanted] if one not in bank.currencies]
    if unknown:
        raise ValidationError(_("The European Central Bank does not quote %s.") % ", ".join(unknown))
    known = set(ExchangeRate.objects.filter(valid_from__gte=since).values_list("currency", "valid_from"))
    found = {
        (currency, day): units
        for currency in wanted
        if currency != own
        for day, units in _history(bank, own, currency, since)
        if (currency, day) not in known
    }
    return _store(found)


def _in_use() -> set[str]:
    used = {*Tariff.objects.values_list("currency", flat=True).distinct()}
    return used | {*Account.objects.values_list("currency", flat=True).distinct()}


def _history(bank: CurrencyConverter, own: str, currency: str, since: date) -> Iterator[tuple[date, Decimal]]:
    """The days on which both currencies were quoted, with units of `currency` for one of `own`."""
    last = min(bank.bounds[own].last_date, bank.bounds[currency].last_date)
    day = max(since, bank.bounds[own].first_date, bank.bounds[currency].first_date)
    while day <= last:
        try:
            above, below = bank.convert(1, "EUR", currency, date=day), bank.convert(1, "EUR", own, date=day)
            yield day, (above / below).quantize(STEP, ROUND_HALF_UP)
        except RateNotFoundError:
            pass  # a day on which no rates were published: the one before goes on
        day += timedelta(days=1)


def _store(found: dict[tuple[str, date], Decimal]) -> Loaded:
    before = ExchangeRate.objects.count()
    ExchangeRate.objects.bulk_create(
        [
            ExchangeRate(currency=currency, valid_from=day, units=units)
            for (currency, day), units in found.items()
        ],
        update_conflicts=True,
        unique_fields=["currency", "valid_from"],
        update_fields=["units"],
        batch_size=5000,
    )
    added = ExchangeRate.objects.count() - before
    return Loaded(added, len(found) - added)
