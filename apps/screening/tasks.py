"""What is done for screening by the clock."""

from __future__ import annotations

import logging

from celery import shared_task

from apps.config.queries import get as setting
from apps.screening import alerts, services, statistics
from apps.users.live import SwitchUnavailable

logger = logging.getLogger(__name__)


@shared_task
def forget_expired_numbers() -> int:
    """Remove numbers whose time on a list is over; how many there were."""
    return services.forget_expired()


@shared_task
def store_bans() -> int:
    """Keep the bans that workers have told of; how many were new."""
    try:
        return services.store_bans()
    except SwitchUnavailable:
        logger.warning("bans cannot be stored: Redis does not answer")
        return 0


@shared_task
def block_failing_numbers(name: str) -> int:
    """Block numbers that fail too often, by the window of this name: hourly, daily, weekly or monthly."""
    window = next(one for one in statistics.WINDOWS if one.name == name)
    return statistics.block_failing(window=window)


@shared_task
def block_repeated_numbers() -> int:
    """Block numbers that were tried too often."""
    return statistics.block_repeated()


@shared_task
def judge_callers() -> int:
    """Look at callers by their statistics, if the setting autoban says so; how many are refused now."""
    if setting("autoban") == "yes" and statistics.busy():
        return 0
    return services.judge_callers().bad


@shared_task
def tell_of_unusual_spending() -> int:
    """Raise alerts, and mail those that are new to administrators; how many there were."""
    raised = alerts.raise_alerts()
    mail = alerts.letter(raised)
    if mail is not None:
        mail.send(fail_silently=True)  # the alert stands in the office
    return len(raised)
