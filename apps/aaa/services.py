"""RADIUS servers as an operator enters them, and the ends of calls that they are told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.aaa.engine import PURPOSE
from apps.aaa.models import AccountingStop, RadiusServer
from apps.core.sealed import seal, unseal
from apps.users.models import Account
from apps.users.queries import setting_of

FIELDS = frozenset(
    (
        "name",
        "address",
        "auth_port",
        "acct_port",
        "dialect",
        "signed",
        "authorises",
        "accounts",
        "priority",
        "enabled",
    )
)
SHORTEST_SECRET, LONGEST_SECRET = 8, 128
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)


@transaction.atomic
def set_server(
    *, server: RadiusServer | None = None, secret: str | None = None, **fields: Any
) -> RadiusServer:
    """Enter a server, or change one; without `secret` the one that is there stays. Raises ValidationError."""
    if unknown := set(fields) - FIELDS:
        raise TypeError(f"A RADIUS server has no field {', '.join(sorted(unknown))}.")
    server = RadiusServer() if server is None else RadiusServer.objects.select_for_update().get(pk=server.pk)
    for name, value in fields.items():
        setattr(server, name, value)
    if secret is not None:
        if not (
            SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET and secret.isascii() and secret.isprintable()
        ):
            raise ValidationError({"secret": _("A shared secret has 8 to 128 printable ASCII characters.")})
        server.sealed_secret = seal(settings.SECRET_KEY, PURPOSE, secret)
    if not server.sealed_secret:
        raise ValidationError({"secret": _("A shared secret is needed.")})
    server.full_clean()
    server.save()
    return server


def secret_of(server: RadiusServer) -> bytes:
    """Raises CannotUnseal when the installation's key is another one than when it was entered."""
    return unseal(settings.SECRET_KEY, PURPOSE, server.sealed_secret).encode()


def note_stops(*, records: Sequence[Mapping[str, Any]]) -> int:
    """Remember the ends of answered calls whose account is accounted for; part of the settlement's transaction.

    `records`: as the journal has them. Nothing is asked per call while no server accounts. How many were noted.
    """
    answered = [one for one in records if one.get("answered") is not None]
    if not answered or not RadiusServer.objects.filter(enabled=True, accounts=True).exists():
        return 0
    wanted = _accounted({one["caller"] for one in answered if one.get("caller")})
    rows = [_stop(one, wanted[one["caller"]]) for one in answered if one.get("caller") in wanted]
    return len(AccountingStop.objects.bulk_create(rows, ignore_conflicts=True))


def _accounted(ids: set[int]) -> dict[int, str]:
    """User names of those accounts that are."""
    found = Account.objects.in_bulk(ids)
    return {pk: one.username for pk, one in found.items() if setting_of(one, "radiusaccounting")}


def _stop(record: Mapping[str, Any], username: str) -> AccountingStop:
    ended = datetime.fromtimestamp(record["ended"], UTC)
    return AccountingStop(
        call_id=UUID(str(record["id"])),
        username=username,
        caller_number=str(record.get("caller_number", ""))[:64],
        called_number=str(record.get("called_number", ""))[:64],
        seconds=max(0, round(record["ended"] - record["answered"])),
        cause=str(record.get("cause", ""))[:64],
        ended_at=ended,
        next_at=ended,
    )


@transaction.atomic
def not_told(*, stop: AccountingStop, now: datetime) -> None:
    """No server has confirmed it: later again, ever less often."""
    stop.tries += 1
    stop.next_at = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(stop.tries - 1, 10))
    stop.save(update_fields=["tries", "next_at"])


def told(*, stop: AccountingStop) -> None:
    """A server has confirmed it."""
    stop.delete()
