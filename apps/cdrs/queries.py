"""Reads of call records that more than one place needs. Always within a span of time: the tables are large."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncHour

from apps.cdrs.models import Cdr, CdrPrice
from apps.pricing.queries import in_own_currency
from apps.users.models import Account
from apps.users.queries import visible_to


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls of a span of time. ASR in per cent of all calls, ACD in seconds per answered call."""

    calls: int
    answered: int
    seconds: int
    revenue: Decimal
    cost: Decimal

    @property
    def asr(self) -> Decimal:
        return Decimal(100 * self.answered) / self.calls if self.calls else Decimal(0)

    @property
    def acd(self) -> int:
        return self.seconds // self.answered if self.answered else 0

    @property
    def margin(self) -> Decimal:
        return self.revenue - self.cost


def visible_calls(user: Account) -> QuerySet[Cdr]:
    """The call records that an account may read: staff all, others those of the accounts they may see."""
    if user.is_staff:
        return Cdr.objects.all()
    return Cdr.objects.filter(caller__in=visible_to(user).values("id"))


def prices_of(cdr: Cdr) -> QuerySet[CdrPrice]:
    """Who pays what for a call; the time of the call lets PostgreSQL look into one month only."""
    return (
        CdrPrice.objects.filter(call_id=cdr.id, started_at=cdr.started_at)
        .select_related("account")
        .order_by("id")
    )


def traffic(since: datetime, until: datetime) -> Traffic:
    """Totals of all calls that started in [since, until), in the installation's currency."""
    span = {"started_at__gte": since, "started_at__lt": until}
    sums = Cdr.objects.filter(**span).aggregate(
        calls=Count("id"),
        answered=Count("id", filter=Q(answered_at__isnull=False)),
        seconds=Sum("duration"),
        cost=Sum("carrier_cost"),
    )
    paid = (
        CdrPrice.objects.filter(**span, kind="retail").values_list("currency").annotate(Sum("net")).order_by()
    )
    return Traffic(
        calls=sums["calls"],
        answered=sums["answered"],
        seconds=sums["seconds"] or 0,
        revenue=sum((in_own_currency(net, currency, since.date()) for currency, net in paid), Decimal(0)),
        cost=sums["cost"] or Decimal(0),
    )


def hourly(calls: QuerySet[Cdr], since: datetime, hours: int) -> list[tuple[datetime, int, int]]:
    """(hour, calls, answered) for each of so many hours from `since` on, empty hours too."""
    start = since.replace(minute=0, second=0, microsecond=0)
    found = {
        row["hour"]: (row["calls"], row["answered"])
        for row in calls.filter(started_at__gte=start, started_at__lt=start + timedelta(hours=hours))
        .annotate(hour=TruncHour("started_at"))
        .values("hour")
        .annotate(calls=Count("id"), answered=Count("id", filter=Q(answered_at__isnull=False)))
        .order_by("hour")
    }
    moments = [start + timedelta(hours=step) for step in range(hours)]
    return [(moment, *found.get(moment, (0, 0))) for moment in moments]


def causes(calls: QuerySet[Cdr], since: datetime, until: datetime, most: int = 8) -> list[tuple[str, int]]:
    """Why calls ended, the most frequent first."""
    rows = (
        calls.filter(started_at__gte=since, started_at__lt=until)
        .values("hangup_cause")
        .annotate(n=Count("id"))
    )
    return [(row["hangup_cause"], row["n"]) for row in rows.order_by("-n", "hangup_cause")[:most]]
