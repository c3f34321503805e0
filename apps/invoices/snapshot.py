"""What the switch has to know of money before it asks for any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.utils import timezone

from apps.invoices.models import Allowance, UsedUp


def used_up() -> Iterator[tuple[Any, ...]]:
    """(account, setting, seconds used, until: epoch seconds)."""
    rows = UsedUp.objects.filter(until__gt=timezone.now()).order_by("account_id", "key")
    for account, key, seconds, until in rows.values_list("account_id", "key", "seconds", "until"):
        yield account, key, seconds, until.timestamp()


def allowances() -> Iterator[tuple[Any, ...]]:
    """(id, account, kind, prefixes, from, to: epoch seconds or None); those that may still be used."""
    now = timezone.now()
    for one in Allowance.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now)).order_by("account_id", "id"):
        ends = one.ends_at.timestamp() if one.ends_at else None
        yield one.pk, one.account_id, one.kind, one.prefixes, one.begins_at.timestamp(), ends
