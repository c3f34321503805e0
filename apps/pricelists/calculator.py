"""What the calls of chosen days and destinations come to at one price per minute, beside what they did cost (guide 3903-3906)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import connection

from apps.core.values.money import from_micros, to_micros
from apps.pricing.engine import Rate, Terms, band_of, rate
from apps.users.models import Account

# The recorded prices: what payers were asked, by currency, and what carriers cost, in the installation's own.
_CALLS = """
SELECT c.duration, c.currency, count(*), sum(c.retail_price), sum(c.carrier_cost)
FROM cdrs_cdr c {join}
WHERE c.started_at >= %(since)s AND c.started_at < %(until)s AND c.answered_at IS NOT NULL AND c.service <> 'sms'
  AND starts_with(c.called_number, %(prefix)s) {only}
GROUP BY 1, 2
"""


@dataclass(slots=True)
class Sums:
    """Of all those calls; money is net."""

    calls: int = 0
    seconds: int = 0
    billed_seconds: int = 0
    total: Decimal = Decimal(0)
    retail: dict[str, Decimal] = field(default_factory=dict)  # as recorded, by currency
    cost: Decimal = Decimal(0)


def calculate(
    *,
    since: datetime,
    until: datetime,
    price: Decimal,
    connect_fee: Decimal = Decimal(0),
    first_increment: int = 1,
    next_increment: int = 1,
    decimals: int = 4,
    prefix: str = "",
    account: Account | None = None,
) -> Sums:
    """Price answered calls that began in [since, until), each rounded half up; `account`: of it and all below it."""
    one = Rate(0, "", to_micros(price), to_micros(connect_fee), first_increment, next_increment)
    terms = Terms(bands=(band_of(one),), decimals=decimals)
    values = {"since": since, "until": until, "prefix": prefix, "path": account.path if account else ""}
    query = _CALLS.format(
        join="JOIN users_account a ON a.id = c.caller_id" if account else "",
        only="AND starts_with(a.path, %(path)s)" if account else "",
    )
    found, micros = Sums(), 0
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        for duration, currency, calls, retail, cost in cursor.fetchall():
            charge = rate(terms, 0, duration)
            found.calls += calls
            found.seconds += calls * duration
            found.billed_seconds += calls * charge.billed_seconds
            micros += calls * charge.net
            found.cost += cost
            if currency:
                found.retail[currency] = found.retail.get(currency, Decimal(0)) + retail
    found.total = from_micros(micros)
    return found
