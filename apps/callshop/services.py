"""Cabins are added and changed, and closed with a receipt."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apps.callshop.models import Receipt, ReceiptLine
from apps.callshop.queries import cabins, unpaid
from apps.cdrs.live import current_calls
from apps.pricing.queries import document_digits
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.services import change_account, open_account, set_sip_password


class CannotClose(Exception):
    """The cabin has no receipt to print now; the message says why."""


@transaction.atomic
def add_cabin(*, owner: Account, username: str, name: str, password: str) -> Account:
    """A new cabin: an extension below the owner, whose phone registers with the password. Raises ValidationError."""
    return open_account(
        username=username,
        kind=Kind.EXTENSION,
        parent=owner,
        display_name=name,
        sip_password=password,
        currency=owner.currency,
        time_zone=owner.time_zone,
        language=owner.language,
    )


@transaction.atomic
def change_cabin(
    *, owner: Account, cabin: Account, name: str, is_active: bool, password: str = ""
) -> Account:
    """Rename it, lock it or let it call again, give its phone another password. Raises ValidationError."""
    if not cabins(owner).filter(pk=cabin.pk).exists():
        raise ValidationError(_("This is no cabin of yours."))
    changed = change_account(account=cabin, display_name=name, is_active=is_active)
    if password:
        set_sip_password(account=changed, password=password)
    return changed


@transaction.atomic
def close(*, owner: Account, cabin: Account, now: datetime) -> Receipt:
    """Write the receipt of all calls from the cabin that nobody has paid for yet; each call once.

    Raises CannotClose while a call of the cabin is up, or without any call; LiveCallsUnavailable if nobody can say.
    """
    Account.objects.select_for_update(no_key=True).get(pk=owner.pk)
    if any(call.caller_id == cabin.pk for call in current_calls(owner)):
        raise CannotClose(_("A call of this cabin is still up."))
    calls = unpaid(owner, cabin, now)
    if not calls:
        raise CannotClose(_("There are no calls to be paid for."))
    receipt = Receipt.objects.create(
        owner=owner,
        cabin=cabin,
        number=(Receipt.objects.filter(owner=owner).aggregate(last=Max("number"))["last"] or 0) + 1,
        closed_at=now,
        currency=owner.currency,
        digits=document_digits(owner.currency),
        total=sum((one.amount for one in calls), Decimal(0)),
        owner_name=owner.display_name or owner.username,
        owner_address=owner.address,
        owner_vat_number=owner.vat_number,
        cabin_name=cabin.display_name or cabin.username,
    )
    ReceiptLine.objects.bulk_create(
        ReceiptLine(
            receipt=receipt,
            call_id=one.call_id,
            started_at=one.started_at,
            called_number=one.called_number,
            destination=one.destination,
            seconds=one.seconds,
            amount=one.amount,
        )
        for one in calls
    )
    return receipt
