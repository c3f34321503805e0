"""Storing how phones stand, for lists and reports (guide 11530-11539)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.users.choices import PhoneState
from apps.users.live import Phone, accounts_in_calls, all_phones
from apps.users.models import Account, PhoneStatus

STORED = ("state", "state_at", "seen_at", "expires_at", "agreed_seconds", "contact", "address", "agent")
CHUNK = 1000


def store_phone_states(*, now: datetime | None = None) -> int:
    """Write what has changed since it was last stored; how many accounts that were. Errors: SwitchUnavailable.

    What the switch tells is read first, so that nothing is half written when Redis goes away meanwhile.
    """
    now = now or timezone.now()
    newest: dict[int, Phone] = {}
    for phone in all_phones():
        known = newest.get(phone.account_id)
        if known is None or known.seen < phone.seen:
            newest[phone.account_id] = phone
    calling = accounts_in_calls()
    return _store(newest, calling, now)


@transaction.atomic
def _store(newest: dict[int, Phone], calling: set[int], now: datetime) -> int:
    stored = {one.account_id: one for one in PhoneStatus.objects.all().iterator(chunk_size=CHUNK)}
    existing = set(Account.objects.filter(pk__in=newest.keys() - stored.keys()).values_list("pk", flat=True))
    fresh: list[PhoneStatus] = []
    changed: list[PhoneStatus] = []
    for account_id, phone in newest.items():
        state = PhoneState.IN_CALL if account_id in calling else PhoneState.REGISTERED
        before = stored.pop(account_id, None)
        if before is None and account_id not in existing:
            continue  # the account is gone, or the notice of it is late
        status = _status(phone, state, before, now)
        if before is None:
            fresh.append(status)
        elif any(getattr(before, name) != getattr(status, name) for name in STORED):
            changed.append(status)
    for before in stored.values():
        if before.state != PhoneState.OFFLINE:
            before.state, before.state_at = PhoneState.OFFLINE, now
            changed.append(before)
    PhoneStatus.objects.bulk_create(fresh, batch_size=CHUNK)
    PhoneStatus.objects.bulk_update(changed, STORED, batch_size=CHUNK)
    return len(fresh) + len(changed)


def _status(phone: Phone, state: PhoneState, before: PhoneStatus | None, now: datetime) -> PhoneStatus:
    since = before.state_at if before is not None and before.state == state else now
    return PhoneStatus(
        account_id=phone.account_id,
        state=state,
        state_at=since,
        seen_at=phone.seen,
        expires_at=phone.expires,
        agreed_seconds=phone.seconds,
        contact=phone.contact[:1024],
        address=phone.address[:64],
        agent=phone.agent[:128],
    )
