"""Upkeep of the call records' tables."""

from __future__ import annotations

from celery import shared_task

MONTHS_AHEAD = 3


@shared_task
def make_partitions() -> None:
    """Have the tables of the coming months ready long before their first call."""
    from apps.cdrs.services import ensure_partitions

    ensure_partitions(months_ahead=MONTHS_AHEAD)
