"""The stock: entering numbers, changing what is said of them, taking them out of use."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.values import digits_of
from apps.dids.models import Did, State
from apps.users.choices import Kind
from apps.users.models import SipCredential

FIELDS = frozenset(("use", "area", "company", "carrier", "setup_fee", "monthly_fee", "currency", "comment"))
COMPANIES = (Kind.OWNER, Kind.RESELLER, Kind.SUBSCRIBER)


@transaction.atomic
def add(*, number: str, shared: bool = False, **fields: Any) -> Did:
    """Enter a number, free for whoever may have it, or shared."""
    did = Did(number=plain(number), state=State.SHARED if shared else State.FREE)
    if shared:
        _refuse_user_name(did)
    return _keep(did, fields)


@transaction.atomic
def change(*, did: Did, **fields: Any) -> Did:
    """Change what is said of it. Fees that accounts owe for it already stay as they are."""
    stored = locked(did)
    company = fields.get("company", stored.company)
    if company is not None and any(
        not one.account.path.startswith(company.path) for one in stored.holdings.filter(until=None)
    ):
        raise ValidationError({"company": _("Somebody has the number who does not belong to that company.")})
    _keep(stored, fields)
    did.refresh_from_db()
    return did


@transaction.atomic
def remove(*, did: Did) -> None:
    """Take a number out of the stock that nobody has ever had."""
    stored = locked(did)
    if stored.holdings.exists():
        raise ValidationError(
            {"number": _("Somebody has had the number, and its fees name it: lock it instead.")}
        )
    stored.delete()


@transaction.atomic
def lock(*, did: Did) -> Did:
    """Nobody gets the number until it is unlocked."""
    return _turn(did, (State.FREE, State.RESERVED), State.LOCKED)


@transaction.atomic
def unlock(*, did: Did) -> Did:
    """It can be had again. Ends a reservation, and the time in which a returned number rests, as well."""
    return _turn(did, (State.LOCKED, State.RESERVED), State.FREE)


@transaction.atomic
def share(*, did: Did) -> Did:
    """Let accounts give the number to contacts of theirs, instead of one account having it."""
    _refuse_user_name(did)
    return _turn(did, (State.FREE, State.LOCKED), State.SHARED)


@transaction.atomic
def unshare(*, did: Did) -> Did:
    """One account may have it again; contacts lose it."""
    stored = _turn(did, (State.SHARED,), State.FREE)
    stored.contacts.update(did=None)
    return stored


def locked(did: Did) -> Did:
    """The number as it is stored, locked until the transaction ends."""
    return Did.objects.select_for_update().get(pk=did.pk)


def plain(number: str) -> str:
    """E.164 digits of what somebody wrote, with `+`, `00` or neither before the country code. Raises ValidationError."""
    try:
        digits = digits_of(number.strip())
    except ValueError:
        raise ValidationError({"number": _("%(text)s is not a number.") % {"text": number[:40]}}) from None
    return digits if number.strip().startswith("+") else digits.removeprefix("00")


def free(did: Did, state: State = State.FREE) -> None:
    """Set the state and forget reservations; the caller saves."""
    did.state, did.reserved_for, did.reservation, did.reserved_until = state, None, "", None


def _turn(did: Did, allowed: tuple[State, ...], state: State) -> Did:
    stored = locked(did)
    if stored.state not in allowed:
        raise ValidationError(
            {
                "number": _("%(number)s is %(state)s.")
                % {"number": stored, "state": stored.get_state_display()}
            }
        )
    free(stored, state)
    stored.save()
    did.refresh_from_db()
    return stored


def _keep(did: Did, fields: dict[str, Any]) -> Did:
    if unknown := fields.keys() - FIELDS:
        raise TypeError(f"A number has no {', '.join(sorted(unknown))} that may be set here.")
    for name, value in fields.items():
        setattr(did, name, value)
    if did.company is not None and did.company.kind not in COMPANIES:
        raise ValidationError({"company": _("A company is an owner, a reseller or a subscriber.")})
    if did.carrier is not None and did.carrier.kind != Kind.CARRIER:
        raise ValidationError({"carrier": _("This account is no carrier.")})
    did.full_clean()
    did.save()
    return did


def _refuse_user_name(did: Did) -> None:
    if SipCredential.objects.filter(username=did.number).exists():
        raise ValidationError({"number": _("An account has this number as its user name.")})
