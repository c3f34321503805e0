"""Invoices of many accounts for the same days, one after the other (guide 3896-3901)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from apps.invoices.models import Invoice
from apps.invoices.services.issuing import CannotIssue, NothingToInvoice, issue
from apps.users.choices import CALLERS, Kind
from apps.users.models import Account
from apps.users.queries import below

MOST = 200
"""At once, by a person who waits for it; the monthly run has no limit."""


@dataclass(slots=True)
class Outcome:
    """What became of each account."""

    issued: list[Invoice] = field(default_factory=list)
    without_calls: int = 0
    failed: list[tuple[Account, str]] = field(default_factory=list)


def billable(*, root: Account | None, kind: str = "", direct: bool = False) -> QuerySet[Account]:
    """The accounts that can be invoiced below one (`direct`: the level below only), of a kind if one is named."""
    found = below(root) if root else Account.objects.all()
    found = found.filter(kind__in=[one for one in CALLERS if one != Kind.EXTENSION])
    if kind:
        found = found.filter(kind=kind)
    return (found.filter(parent=root) if direct else found).order_by("username")


def issue_several(
    *, accounts: Sequence[Account], first_day: date, last_day: date, by: Account | None = None
) -> Outcome:
    """Invoice each account for these days of its own zone, the last included; one that fails stops no other."""
    done = Outcome()
    for account in accounts:
        zone = ZoneInfo(account.time_zone)
        start, end = (
            datetime.combine(day, time.min, zone) for day in (first_day, last_day + timedelta(days=1))
        )
        try:
            done.issued.append(issue(account=account, period_start=start, period_end=end, by=by))
        except NothingToInvoice:
            done.without_calls += 1
        except CannotIssue as error:
            done.failed.append((account, str(error)))
    return done
