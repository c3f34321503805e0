"""Rules and causes as rows for the switch, in the order in which `switch.world` reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.signalling.models import HangupCause, HeaderRule


def header_rules() -> Iterator[tuple[Any, ...]]:
    """(account or None, direction, kind, method, action, header, pattern, value, condition), by priority."""
    rows = HeaderRule.objects.filter(enabled=True).order_by("priority", "id")
    return rows.values_list(
        "account_id", "direction", "kind", "method", "action", "header", "pattern", "value", "condition"
    ).iterator()


def causes() -> Iterator[tuple[Any, ...]]:
    """(name, SIP status, Q.850 cause, text)."""
    return HangupCause.objects.order_by("name").values_list("name", "sip_status", "q850", "text").iterator()
