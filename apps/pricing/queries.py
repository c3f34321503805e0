"""Reads of prices that more than one place needs."""

from __future__ import annotations

from apps.config import queries as config
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
