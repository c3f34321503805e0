"""Reads that more than one place needs."""

from __future__ import annotations

from apps.signalling.models import HangupCause


def texts() -> dict[str, str]:
    """What people read for the names of hangup causes."""
    return dict(HangupCause.objects.values_list("name", "text"))
