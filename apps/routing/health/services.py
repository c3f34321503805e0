"""What changes the health of trunks: the only writers of its tables.

Each locks the rows that it changes in the order of their ids, so that two of them wait for each other and never for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.config.queries import get as setting
from apps.routing.health import engine
from apps.routing.health.engine import Event, Limits, Record, State, Tally
from apps.routing.health.models import TrunkDay, TrunkEvent, TrunkHealth, TrunkHour, TrunkTally
from apps.routing.health.queries import limits_of, record_of, settings_by_carrier
from apps.users.choices import Kind
from apps.users.models import Account

logger = logging.getLogger(__name__)

Key = tuple[int, str]
"""Carrier's account id and destination."""

_NEVER = Limits(max_failures=0, min_asr=0, min_acd=0, max_pdd=0, min_mos=0)
_COUNTS = ("attempts", "answered", "ended", "seconds", "delays", "delay_ms", "heard", "mos")
_HOURS_SHARE = 10
OWN_LIMITS = ("enabled", "max_failures", "min_asr", "min_acd", "min_calls")


@transaction.atomic
def observe(*, tallies: Mapping[Key, Tally], now: float) -> list[TrunkEvent]:
    """Take over what came of calls, and do what follows from it; the events that it made. What is of no carrier is passed over."""
    carriers = Account.objects.in_bulk({carrier for carrier, _ in tallies})
    known = {
        key: tally
        for key, tally in tallies.items()
        if key[0] in carriers and carriers[key[0]].kind == Kind.CARRIER
    }
    if not known:
        return []
    _count(TrunkHour, known, datetime.fromtimestamp(now // 3600 * 3600, UTC))
    _count(TrunkDay, known, datetime.fromtimestamp(now // 86_400 * 86_400, UTC))
    return _judge(known, settings_by_carrier(carriers.values()), now)


@transaction.atomic
def let_try(*, now: float) -> list[TrunkEvent]:
    """Those whose time is over are being tried again."""
    moment = datetime.fromtimestamp(now, UTC)
    due = TrunkHealth.objects.filter(state=State.DEMOTED, until__lte=moment)
    events = []
    for health, tally in _locked(due.values_list("pk", flat=True)):
        record, event = engine.elapsed(record_of(health, tally), now)
        events += _stored(health, tally, record, event, now)
    return events


@transaction.atomic
def reset(*, health: TrunkHealth, by: Account, now: float) -> list[TrunkEvent]:
    """Set a trunk free at once, as if nothing had been; with a whole trunk its destinations too (guide 3452, 11264)."""
    wanted = TrunkHealth.objects.filter(carrier_id=health.carrier_id)
    if health.destination:
        wanted = wanted.filter(destination=health.destination)
    rows = _locked(wanted.values_list("pk", flat=True))
    quiet = {one.pk for one, _ in rows if one.state == State.GOOD and one.pk != health.pk}
    events = []
    for one, tally in rows:
        if one.pk not in quiet:
            record, event = engine.reset(record_of(one, tally), now)
            events += _stored(one, tally, record, event, now, by=by)
    _forget(quiet, now)
    health.refresh_from_db()
    return events


@transaction.atomic
def set_limits(*, health: TrunkHealth, **fields: Any) -> TrunkHealth:
    """What is asked of a trunk or destination (`OWN_LIMITS`). Raises ValidationError, by field."""
    stored = TrunkHealth.objects.select_for_update().get(pk=health.pk)
    for name, value in fields.items():
        if name not in OWN_LIMITS:
            raise ValidationError({name: _("This is not set by hand.")})
        setattr(stored, name, value)
    stored.full_clean()
    stored.save(update_fields=list(fields))
    health.refresh_from_db()
    return health


@transaction.atomic
def begin(*, carrier: Account, destination: str = "", **fields: Any) -> TrunkHealth:
    """Have limits for a destination before the first call to it. Raises ValidationError, by field."""
    health = TrunkHealth(carrier=carrier, destination=destination)
    if carrier.kind != Kind.CARRIER:
        raise ValidationError({"carrier": _("Only a carrier can take calls.")})
    health.full_clean()
    health.save()
    TrunkTally.objects.create(health=health)
    return set_limits(health=health, **fields)


@transaction.atomic
def forget_old(*, now: float) -> int:
    """Remove what was counted longer ago than `trunk_statistics_days`; how many rows it was."""
    days = setting("trunk_statistics_days")
    moment = datetime.fromtimestamp(now, UTC)
    hours = TrunkHour.objects.filter(begins__lt=moment - timedelta(days=max(2, days // _HOURS_SHARE)))
    gone = hours.delete()[0]
    gone += TrunkDay.objects.filter(begins__lt=moment - timedelta(days=days)).delete()[0]
    return gone + TrunkEvent.objects.filter(at__lt=moment - timedelta(days=days)).delete()[0]


# --- inside ---------------------------------------------------------------------------------------------------------------------


def _forget(quiet: set[int], now: float) -> None:
    """What good ones have counted does not demote them later. There is nothing to tell of them, and they may be thousands."""
    TrunkTally.objects.filter(health_id__in=quiet).update(failed=0, short=0, good=0)
    TrunkHealth.objects.filter(pk__in=quiet).update(since=datetime.fromtimestamp(now, UTC))


def _count(model: type[TrunkHour] | type[TrunkDay], tallies: Mapping[Key, Tally], begins: datetime) -> None:
    """Add to the rows of this hour or day, in the order of their keys."""
    names = ", ".join(_COUNTS)
    more = ", ".join(f"{name} = known.{name} + excluded.{name}" for name in _COUNTS)
    rows = [
        (carrier, destination, begins, *(getattr(tally, name) for name in _COUNTS))
        for (carrier, destination), tally in sorted(tallies.items())
    ]
    marks = ", ".join(["%s"] * len(rows[0]))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} AS known (carrier_id, destination, begins, {names})"  # noqa: S608
            f" VALUES {', '.join([f'({marks})'] * len(rows))}"
            f" ON CONFLICT (carrier_id, destination, begins) DO UPDATE SET {more}",
            [value for row in rows for value in row],
        )


def _judge(
    tallies: Mapping[Key, Tally], settings: Mapping[int, dict[str, Any]], now: float
) -> list[TrunkEvent]:
    _make(tallies, now)
    wanted = _near(tallies)
    ids = [pk for pk, *key in wanted.values_list("pk", "carrier_id", "destination") if tuple(key) in tallies]
    rows = sorted(_locked(ids), key=lambda row: bool(row[0].destination))  # the whole trunk first
    passed_over: set[int] = set()
    events: list[TrunkEvent] = []
    for health, tally in rows:
        limits = limits_of(health, settings[health.carrier_id]) or _NEVER
        if health.destination and health.carrier_id in passed_over:
            limits = _NEVER  # the whole trunk stands for its destinations
        said = tallies[health.carrier_id, health.destination]
        record, event = engine.observed(record_of(health, tally), said, now, limits)
        if not health.destination and record.state is not State.GOOD:
            passed_over.add(health.carrier_id)
        tally.last_call = datetime.fromtimestamp(now, UTC)
        events += _stored(health, tally, record, event, now)
    return events


def _near(keys: Iterable[Key]) -> QuerySet[TrunkHealth]:
    """The rows of these keys, and of some others: not every destination that a carrier has ever had."""
    carriers, destinations = zip(*keys, strict=True)
    return TrunkHealth.objects.filter(carrier_id__in=set(carriers), destination__in=set(destinations))


def _make(keys: Iterable[Key], now: float) -> None:
    """Rows for what is seen for the first time (guide 3454: the table fills itself)."""
    known = set(_near(keys).values_list("carrier_id", "destination"))
    since = datetime.fromtimestamp(now, UTC)
    missing = [
        TrunkHealth(carrier_id=carrier, destination=destination, since=since)
        for carrier, destination in sorted(keys)
        if (carrier, destination) not in known
    ]
    if missing:
        TrunkHealth.objects.bulk_create(missing, ignore_conflicts=True)
    bare = _near(keys).filter(tally=None).values_list("pk", flat=True)
    TrunkTally.objects.bulk_create([TrunkTally(health_id=pk) for pk in bare], ignore_conflicts=True)


def _locked(ids: Iterable[int]) -> list[tuple[TrunkHealth, TrunkTally]]:
    wanted = list(ids)
    rows = TrunkHealth.objects.select_for_update(of=("self",)).select_related("carrier").order_by("pk")
    healths = list(rows.filter(pk__in=wanted))
    tallies = TrunkTally.objects.in_bulk(wanted)
    return [(one, tallies[one.pk]) for one in healths if one.pk in tallies]


def _stored(
    health: TrunkHealth,
    tally: TrunkTally,
    record: Record,
    event: Event | None,
    now: float,
    by: Account | None = None,
) -> list[TrunkEvent]:
    """Write what has changed; the health itself only when something follows from it, because that is told to the switch."""
    tally.failed, tally.short, tally.good = record.failed, record.short, record.good
    tally.recent = [list(one) for one in record.recent]
    tally.save()
    if event is None:
        return []
    health.state, health.level, health.reason = record.state, record.level, event.reason[:200]
    health.since = datetime.fromtimestamp(record.since, UTC)
    health.until = None if record.until is None else datetime.fromtimestamp(record.until, UTC)
    health.failure_demotions = record.failure_demotions
    health.quality_demotions = record.quality_demotions
    health.save()
    level = logging.INFO if record.state is State.GOOD else logging.WARNING
    logger.log(
        level,
        "trunk %s%s: %s: %s%s",
        health.carrier.username,
        f" to {health.destination}" if health.destination else "",
        event.kind,
        event.reason,
        f", until {health.until:%Y-%m-%d %H:%M:%S} UTC" if health.until else "",
    )
    return [
        TrunkEvent.objects.create(
            carrier_id=health.carrier_id,
            destination=health.destination,
            at=datetime.fromtimestamp(now, UTC),
            kind=event.kind,
            reason=event.reason[:200],
            until=None if event.until is None else datetime.fromtimestamp(event.until, UTC),
            by=by,
        )
    ]
