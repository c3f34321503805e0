"""What the office keeps of phones by the clock."""

from __future__ import annotations

import logging

from celery import shared_task
from django.core.cache import cache

from apps.config.queries import get as setting
from apps.users.live import SwitchUnavailable
from apps.users.services.phones import store_phone_states

logger = logging.getLogger(__name__)

TURN = "users.store_phones"


@shared_task
def store_phones() -> None:
    """Asked every minute; does it when `statussaveival` minutes are over since it was done last."""
    if not cache.add(TURN, 1, timeout=60 * int(setting("statussaveival")) - 5):
        return
    try:
        logger.info("the states of %s phones were stored", store_phone_states())
    except SwitchUnavailable:
        cache.delete(TURN)
        logger.warning("phones' states cannot be stored: Redis does not answer")
