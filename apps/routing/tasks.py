"""What keeps the knowledge of trunks current."""

from __future__ import annotations

import time

from celery import shared_task

from apps.routing.health import collect, services


@shared_task
def judge_trunks() -> int:
    """Take what came of calls, demote who does badly, and try those again whose time is over; how many things happened."""
    happened = 0
    for tallies in collect.waiting():
        happened += len(services.observe(tallies=tallies, now=time.time()))
    return happened + len(services.let_try(now=time.time()))


@shared_task
def forget_old_trunk_statistics() -> int:
    """Statistics are kept for a while, not for ever."""
    return services.forget_old(now=time.time())
