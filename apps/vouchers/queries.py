"""Who may make vouchers, who redeems whose, and what became of them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet

from apps.resellers.queries import Standing, features_of, standing_of
from apps.users.choices import CALLERS, Kind
from apps.users.models import Account
from apps.users.queries import ancestors
from apps.vouchers.models import Batch, State


def may_issue(user: Account) -> bool:
    """A reseller who may open accounts and enter credit for them may also sell credit on paper."""
    return user.kind == Kind.RESELLER and issues(standing_of(user))


def issues(standing: Standing) -> bool:
    return standing.rights.accounts and bool(standing.features["feature_creditedit"])


def may_redeem(user: Account) -> bool:
    """Whoever has a balance of their own, while the feature is on."""
    has_balance = user.kind in CALLERS and user.kind != Kind.EXTENSION
    return has_balance and user.is_active and bool(features_of(user)["feature_recharge"])


def issuer_for(account: Account) -> int | None:
    """Whose vouchers an account redeems: those of the nearest reseller above it; None: those of the house."""
    return next((one.pk for one in ancestors(account) if one.kind == Kind.RESELLER), None)


def with_counts(batches: QuerySet[Batch]) -> QuerySet[Batch]:
    """How many of each are open, redeemed and cancelled."""
    counts: dict[str, Any] = {
        f"{state.value}_count": Count("vouchers", filter=Q(vouchers__state=state)) for state in State
    }
    return batches.annotate(**counts)
