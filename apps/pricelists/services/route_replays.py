"""Replays of routes: asked for, and carried out by a process of the switch (`switch.replay`)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.pricelists.models import ChangeSet, RouteReplay, State
from apps.pricelists.replay_states import fail_replay
from apps.pricelists.whatif import Swap, check
from apps.pricing.models import Tariff
from apps.routing.models import RouteRule
from apps.users.models import Account

MOST_DAYS = 92
LONGEST = 6 * 3600
"""Seconds that a replay may take."""


@transaction.atomic
def begin_replay(
    *,
    title: str,
    rules: Iterable[RouteRule],
    without: Iterable[Account] = (),
    swaps: Iterable[tuple[Tariff, Tariff]] = (),
    lists: Iterable[ChangeSet] = (),
    prefix: str = "",
    since: datetime,
    until: datetime,
    prices_at: datetime | None = None,
    by: Account | None,
) -> RouteReplay:
    """Have calls of a span of time decided again. Raises ValidationError."""
    pairs, ready = list(swaps), list(lists)
    check([Swap(*pair) for pair in pairs])
    if not since < until or (until - since).days > MOST_DAYS:
        raise ValidationError(_("The days are in their order, and at most three months."))
    priced = [old.pk for old, _new in pairs] + [one.tariff_id for one in ready]
    if len(priced) != len(set(priced)):
        raise ValidationError(_("Two changes are for the prices of one tariff."))
    if any(one.state != State.READY for one in ready):
        raise ValidationError(_("Only price lists that are ready can be tried."))
    replay = RouteReplay(
        title=title, rules=[one.pk for one in rules], without=[one.pk for one in without], prefix=prefix,
        swaps=[[old.pk, new.pk] for old, new in pairs], lists=[one.pk for one in ready], since=since, until=until,
        prices_at=prices_at or timezone.now(), created_by=by,
    )  # fmt: skip
    replay.full_clean(exclude=["rules", "without", "swaps", "lists", "outcome", "created_by", "finished_at"])
    replay.save()
    transaction.on_commit(partial(_ask_for, replay.pk))
    return replay


def _ask_for(pk: int) -> None:
    from apps.pricelists.tasks import replay_routes

    replay_routes.delay(pk)


def carry_out(replay: RouteReplay) -> None:
    """Run the process that decides the calls, and wait for it. What it cannot say itself is kept as the error."""
    command = [sys.executable, "-m", "switch", "replay", str(replay.pk)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program and a number
            command, cwd=settings.ROOT, stdin=subprocess.DEVNULL, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        fail_replay(replay=replay, why=_("It took more than six hours."))
        return
    if done.returncode:
        fail_replay(replay=replay, why=_("It did not work; the log tells why."))
