"""Reads of prices that more than one place needs."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from apps.config import queries as config
from apps.core.values.money import cash_rounding, currency_digits, from_micros, to_micros
from apps.pricing.errors import NotConvertible
from apps.pricing.models import CurrencyPrecision, ExchangeRate, Tariff, TariffAssignment
from apps.users.models import Account
from apps.users.queries import path_ids


def tariff_of(
    account: Account, kind: str, *, caller_number: str = "", at: datetime | None = None
) -> Tariff | None:
    """The tariff of a kind by which an account pays, now by default: its own, else that of the nearest account above.

    Of its own ones as the switch does: the one for the longest beginning of the caller's number, then the newest.
    """
    ids, at = path_ids(account), at or timezone.now()
    valid = Q(valid_from=None) | Q(valid_from__lte=at)
    given = TariffAssignment.objects.filter(valid, Q(valid_until=None) | Q(valid_until__gt=at), kind=kind)
    fitting = [
        one
        for one in given.filter(account_id__in=ids).select_related("tariff")
        if caller_number.startswith(one.caller_prefix)
    ]

    def order(one: TariffAssignment) -> tuple[int, int, float, int]:
        begun = one.valid_from.timestamp() if one.valid_from else float("-inf")
        return ids.index(one.account_id), len(one.caller_prefix), begun, one.tariff_id

    best = max(fitting, key=order, default=None)
    return best.tariff if best else None


def convertible(one: str, other: str) -> bool:
    """Is there a way from one currency to the other, over the installation's own?"""
    if one == other:
        return True
    known = {str(config.get("currency")), *ExchangeRate.objects.values_list("currency", flat=True).distinct()}
    return {one, other} <= known


def in_own_currency(amount: Decimal, currency: str, on: date) -> Decimal:
    """An amount in the installation's currency, at the exchange rate of that day. Raises NotConvertible."""
    if currency == config.get("currency"):
        return amount
    rate = ExchangeRate.objects.filter(currency=currency, valid_from__lte=on).order_by("-valid_from").first()
    if rate is None:
        raise NotConvertible(f"There is no exchange rate for {currency} on {on}.")
    return amount / rate.units


def document_digits(currency: str) -> int:
    """Decimals of amounts on documents in the currency."""
    own = CurrencyPrecision.objects.filter(currency=currency).first()
    return own.decimals if own else currency_digits(currency)


def to_pay(amount: Decimal, currency: str) -> Decimal:
    """The amount as it can be paid, in whole coins where the currency's precision says which is the smallest."""
    own = CurrencyPrecision.objects.filter(currency=currency).first()
    micros = to_micros(amount)
    return from_micros(micros + cash_rounding(micros, to_micros(own.cash_step) if own else 0))
