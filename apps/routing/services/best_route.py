"""The figures of the best route: what operators say, what days of calls tell, and when a way is looked at again (guide 3378-3436)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from apps.routing.engine.brs import LONGEST_TRIES, TRIAL_CALLS, wait_after
from apps.routing.models import BestRoute, BestRouteDay
from apps.users.choices import Kind

MONTH = timedelta(days=30)
ENOUGH = 20
"""Attempts of a day, or month, that say something about the quality of a way."""


class Tally(NamedTuple):
    """What came of the calls of a day by one carrier to one destination; `firsts`: those that it was to have first."""

    carrier: int
    prefix: str
    attempts: int
    answered: int
    seconds: int
    firsts: int


def save_best_route(*, best: BestRoute | None = None, **fields: Any) -> BestRoute:
    """Keep what an operator says of a carrier and destination. Raises ValidationError, by field."""
    found = best or BestRoute()
    for name, value in fields.items():
        setattr(found, name, value)
    if found.carrier_id and found.carrier.kind != Kind.CARRIER:
        raise ValidationError({"carrier": _("Only a carrier can take calls.")})
    found.full_clean()
    found.save()
    return found


def remove_best_route(*, best: BestRoute) -> None:
    """Forget the figures, measured ones too; those of shorter prefixes hold from then on."""
    BestRoute.objects.filter(pk=best.pk).delete()


@transaction.atomic
def keep_day(*, day: date, tallies: Iterable[Tally], now: datetime) -> int:
    """Keep what a day told, and from it and the month before the figures of every way; answers how many ways there are.

    The same day again takes the place of what was known of it. Ways with too few calls keep the figures they have.
    """
    BestRouteDay.objects.filter(day=day).delete()
    BestRouteDay.objects.bulk_create([BestRouteDay(day=day, **_row(one)) for one in tallies], batch_size=1000)
    BestRouteDay.objects.filter(day__lte=day - MONTH).delete()
    known = {(one.carrier_id, one.prefix): one for one in BestRoute.objects.select_for_update()}
    months = BestRouteDay.objects.values("carrier_id", "prefix").annotate(
        tries=Sum("attempts"), taken=Sum("answered"), talked=Sum("seconds")
    )
    days = {(one.carrier_id, one.prefix): one for one in BestRouteDay.objects.filter(day=day)}
    changed: list[BestRoute] = []
    for month in months.iterator(2000):
        if month["tries"] < ENOUGH:
            continue
        key = (month["carrier_id"], month["prefix"])
        best = known.get(key) or BestRoute(carrier_id=key[0], prefix=key[1])
        best.asr_month, best.acd_month = _quality(month["tries"], month["taken"], month["talked"])
        today = days.get(key)
        if today is not None and today.attempts >= ENOUGH:
            best.asr_day, best.acd_day = _quality(today.attempts, today.answered, today.seconds)
        best.measured_at = now
        changed.append(best)
    _store(changed, ["asr_month", "acd_month", "asr_day", "acd_day", "measured_at"])
    _mark_best(days.values(), now)
    return len(changed)


def _row(one: Tally) -> dict[str, Any]:
    values = one._asdict()
    return {"carrier_id": values.pop("carrier"), **values}


def _quality(attempts: int, answered: int, seconds: int) -> tuple[float, float]:
    """ASR in per cent, ACD in seconds."""
    return round(100 * answered / attempts, 2), round(seconds / answered, 1) if answered else 0.0


def _store(changed: list[BestRoute], fields: list[str]) -> None:
    new = [one for one in changed if one.pk is None]
    BestRoute.objects.bulk_create(new, batch_size=1000)
    BestRoute.objects.bulk_update([one for one in changed if one not in new], fields, batch_size=1000)


def _mark_best(days: Iterable[BestRouteDay], now: datetime) -> None:
    """Of each destination the way that most calls were to take first is the best; when it is another, all are tried anew."""
    firsts: dict[str, tuple[int, int]] = {}
    for one in days:
        firsts[one.prefix] = max(firsts.get(one.prefix, (0, 0)), (one.firsts, one.carrier_id))
    ways: dict[str, list[BestRoute]] = defaultdict(list)
    for way in BestRoute.objects.filter(prefix__in=firsts):
        ways[way.prefix].append(way)
    changed: list[BestRoute] = []
    for prefix, those in ways.items():
        count, carrier = firsts[prefix]
        if not count:
            continue
        moved = any(way.is_best and way.carrier_id != carrier for way in those)
        for way in those:
            way.is_best = way.carrier_id == carrier
            if moved:
                way.tried, way.next_try = 0, None
            if way.is_best:
                way.next_try = None
            elif way.next_try is None:
                _later(way, now)
        changed += those
    BestRoute.objects.bulk_update(
        changed, ["is_best", "tried", "next_try", "try_count", "next_try_count"], batch_size=1000
    )


def _later(way: BestRoute, now: datetime) -> None:
    way.next_try = now + timedelta(seconds=wait_after(way.tried))
    way.try_count, way.next_try_count = 0, TRIAL_CALLS


@transaction.atomic
def review(*, now: datetime, count: Callable[[BestRoute], int]) -> int:
    """Ways whose turn to be tried again has come: how many calls they had since; answers how many have had enough.

    `count` says how many calls a way has had since its `next_try`. Who has had enough waits twice as long for the next.
    """
    done = 0
    for way in BestRoute.objects.select_for_update().filter(next_try__lte=now):
        way.try_count = count(way)
        if way.try_count >= way.next_try_count:
            way.tried = min(way.tried + 1, LONGEST_TRIES)
            _later(way, now)
            done += 1
        way.save(update_fields=["try_count", "next_try_count", "tried", "next_try"])
    return done
