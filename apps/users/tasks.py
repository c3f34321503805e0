"""What the office keeps of phones by the clock."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from apps.config.queries import get as setting
from apps.users.live import SwitchUnavailable
from apps.users.services.lockouts import forget_old
from apps.users.services.phones import store_phone_states
from apps.users.services.weak_secrets import replace_weak_secrets

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


@shared_task
def forget_lockouts() -> None:
    """Once an hour: counters of wrong passwords of which nothing was heard for a day."""
    forget_old()


@shared_task
def look_for_weak_secrets(*, everything: bool = False) -> None:
    """Every night, where `enforcestrongauth` is on; new secrets are looked at longer, with `everything` all."""
    if setting("enforcestrongauth"):
        since = None if everything else timezone.now() - timedelta(days=2)
        replaced = replace_weak_secrets(since=since)
        logger.info("%s weak SIP passwords were replaced", len(replaced))
