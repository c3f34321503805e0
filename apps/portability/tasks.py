"""What happens to ported numbers by the clock."""

from __future__ import annotations

from celery import shared_task

from apps.portability.services import fold_changes


@shared_task
def fold_ported_changes() -> int:
    """Each night the numbers that changed one by one go into the big file."""
    return fold_changes()
