"""What if: the calls of a span of time with some tariffs exchanged for others, or some prefixes sent to another carrier.

Revenue and cost before are what the records have, in the installation's currency at today's exchange rates. What a change
moves is the difference of two list prices of the same call (`replay`), so that discounts of single customers stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.values.money import from_micros
from apps.pricelists.replay import Replay, rates_now, replay_calls
from apps.pricing.errors import NotConvertible
from apps.pricing.models import Tariff, TariffKind
from apps.pricing.queries import in_own_currency

MOST_CALLS = 100_000  # of each change; of more an even share is taken
KINDS = (TariffKind.RETAIL, TariffKind.CARRIER)

_SUMS = """
SELECT COALESCE(NULLIF(c.destination, ''), p.prefix), p.kind, p.currency, count(*), sum(c.duration), sum(p.net)
FROM cdrs_cdrprice p JOIN cdrs_cdr c ON c.id = p.call_id AND c.started_at = p.started_at
WHERE p.kind IN ('retail', 'carrier') AND p.billed_seconds > 0 AND p.started_at >= %(since)s AND p.started_at < %(until)s
  AND c.started_at >= %(since)s AND c.started_at < %(until)s
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Swap:
    """Calls priced by `tariff`, to numbers that begin with `prefix`, would be priced by `by`: another list, or another way."""

    tariff: Tariff
    by: Tariff
    prefix: str = ""


@dataclass(slots=True)
class Row:
    """One destination, in the installation's currency."""

    destination: str
    calls: int = 0
    seconds: int = 0
    revenue: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    revenue_after: Decimal = Decimal(0)
    cost_after: Decimal = Decimal(0)

    @property
    def margin(self) -> Decimal:
        return self.revenue - self.cost

    @property
    def margin_after(self) -> Decimal:
        return self.revenue_after - self.cost_after

    @property
    def moved(self) -> Decimal:
        return self.margin_after - self.margin


@dataclass(slots=True)
class Outcome:
    """All destinations, those whose margin moves most first, and their sum. `lost`: calls without a price afterwards."""

    rows: list[Row] = field(default_factory=list)
    total: Row = field(default_factory=lambda: Row(""))
    lost: int = 0
    share: int = 1


def what_if(swaps: Sequence[Swap], since: datetime, until: datetime) -> Outcome:
    """Cost, revenue and margin per destination in [since, until), before and after. Raises ValidationError for swaps that clash."""
    check(swaps)
    rows = _before(since, until)
    outcome = Outcome()
    for swap in swaps:
        found = replay_calls(
            swap.tariff,
            rates_now(swap.tariff),
            swap.by,
            rates_now(swap.by),
            since,
            until,
            prefix=swap.prefix,
            most=MOST_CALLS,
        )
        _add(rows, swap, found)
        outcome.lost += sum(one.lost for one in found.by_destination.values()) * found.share
        outcome.share = max(outcome.share, found.share)
    outcome.rows = sorted(rows.values(), key=lambda row: (-abs(row.moved), -row.revenue, row.destination))
    for row in outcome.rows:
        for name in ("calls", "seconds", "revenue", "cost", "revenue_after", "cost_after"):
            setattr(outcome.total, name, getattr(outcome.total, name) + getattr(row, name))
    return outcome


def check(swaps: Sequence[Swap]) -> None:
    """Raises ValidationError unless each call is meant by one swap at most, and kinds and currencies fit."""
    for place, one in enumerate(swaps):
        if one.tariff.kind != one.by.kind or one.tariff.kind not in KINDS:
            raise ValidationError(_("%(tariff)s and %(by)s must both be retail or both be carriers' tariffs.") % {"tariff": one.tariff, "by": one.by})  # fmt: skip
        for other in swaps[:place]:
            if other.tariff == one.tariff and (
                one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
            ):
                raise ValidationError(_("Two changes are for the same calls of %(tariff)s.") % {"tariff": one.tariff})  # fmt: skip
        for tariff in (one.tariff, one.by):
            try:
                in_own_currency(Decimal(1), tariff.currency, timezone.now().date())
            except NotConvertible as error:
                raise ValidationError(str(error)) from None


def _before(since: datetime, until: datetime) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    today = timezone.now().date()
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"since": since, "until": until})
        for destination, kind, currency, calls, seconds, net in cursor.fetchall():
            row = rows.setdefault(destination, Row(destination))
            own = in_own_currency(net, currency, today)
            if kind == TariffKind.RETAIL:
                row.calls, row.seconds = row.calls + calls, row.seconds + int(seconds)
                row.revenue, row.revenue_after = row.revenue + own, row.revenue_after + own
            else:
                row.cost, row.cost_after = row.cost + own, row.cost_after + own
    return rows


def _add(rows: dict[str, Row], swap: Swap, found: Replay) -> None:
    today = timezone.now().date()
    for destination, moved in found.by_destination.items():
        row = rows.setdefault(destination, Row(destination))
        difference = from_micros((moved.after - moved.before) * found.share)
        own = in_own_currency(difference, swap.tariff.currency, today)
        if swap.tariff.kind == TariffKind.RETAIL:
            row.revenue_after += own
        else:
            row.cost_after += own
