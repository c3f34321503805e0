"""What is done with recordings by the clock."""

from __future__ import annotations

import logging

from celery import shared_task

from apps.recordings import services

logger = logging.getLogger(__name__)


@shared_task
def finish_recordings() -> int:
    """Take what the switch has recorded, and copy it."""
    try:
        return services.finish_waiting() + services.back_up_waiting()
    except OSError as error:
        logger.error("recordings wait, because their folder cannot be written: %s", error)
        return 0


@shared_task
def forget_old_recordings() -> int:
    """Remove what was kept long enough."""
    return services.forget_old()
