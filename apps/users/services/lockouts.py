"""Wrong web passwords: who waits how long before another try, and how an operator ends that.

1. Failures are counted for a user name at an address, for an address, and for a user name from anywhere: so a guesser at one
   address cannot keep the owner out who is at another, and many addresses cannot guess at one name for long.
2. At the limit of a counter nobody may try for `loginwait` seconds; each failure after that doubles the wait, up to
   `loginwaitmost`. A try during the wait is refused unread and does not lengthen it.
3. A right password clears the counters of its name; those of the address go after a day without failures, as all do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.config import queries as config
from apps.users.models import Lockout

logger = logging.getLogger(__name__)

#: How many times `loginfailures` each counter takes.
TIMES = {"pair": 1, "address": 4, "account": 10}
FORGOTTEN = timedelta(days=1)
LONGEST_NAME = 64


def waits_until(*, username: str, address: str, now: datetime | None = None) -> datetime | None:
    """The moment before which this name may not be tried from there; None: it may."""
    now = now or timezone.now()
    rows = _rows(username, address).filter(until__gt=now)
    return max(rows.values_list("until", flat=True), default=None)


@transaction.atomic
def note_failure(*, username: str, address: str, now: datetime | None = None) -> None:
    """A wrong password was given. Without a user name (a program's token) only the address is counted."""
    now = now or timezone.now()
    limit, first, most = (config.get(key) for key in ("loginfailures", "loginwait", "loginwaitmost"))
    for kind, name, host in _counters(username, address):
        row, _new = Lockout.objects.select_for_update().get_or_create(
            kind=kind, username=name, address=host, defaults={"last_at": now}
        )
        row.failures = 1 if row.last_at < now - FORGOTTEN else row.failures + 1
        row.last_at = now
        beyond = row.failures - limit * TIMES[kind]
        if beyond >= 0:
            row.until = now + timedelta(seconds=min(most, first * 2 ** min(beyond, 30)))
            logger.warning("%s waits until %s after %s wrong passwords", row, row.until, row.failures)
        row.save()


@transaction.atomic
def note_success(*, username: str, address: str) -> None:
    """The right password was given."""
    Lockout.objects.filter(
        Q(kind="account", username=_name(username))
        | Q(kind="pair", username=_name(username), address=address)
    ).delete()


@transaction.atomic
def unlock(*, lockout: Lockout) -> None:
    """An operator lets them try again at once."""
    lockout.delete()


def forget_old(*, now: datetime | None = None) -> int:
    """Drop counters of which nothing was heard for a day, and that nobody waits for."""
    now = now or timezone.now()
    old = Lockout.objects.filter(last_at__lt=now - FORGOTTEN).filter(Q(until=None) | Q(until__lt=now))
    return int(old.delete()[0])


def _counters(username: str, address: str) -> Iterable[tuple[str, str, str]]:
    """In one order, so that two failures at once never wait for each other."""
    name = _name(username)
    if name:
        yield "account", name, ""
    yield "address", "", address
    if name:
        yield "pair", name, address


def _rows(username: str, address: str) -> QuerySet[Lockout]:
    wanted = Q()
    for kind, name, host in _counters(username, address):
        wanted |= Q(kind=kind, username=name, address=host)
    return Lockout.objects.filter(wanted)


def _name(username: str) -> str:
    return username.replace("\0", "")[:LONGEST_NAME].lower()
