"""SIP passwords that anybody guesses, and their replacement (guide 8958: the periodic check of `enforcestrongauth`).

Nobody chooses such a password here, because it is refused. But digests are also brought along from other systems, and user names
are changed later. A digest does not tell its password, so what guessers try first is hashed and compared:

1. Of every credential: what follows from the account itself, its names and numbers.
2. Of a credential that is new since the last check: the passwords that are used everywhere (Django's list of 20,000).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.db import transaction

from apps.users.models import SipCredential
from apps.users.services.secrets import new_password, set_sip_password

logger = logging.getLogger(__name__)

CHUNK = 500
SIMPLE = (
    "",
    "1234",
    "12345",
    "123456",
    "1234567890",
    "0000",
    "1111",
    "password",
    "secret",
    "sip",
    "voip",
    "admin",
    "changeme",
)
AROUND = ("", "1", "12", "123", "1234", "!", "sip", "pass")


def replace_weak_secrets(*, since: datetime | None = None) -> list[str]:
    """Give everybody with a weak SIP password a random one, which nobody knows until it is set anew; their user names.

    `since`: whose secret has changed from then on is checked against the long list as well; None: everybody.
    """
    found = [
        one.pk
        for one in SipCredential.objects.select_related("account").iterator(CHUNK)
        if _is_weak(one, since)
    ]
    return [name for pk in found if (name := _replace(pk))]


def _is_weak(credential: SipCredential, since: datetime | None) -> bool:
    guesses = [*_own(credential)]
    if since is None or credential.changed_at >= since:
        guesses += _common()
    before = f"{credential.username}:{credential.realm}:".encode()
    begun = hashlib.md5(before, usedforsecurity=False)
    for guess in guesses:
        hashed = begun.copy()
        hashed.update(guess.encode())
        if hashed.hexdigest() == credential.ha1_md5:
            return True
    return False


def _own(credential: SipCredential) -> Iterator[str]:
    account = credential.account
    names = {credential.username, account.username, account.display_name, account.caller_number.removeprefix("+"),
             credential.realm, account.email.partition("@")[0]}  # fmt: skip
    for name in filter(None, names):
        for written in {name, name.lower(), name[::-1], name * 2}:
            yield from (written + rest for rest in AROUND)
    yield from SIMPLE


@cache
def _common() -> frozenset[str]:
    return frozenset(CommonPasswordValidator().passwords)


@transaction.atomic
def _replace(pk: int) -> str:
    credential = SipCredential.objects.select_for_update().select_related("account").filter(pk=pk).first()
    if credential is None:
        return ""
    set_sip_password(account=credential.account, password=new_password())
    logger.warning(
        "account=%s: its SIP password was weak and is a random one now", credential.account.username
    )
    return str(credential.account.username)
