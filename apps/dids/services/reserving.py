"""Numbers that are kept for somebody who is about to take one (guide 2446-2450: pre-allocation at sign-up)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.dids.models import Did, State
from apps.users.models import Account

MOST = 100


def available(*, path: str, now: datetime) -> QuerySet[Did]:
    """What an account with this path in the tree can have: free, or reserved until a time that is over."""
    above = [int(part) for part in path.split("/") if part]
    over = Q(state=State.RESERVED, reserved_until__lte=now)
    return Did.objects.filter(
        Q(state=State.FREE) | over, Q(company=None) | Q(company__in=above), use__in=("did", "plain")
    )


@transaction.atomic
def reserve(
    *,
    count: int,
    account: Account | None = None,
    path: str = "",
    area: str = "",
    digits: str = "",
    now: datetime | None = None,
) -> tuple[str, list[Did]]:
    """Keep up to `count` free numbers for `did_reservation_minutes`; a key to take one of them with, and the numbers.

    Without an `account` (somebody signs up) whoever has the key takes them; `path` is where the account will stand.
    What an account has had before is offered to it first. `area` and `digits` (which it contains) narrow the choice.
    Two who ask at the same moment are offered different numbers.
    """
    now = now or timezone.now()
    if not 1 <= count <= MOST:
        raise ValidationError({"count": _("Between 1 and %(most)s numbers can be kept.") % {"most": MOST}})
    found = available(path=account.path if account else path, now=now)
    if area:
        found = found.filter(area__iexact=area)
    if digits:
        found = found.filter(number__contains=digits)
    if account is not None:
        let_go(account=account)
        before = Case(
            When(last_account=account, then=Value(0)), default=Value(1), output_field=IntegerField()
        )
        found = found.order_by(before, "number")
    chosen = list(found.select_for_update(skip_locked=True, of=("self",))[:count])
    key = secrets.token_urlsafe(24)
    until = now + timedelta(minutes=int(config.get("did_reservation_minutes")))
    for did in chosen:
        did.state, did.reservation, did.reserved_for, did.reserved_until = State.RESERVED, key, account, until
    Did.objects.bulk_update(chosen, ["state", "reservation", "reserved_for", "reserved_until"])
    return key, chosen


def reserved(*, key: str, now: datetime | None = None) -> QuerySet[Did]:
    """The numbers that are still kept for who has this key."""
    if not key:
        return Did.objects.none()
    return Did.objects.filter(state=State.RESERVED, reservation=key, reserved_until__gt=now or timezone.now())


@transaction.atomic
def let_go(*, account: Account | None = None, key: str = "") -> int:
    """End reservations of an account, or those of a key; numbers that rest after their return go on resting."""
    kept = Did.objects.filter(state=State.RESERVED).exclude(reservation="")
    kept = kept.filter(reserved_for=account) if account is not None else kept.filter(reservation=key or None)
    return kept.update(state=State.FREE, reservation="", reserved_for=None, reserved_until=None)


def free_expired(*, now: datetime) -> int:
    """Numbers whose reservation or rest is over are free; how many."""
    return Did.objects.filter(state=State.RESERVED, reserved_until__lte=now).update(
        state=State.FREE, reservation="", reserved_for=None, reserved_until=None
    )
