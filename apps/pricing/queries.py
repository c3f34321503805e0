"""Reads of prices that more than one place needs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from apps.config import queries as config
from apps.pricing.errors import NotConvertible
from apps.pricing.models import ExchangeRate, Tariff, TariffAssignment
from apps.users.models import Account
from apps.users.queries import path_ids


def tariff_of(account: Account, kind: str) -> Tariff | None:
    """The tariff of a kind by which an account pays: its own, else that of the nearest account above."""
    ids = path_ids(account)
    found = TariffAssignment.objects.filter(account_id__in=ids, kind=kind).select_related("tariff")
    nearest = max(found, key=lambda assignment: ids.index(assignment.account_id), default=None)
    return nearest.tariff if nearest else None


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
