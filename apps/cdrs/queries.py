"""Reads of call records that more than one place needs. Always within a span of time: the tables are large."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, Sum, When
from django.db.models.functions import TruncHour

from apps.cdrs.models import Cdr, CdrPrice, PriceChange, Service
from apps.pricing.queries import in_own_currency
from apps.routing.simulation import Question
from apps.users.models import Account
from apps.users.queries import visible_to

PAYING = ("retail", "reseller", "carrier", "sales", "company")
"""Kinds of prices in the order in which people look for them."""


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


def ways_tried(cdr: Cdr) -> list[dict[str, Any]]:
    """The ways that were tried, with the names of the accounts."""
    names = dict(
        Account.objects.filter(id__in=[row[0] for row in cdr.attempts]).values_list("id", "username")
    )
    return [
        {"account": names.get(row[0], row[0]), "status": row[1], "cause": row[2], "ms": row[3]}
        for row in cdr.attempts
    ]


def question_of(cdr: Cdr) -> Question:
    """The call as it came, to be decided once more."""
    return Question(
        called=cdr.original_called_number or cdr.called_number,
        account=cdr.caller,
        caller_number=cdr.caller_number,
        address=cdr.caller_address,
        at=cdr.started_at,
        call=cdr.pk,
    )


def visible_calls(user: Account) -> QuerySet[Cdr]:
    """The call records that an account may read: staff all, others those of the accounts they may see, and those that these pay for."""
    if user.is_staff:
        return Cdr.objects.all()
    mine = visible_to(user).values("id")
    return Cdr.objects.filter(Q(caller__in=mine) | Q(service=Service.INBOUND, called_account__in=mine))


def prices_of(cdr: Cdr) -> QuerySet[CdrPrice]:
    """Who pays what for a call, the caller first; the time of the call lets PostgreSQL look into one month only."""
    return (
        CdrPrice.objects.filter(call_id=cdr.id, started_at=cdr.started_at)
        .select_related("account")
        .order_by(Case(*[When(kind=kind, then=place) for place, kind in enumerate(PAYING)]), "id")
    )


def changes_of(cdr: Cdr) -> QuerySet[PriceChange]:
    """How re-ratings have changed the prices of a call, the last first."""
    applied = PriceChange.objects.filter(call_id=cdr.id, rerating__applied_until__gt=cdr.started_at)
    return applied.select_related("rerating__applied_by", "account").order_by("-rerating__applied_at", "id")


def traffic(since: datetime, until: datetime) -> Traffic:
    """Totals of all calls that started in [since, until), and what they and messages brought, in the installation's currency."""
    span = {"started_at__gte": since, "started_at__lt": until}
    sums = (
        Cdr.objects.filter(**span)
        .exclude(service=Service.SMS)
        .aggregate(
            calls=Count("id"),
            answered=Count("id", filter=Q(answered_at__isnull=False)),
            seconds=Sum("duration"),
        )
    )
    # Not the sums in the records: the setting currencyconversion may have those in any currency.
    nets = CdrPrice.objects.filter(**span, kind__in=("retail", "carrier"))
    amounts: dict[str, Decimal] = {"retail": Decimal(0), "carrier": Decimal(0)}
    for kind, currency, net in nets.values_list("kind", "currency").annotate(Sum("net")).order_by():
        amounts[kind] += in_own_currency(net, currency, since.date())
    return Traffic(
        calls=sums["calls"],
        answered=sums["answered"],
        seconds=sums["seconds"] or 0,
        revenue=amounts["retail"],
        cost=amounts["carrier"],
    )


def hourly(calls: QuerySet[Cdr], since: datetime, hours: int) -> list[tuple[datetime, int, int]]:
    """(hour, calls, answered) for each of so many hours from `since` on, empty hours too; messages are no calls."""
    calls = calls.exclude(service=Service.SMS)
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
        .exclude(service=Service.SMS)
        .values("hangup_cause")
        .annotate(n=Count("id"))
    )
    return [(row["hangup_cause"], row["n"]) for row in rows.order_by("-n", "hangup_cause")[:most]]
