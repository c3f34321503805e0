"""`python -m switch replay ID`: what calls of the past come to with other routes and prices (`apps.pricelists.models.RouteReplay`).

1. The snapshot of this node is mapped, as a worker maps it; a second office is made of it with the changes of the replay.
2. Each call is decided by the pipeline in both, at its hour of the week that the prices are of, and its seconds are priced by the
   first carrier's terms and by the top payer's. So the difference is what the changes make, and nothing else.
3. Lines and calls per second of carriers and targets count as the calls came and went, in each office for itself; not when only a
   share of the calls is taken. Registrations, demotions, lists and limits are those of now; no call fails.

Some thousand calls are held at a time; figures grow with carriers and destinations only.
"""

from __future__ import annotations

import heapq
import logging
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.pricelists.models import RouteReplay
    from apps.pricelists.rerouting import Way
    from apps.pricelists.route_calls import Row
    from switch.call.stages.state import Call
    from switch.world.loader import Parts
    from switch.world.world import World

log = logging.getLogger("switch.replay")

WEEK = timedelta(days=7).total_seconds()
NICE = 10
"""Calls that are up go before."""


def main(arguments: list[str]) -> int:
    """Carry one replay out. 2: wrong usage; 1: it failed, and says why."""
    logging.basicConfig(
        level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    if len(arguments) != 1 or not arguments[0].isdecimal():
        sys.stderr.write("usage: python -m switch replay ID\n")
        return 2
    os.nice(NICE)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    import django

    django.setup()
    from django.conf import settings

    from apps.pricelists.models import RouteReplay

    run(RouteReplay.objects.get(pk=int(arguments[0])), Path(settings.VAR) / "world")
    return 0


def run(replay: RouteReplay, folder: Path) -> None:
    """Decide its calls by the snapshot in this folder."""
    from apps.pricelists import replay_states as services
    from apps.pricing.engine.deck import DeckError
    from switch.world.loader import load_now
    from switch.world.store import StoreError

    try:
        parts = load_now(folder)
    except (OSError, StoreError, DeckError, ValueError) as error:
        why = f"This machine has no snapshot to decide by ({error}): background work has to run where the switch runs."
        services.fail_replay(replay=replay, why=why)
        return
    _replay(replay, parts)


def _replay(replay: RouteReplay, parts: Parts) -> None:
    from apps.pricelists import replay_states as services
    from apps.pricelists import route_calls
    from apps.pricelists.rerouting import Outcome, Sum
    from apps.users.models import Account

    assert parts.world is not None
    count = route_calls.count(replay)
    share = max(1, -(-count // route_calls.MOST_CALLS))
    if not services.start_replay(replay=replay, total=-(-count // share)):
        return
    outcome, done = Outcome(share), 0
    sides = [
        Side(one, replay.prices_at.timestamp(), counts=share == 1)
        for one in (parts.world, changed(replay, parts))
    ]
    for rows in route_calls.chunks(replay, share):
        for row in rows:
            before, after = (side.way(row) for side in sides)
            outcome.add(str(row.id), row.destination, row.seconds, before, after)
            outcome.recorded.setdefault(row.carrier, Sum()).add(row.seconds, 0, row.cost)
        done += len(rows)
        if not services.note_progress(replay=replay, done=done):
            log.info("replay %s was stopped after %s calls", replay.pk, done)
            return
    known = {*outcome.carriers, *outcome.recorded}
    names = dict(Account.objects.filter(pk__in=known).values_list("pk", "username"))
    services.finish_replay(replay=replay, outcome=outcome.as_json(names))


def changed(replay: RouteReplay, parts: Parts) -> World:
    """The office with the replay's changes."""
    from apps.pricelists.models import ChangeSet
    from apps.pricelists.replay import rates_then
    from apps.routing import snapshot
    from apps.routing.engine import RouteTable
    from switch.world.rows import rule_of

    assert parts.world is not None
    now = parts.world.routes
    routes = RouteTable(map(rule_of, snapshot.rules(replay.rules)), now.calendars)
    routes.figures = now.figures
    lists = ChangeSet.objects.filter(pk__in=replay.lists).defer("data").select_related("tariff")
    return parts.world.changed(
        routes=routes,
        without=replay.without,
        swaps=dict(replay.swaps),
        decks={one.tariff_id: rates_then(one) for one in lists},
    )


class Side:
    """One of the two offices, with the calls that are up in it."""

    def __init__(self, world: World, week: float, *, counts: bool) -> None:
        from switch.call.usage import UsageCounters

        self.now = 0.0
        self._world, self._week, self._counts = world, week, counts
        self._usage = UsageCounters(lambda: self.now)
        self._up: list[tuple[float, int, int]] = []  # end, carrier, target

    def way(self, row: Row) -> Way:
        """Where the call goes first; its line is taken until its end."""
        from apps.core.values.networks import with_port
        from apps.pricelists.rerouting import Way
        from switch.call.explain import Asked, caller_of, request_of
        from switch.call.model import Caller, Rejection
        from switch.call.pipeline import run as decide

        self.now = row.started
        while self._up and self._up[0][0] <= row.started:
            _end, carrier, target = heapq.heappop(self._up)
            self._usage.free_line(carrier, target)
        host, port = with_port(row.address) or ("", 0)
        at = self._week + (row.started - self._week) % WEEK
        asked = Asked(row.dialled, row.caller, row.caller_number, host, port, at, str(row.id))
        request = request_of(asked)
        caller = caller_of(asked, request, self._world)
        if not isinstance(caller, Caller):
            return Way(None, why=caller.cause.name if isinstance(caller, Rejection) else "unknown_source")
        call, refused = decide(request, caller, self._world, at, self._usage)
        if refused is not None or not call.targets:
            return Way(None, why=refused.cause.name if refused is not None else "no_route")
        if call.targets[0].kind != "carrier":
            return Way(None, why="inside")
        return self._priced(call, row, at)

    def _priced(self, call: Call, row: Row, at: float) -> Way:
        from apps.pricelists.rerouting import Way
        from apps.pricing.engine import rate

        first = call.targets[0]
        if self._counts:
            self._usage.send(first.account.id)
            self._usage.take_line(first.account.id, first.route)
            heapq.heappush(self._up, (row.ended, first.account.id, first.route))
        cost = rate(first.cost, at, row.seconds).net if first.cost is not None else 0
        return Way(first.account.id, cost, self._revenue(call, row, at))

    def _revenue(self, call: Call, row: Row, at: float) -> int:
        """What the call brings the house: the top payer's price, in the installation's currency; 0 where nobody pays."""
        from apps.pricing.engine import rate

        if not call.payers:
            return 0
        terms = call.payers[-1].terms
        exchange = self._world.exchange(terms.currency, self._world.currency, at)
        if exchange is None:
            return 0
        units, others = exchange
        net = rate(terms, at, row.seconds).net
        return (2 * net * units + others) // (2 * others)
