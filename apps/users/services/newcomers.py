"""Accounts of phones that another server knows and we do not yet (guide 8576-8586, settings `autocreatereguser…`)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.config import queries as config
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.services.accounts import open_account
from apps.users.services.settings import set_own


@transaction.atomic
def open_newcomer(*, username: str) -> str:
    """Open a subscriber for a phone whose registration the other server has granted; answers why not, or "".

    It has no money, `maxlinefornewunknownusers` lines, and calls by the way that it registered by: nobody here knows its
    password. May be carried out twice.
    """
    if config.get("autocreatereguser") != "proved":
        return "no accounts are opened by themselves (autocreatereguser)"
    if Account.objects.filter(username=username).exists():
        return ""
    above = str(config.get("autocreatereguser_parent"))
    parent = Account.objects.filter(username=above).first() if above else None
    if above and parent is None:
        return f"autocreatereguser_parent: there is no account {above}"
    try:
        account = open_account(
            username=username,
            kind=Kind.SUBSCRIBER,
            parent=parent,
            max_calls=int(config.get("maxlinefornewunknownusers")),
            comment="Opened by itself, when the other server granted its registration.",
        )
        set_own(account=account, key="reuseep", value=True)
    except ValidationError as error:
        return "; ".join(error.messages)
    return ""
