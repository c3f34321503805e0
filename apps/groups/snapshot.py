"""Groups as rows for the switch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.groups.models import GroupMember

CHUNK = 2000


def memberships() -> Iterator[tuple[Any, ...]]:
    """(account, group)."""
    rows = GroupMember.objects.order_by("account_id", "group_id")
    return rows.values_list("account_id", "group_id").iterator(CHUNK)
