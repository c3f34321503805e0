"""Contacts and short numbers of accounts."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.dids.models import Contact, Did, ShortNumber, State
from apps.users.models import Account
from apps.users.rules import REGISTERING

FIELDS = frozenset(("name", "username", "number", "second_number", "did"))
MOST_CONTACTS = 1000


@transaction.atomic
def save_contact(*, account: Account, contact: Contact | None = None, **fields: Any) -> Contact:
    """Enter somebody in the account's phone book, or change it; `did` must be a shared number that the account may use."""
    if unknown := fields.keys() - FIELDS:
        raise TypeError(f"A contact has no {', '.join(sorted(unknown))}.")
    if account.kind not in REGISTERING:
        raise ValidationError({"account": _("Only accounts with phones have contacts.")})
    Account.objects.select_for_update().get(pk=account.pk)  # counts, and looks at the others, alone
    row = Contact(account=account) if contact is None else account.contacts.get(pk=contact.pk)
    if contact is None and account.contacts.count() >= MOST_CONTACTS:
        raise ValidationError(
            {"name": _("An account has at most %(most)s contacts.") % {"most": MOST_CONTACTS}}
        )
    for name, value in fields.items():
        setattr(row, name, tidy(value) if name.endswith("number") else value)
    if not (row.username or row.number or row.second_number):
        raise ValidationError({"number": _("A contact needs a number or a user name.")})
    if row.did is not None:
        _check_shared(row.did, account)
    row.full_clean()
    row.save()
    return row


def _check_shared(did: Did, account: Account) -> None:
    if did.state != State.SHARED:
        raise ValidationError({"did": _("%(number)s is not a shared number.") % {"number": did}})
    if did.company is not None and not account.path.startswith(did.company.path):
        raise ValidationError({"did": _("%(number)s belongs to another company.") % {"number": did}})


def tidy(number: str) -> str:
    """Without what people put between digits."""
    return "".join(sign for sign in number if sign not in " ()/-.")


@transaction.atomic
def remove_contact(*, contact: Contact) -> None:
    Contact.objects.filter(pk=contact.pk).delete()


@transaction.atomic
def set_short_number(*, account: Account, number: str) -> ShortNumber:
    """Let those who stand below the same account call it by a short number."""
    if account.kind not in REGISTERING:
        raise ValidationError({"account": _("Only accounts with phones can be called by a short number.")})
    lock = Account.objects.select_for_update()
    lock.filter(pk=account.parent_id).first()  # whoever gives the same number below it waits
    same = ShortNumber.objects.filter(number=number, account__parent_id=account.parent_id)
    other = same.exclude(account=account).select_related("account").first()
    if other is not None:
        raise ValidationError(
            {"number": _("%(other)s has this short number.") % {"other": other.account.username}}
        )
    row = ShortNumber.objects.filter(account=account).first() or ShortNumber(account=account)
    row.number = number
    row.full_clean()
    row.save()
    return row


@transaction.atomic
def remove_short_number(*, account: Account) -> None:
    ShortNumber.objects.filter(account=account).delete()
