"""Reads of the health of trunks that more than one place needs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.routing.health.engine import Limits, Record, Slot, State, Sum, summed
from apps.routing.health.models import TrunkDay, TrunkHealth, TrunkHour, TrunkTally
from apps.users.models import Account, AccountSetting
from apps.users.queries import path_ids, typed_own

#: Limit → the setting that gives it, and by how much that is multiplied.
LIMITS = {
    "max_failures": ("maxsubsfail", 1),
    "min_asr": ("minasr", 1),
    "min_acd": ("minacl", 1),
    "max_pdd": ("maxpdd", 1),
    "min_mos": ("minmos", 1),
    "min_calls": ("mincallcount", 1),
    "window": ("failover_window_minutes", 60),
    "first": ("failover_minutes", 60),
    "most": ("failover_most", 1),
    "forget": ("failover_forget_hours", 3600),
    "probes": ("failover_probe_calls", 1),
    "slower": ("failover_priority_factor", 1),
}
KEYS = ("can_failover", "hasfailover", *(key for key, _ in LIMITS.values()))


def settings_by_carrier(carriers: Iterable[Account]) -> dict[int, dict[str, Any]]:
    """The settings of failover as they hold for each of these accounts, by id; three queries however many they are."""
    everybody = config.effective()
    paths = {one.pk: path_ids(one) for one in carriers}
    own: dict[int, dict[str, Any]] = {}
    rows = AccountSetting.objects.filter(
        key__in=KEYS, account_id__in={above for path in paths.values() for above in path}
    )
    for account, key, text in rows.values_list("account_id", "key", "value"):
        for value in typed_own(key, text):
            own.setdefault(account, {})[key] = value
    found = {}
    for carrier, path in paths.items():
        found[carrier] = {key: everybody[key] for key in KEYS}
        for above in path:
            found[carrier] |= own.get(above, {})
    return found


def limits_of(health: TrunkHealth, settings: dict[str, Any]) -> Limits | None:
    """What is asked of it: its own limits, else those of the settings; None when nothing is to follow from its calls."""
    if not (health.enabled and settings["can_failover"] and settings["hasfailover"]):
        return None
    limits = Limits(**{name: settings[key] * times for name, (key, times) in LIMITS.items()})
    own = {name: getattr(health, name) for name in ("max_failures", "min_asr", "min_acd", "min_calls")}
    return limits._replace(**{name: value for name, value in own.items() if value is not None})


def record_of(health: TrunkHealth, tally: TrunkTally) -> Record:
    """Both rows as the engine's value."""
    return Record(
        state=State(health.state),
        level=health.level,
        since=health.since.timestamp(),
        until=epoch(health.until),
        failed=tally.failed,
        short=tally.short,
        good=tally.good,
        failure_demotions=health.failure_demotions,
        quality_demotions=health.quality_demotions,
        recent=tuple(Slot(*one) for one in tally.recent),
    )


def epoch(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def not_good() -> QuerySet[TrunkHealth]:
    """Those that are passed over, or being tried: what somebody should look at."""
    return TrunkHealth.objects.exclude(state="good").select_related("carrier")


def figures(health: TrunkHealth) -> Sum:
    """What the rolling window of a trunk holds now; its length is everybody's setting."""
    tally = getattr(health, "tally", None)
    if tally is None:
        return Sum(0, 0, 0, 0)
    window = config.get("failover_window_minutes") * 60
    return summed(record_of(health, tally), time.time(), window)


class Hour(NamedTuple):
    """An hour as a bar: heights in per cent of the busiest."""

    hour: str
    attempts: int
    answered: int
    height: int
    answered_height: int

    @property
    def gap(self) -> int:
        return 100 - self.height

    @property
    def answered_gap(self) -> int:
        return 100 - self.answered_height


def hours_of(health: TrunkHealth, now: float) -> list[Hour]:
    """The last 24 hours of a trunk or destination, UTC."""
    last = datetime.fromtimestamp(now // 3600 * 3600, UTC)
    moments = [last - timedelta(hours=back) for back in range(23, -1, -1)]
    rows = TrunkHour.objects.filter(
        carrier_id=health.carrier_id, destination=health.destination, begins__gte=moments[0]
    )
    known = {
        begins: (calls, done) for begins, calls, done in rows.values_list("begins", "attempts", "answered")
    }
    top = max((calls for calls, _ in known.values()), default=0) or 1
    found = []
    for moment in moments:
        calls, done = known.get(moment, (0, 0))
        found.append(Hour(f"{moment:%H}", calls, done, round(100 * calls / top), round(100 * done / top)))
    return found


class Span(NamedTuple):
    """What was counted in a stretch of time."""

    name: str
    counted: Sum

    @property
    def mos(self) -> str:
        return "—" if self.counted.mos is None else f"{self.counted.mos / 100:.2f}"


def spans_of(health: TrunkHealth, now: float) -> list[Span]:
    """The window that is judged, the last 24 hours, and the last 30 days."""
    moment = datetime.fromtimestamp(now, UTC)
    return [
        Span(_("window"), figures(health)),
        Span(_("24 hours"), _counted(TrunkHour, health, moment - timedelta(days=1))),
        Span(_("30 days"), _counted(TrunkDay, health, moment - timedelta(days=30))),
    ]


def _counted(model: type[TrunkHour] | type[TrunkDay], health: TrunkHealth, since: datetime) -> Sum:
    rows = model.objects.filter(
        carrier_id=health.carrier_id, destination=health.destination, begins__gt=since
    )
    names = ("attempts", "answered", "ended", "seconds", "delays", "delay_ms", "heard", "mos")
    found = rows.aggregate(**{f"all_{name}": models.Sum(name) for name in names})
    return Sum(*(found[f"all_{name}"] or 0 for name in names))
