"""How pages write amounts and durations."""

from __future__ import annotations

from decimal import Decimal

from django import template

from apps.callshop.queries import keeps_callshop
from apps.core import formats
from apps.recordings.queries import may_listen
from apps.resellers.queries import Standing, standing_of
from apps.users.models import Account
from apps.vouchers.queries import issues

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


@register.filter
def has_callshop(user: Account) -> bool:
    return keeps_callshop(user)


@register.filter
def standing(user: Account) -> Standing:
    """What the reader may do, looked up once for a page."""
    if not hasattr(user, "_standing"):
        user._standing = standing_of(user)  # type: ignore[attr-defined]
    found: Standing = user._standing  # type: ignore[attr-defined]
    return found


@register.filter
def has_recordings(user: Account) -> bool:
    """Whether the reader has a page of recordings."""
    return may_listen(user) if user.is_staff else standing(user).listens


@register.filter
def issues_vouchers(user: Account) -> bool:
    return issues(standing(user))
