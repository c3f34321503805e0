"""How pages write amounts and durations."""

from __future__ import annotations

from decimal import Decimal

from django import template

from apps.core import formats

register = template.Library()


@register.filter
def money(amount: Decimal, currency: str) -> str:
    return formats.money(amount, currency)


@register.filter
def exact(amount: Decimal, currency: str) -> str:
    return formats.money(amount, currency, exact=True)


@register.filter
def clock(seconds: int) -> str:
    return formats.clock(seconds)
