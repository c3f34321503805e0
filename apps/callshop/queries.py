"""What a callshop's owner sees: cabins, what their calls cost until now, and what is still to be paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from apps.callshop.engine import charge
from apps.callshop.models import Receipt
from apps.cdrs.live import LiveCall, current_calls
from apps.core.values.money import from_micros
from apps.pricing.engine import Terms, rate
from apps.pricing.queries import document_digits
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import setting_of

REACH = timedelta(days=31)
"""Calls that began longer ago are no longer put on a receipt."""
_UNPAID = """
SELECT c.id, c.started_at, c.called_number, c.destination, c.duration, coalesce(sum(p.gross), 0)
FROM cdrs_cdr c LEFT JOIN cdrs_cdrprice p
  ON p.call_id = c.id AND p.started_at = c.started_at AND p.kind IN ('retail', 'packet') AND p.account_id = %(owner)s
WHERE c.caller_id = %(cabin)s AND c.started_at >= %(since)s AND c.answered_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM callshop_receiptline l WHERE l.call_id = c.id)
GROUP BY c.id, c.started_at, c.called_number, c.destination, c.duration ORDER BY c.started_at, c.id
"""


@dataclass(frozen=True, slots=True)
class CabinCall:
    """A call that is to be paid for; `amount` is what the guest pays."""

    call_id: UUID
    started_at: datetime
    called_number: str
    destination: str
    seconds: int
    amount: Decimal


@dataclass(slots=True)
class CabinState:
    """A cabin now: calls that wait to be paid, and the one that is up, with what it has cost until now (None: unknown)."""

    cabin: Account
    unpaid: list[CabinCall]
    now: list[tuple[LiveCall, Decimal | None]] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        return sum((one.amount for one in self.unpaid), Decimal(0)) + sum(
            (cost for _call, cost in self.now if cost), Decimal(0)
        )


def keeps_callshop(user: Account) -> bool:
    """Whether the account is the owner of a callshop: owners are subscribers."""
    return user.is_active and user.kind == Kind.SUBSCRIBER and bool(setting_of(user, "callshop"))


def cabins(owner: Account) -> QuerySet[Account]:
    """The extensions that stand directly below the owner."""
    return Account.objects.filter(parent=owner, kind=Kind.EXTENSION).order_by("username")


def receipts(owner: Account) -> QuerySet[Receipt]:
    """All receipts of the owner, the newest first."""
    return Receipt.objects.filter(owner=owner).select_related("cabin")


def markup_of(owner: Account) -> Decimal:
    return Decimal(str(setting_of(owner, "callshopmarkup")))


def unpaid(owner: Account, cabin: Account, now: datetime) -> list[CabinCall]:
    """The answered calls from the cabin that stand on no receipt yet."""
    markup, digits = markup_of(owner), document_digits(owner.currency)
    with connection.cursor() as cursor:
        cursor.execute(_UNPAID, {"owner": owner.pk, "cabin": cabin.pk, "since": now - REACH})
        return [CabinCall(*row[:5], charge(row[5], markup, digits)) for row in cursor.fetchall()]


def states(owner: Account, now: datetime) -> list[CabinState]:
    """Every cabin as it is now. Raises LiveCallsUnavailable when nobody can say which calls are up."""
    running: dict[int, list[LiveCall]] = {}
    for call in current_calls(owner):
        running.setdefault(call.caller_id, []).append(call)
    markup, digits = markup_of(owner), document_digits(owner.currency)
    return [
        CabinState(
            cabin,
            unpaid(owner, cabin, now),
            [(call, cost_until(call, now, markup, digits)) for call in running.get(cabin.pk, ())],
        )
        for cabin in cabins(owner)
    ]


def cost_until(call: LiveCall, now: datetime, markup: Decimal, digits: int) -> Decimal | None:
    """What the guest would pay if the call ended now: by the engine that will charge it, from the terms that it runs by."""
    if call.answered is None:
        return Decimal(0)
    if call.terms is None:
        return None
    answered = call.answered.timestamp()
    seconds = max(0, round(now.timestamp() - answered) - call.free)
    gross = rate(Terms.from_list(call.terms), answered + call.free, seconds).gross if call.terms else 0
    return charge(from_micros(gross), markup, digits)
