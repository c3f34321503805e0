"""RADIUS servers as rows for the switch; secrets stay sealed on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.aaa.models import RadiusServer


def servers() -> Iterator[tuple[Any, ...]]:
    """(the fields of `switch.outside.servers.Server`), the first to be asked first."""
    rows = RadiusServer.objects.filter(enabled=True).order_by("priority", "name")
    return rows.values_list(
        "name",
        "address",
        "auth_port",
        "acct_port",
        "sealed_secret",
        "dialect",
        "signed",
        "authorises",
        "accounts",
    ).iterator()
