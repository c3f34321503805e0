"""Many accounts at once, with generated names and passwords that are seen on one sheet of paper and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from apps.desk.models import Batch, BatchAccount
from apps.desk.services.opening import check_kind, open_like, without_credit
from apps.users import services as users
from apps.users.models import Account
from apps.users.rules import REGISTERING

MOST = 500
"""Accounts of one batch: each web password takes a twentieth of a second to hash."""
LONGEST = 12
"""Digits of the number in a generated name."""


@dataclass(frozen=True, slots=True)
class Slip:
    """One account's strip of the sheet. `web`, `sip`, `pin`: "" where it has none."""

    username: str
    web: str
    sip: str
    pin: str
    number: str


@transaction.atomic
def generate(
    *,
    by: Account,
    kind: str,
    count: int,
    prefix: str,
    first: int,
    digits: int,
    web: bool = True,
    pins: bool = False,
    like: Account | None = None,
    number_prefix: str = "",
    **fields: Any,
) -> tuple[Batch, list[Slip]]:
    """Open `count` accounts named prefix + number, and answer their passwords and PINs: all of them, or nothing.

    `like`: an account of the kind whose settings, groups and tariffs they get. `number_prefix`: what stands before the
    number in their caller numbers; "": they have none. Raises ValidationError, by field.
    """
    check_kind(kind, by)
    if like is not None and like.kind != kind:
        raise ValidationError({"like": _("%s is of another kind.") % like.username})
    names = _names(count, prefix, first, digits)
    taken = Account.objects.filter(username__in=names).order_by("username").values_list("username", flat=True)
    if taken:
        raise ValidationError({"first": _("These names are taken: %s") % ", ".join(taken[:10])})
    batch = Batch.objects.create(kind=kind, first=names[0], count=count, created_by=by, web=web, pins=pins)
    for name in names:
        own = dict(fields)
        if number_prefix:
            own["caller_number"] = number_prefix + name.removeprefix(prefix)
        if like is not None:
            made = open_like(source=like, username=name, by=by, **own)
        else:
            made = users.open_account(username=name, kind=kind, added_by=by, **without_credit(own, by))
        BatchAccount.objects.create(batch=batch, account=made)
    return batch, print_sheet(batch=batch, by=by)


@transaction.atomic
def print_sheet(*, batch: Batch, by: Account) -> list[Slip]:
    """Give every account of the batch new passwords and PINs, and answer them; those of an earlier sheet are void."""
    check_kind(batch.kind, by)
    slips = [_slip(member.account, batch) for member in batch.members.select_related("account")]
    Batch.objects.filter(pk=batch.pk).update(sheets=F("sheets") + 1)
    return slips


def _slip(account: Account, batch: Batch) -> Slip:
    web = users.new_password(12) if batch.web else ""
    sip = users.new_password() if account.kind in REGISTERING else ""
    if web:
        users.set_web_password(account=account, password=web)
    if sip:
        users.set_sip_password(account=account, password=sip)
    pin = users.new_pin(account=account) if batch.pins else ""
    return Slip(account.username, web, sip, pin, account.caller_number)


def _names(count: int, prefix: str, first: int, digits: int) -> list[str]:
    if not 1 <= count <= MOST:
        raise ValidationError({"count": _("1 to %d accounts in one batch.") % MOST})
    if first < 0 or not 1 <= digits <= LONGEST or len(str(first + count - 1)) > digits:
        raise ValidationError(
            {"digits": _("So many digits do not hold the last number, %d.") % (first + count - 1)}
        )
    return [f"{prefix}{number:0{digits}d}" for number in range(first, first + count)]
