"""Reads of prices that more than one place needs."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from apps.config import queries as config
from apps.core.values.money import cash_rounding, currency_digits, from_micros, to_micros
from apps.groups.queries import groups_of
from apps.pricing.engine.price_lists import VOICE, Assignment, Origin, assignment, holding
from apps.pricing.errors import NotConvertible
from apps.pricing.models import CurrencyPrecision, ExchangeRate, Tariff, TariffAssignment
from apps.users.models import Account
from apps.users.queries import path_ids


def tariff_of(
    account: Account,
    kind: str,
    *,
    caller_number: str = "",
    service: str = VOICE,
    at: datetime | None = None,
) -> Tariff | None:
    """The tariff of a kind by which an account pays for calls of its own, now by default: its own, else that of the
    nearest account above, by the rule that the switch goes by (`holding`); without a tech prefix.
    """
    ids, moment = path_ids(account), (at or timezone.now()).timestamp()
    groups = frozenset(groups_of(account).values_list("pk", flat=True))
    origin = Origin(caller_number, service, tuple(ids), groups)
    rows = TariffAssignment.objects.filter(account_id__in=ids, kind=kind, service=service)
    given: dict[int, list[Assignment]] = {}
    for one in rows.select_related("caller", "caller_group"):
        given.setdefault(one.account_id, []).append(assignment(one.as_row())[1])
    nearest = (holding(given[pk], origin, moment) for pk in reversed(ids) if pk in given)
    found = next((one for one in nearest if one is not None), None)
    return Tariff.objects.get(pk=found.tariff_id) if found else None


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


def in_currency(amount: Decimal, source: str, target: str, on: date) -> Decimal:
    """An amount in another currency, to the millionth, at the exchange rates of that day. Raises NotConvertible."""
    if source == target:
        return amount
    own = in_own_currency(amount, source, on)
    if target == config.get("currency"):
        return own.quantize(Decimal("0.000001"))
    rate = ExchangeRate.objects.filter(currency=target, valid_from__lte=on).order_by("-valid_from").first()
    if rate is None:
        raise NotConvertible(f"There is no exchange rate for {target} on {on}.")
    return (own * rate.units).quantize(Decimal("0.000001"))


def net_of_one(tariff: Tariff) -> Decimal | None:
    """One unit of the tariff's prices, net, in the installation's currency; None without an exchange rate."""
    try:
        unit = in_own_currency(Decimal(1), tariff.currency, timezone.now().date())
    except NotConvertible:
        return None
    return unit * 100 / (100 + tariff.vat_rate) if tariff.vat_included else unit


def document_digits(currency: str) -> int:
    """Decimals of amounts on documents in the currency."""
    own = CurrencyPrecision.objects.filter(currency=currency).first()
    return own.decimals if own else currency_digits(currency)


def to_pay(amount: Decimal, currency: str) -> Decimal:
    """The amount as it can be paid, in whole coins where the currency's precision says which is the smallest."""
    own = CurrencyPrecision.objects.filter(currency=currency).first()
    micros = to_micros(amount)
    return from_micros(micros + cash_rounding(micros, to_micros(own.cash_step) if own else 0))
