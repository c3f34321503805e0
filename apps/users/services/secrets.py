"""Passwords: of the web, kept by Django's hashers; of phones, kept as digest HA1 only."""

from __future__ import annotations

import hashlib
import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.users.models import Account, SipCredential
from apps.users.passwords import FEWEST_DIFFERENT, FEWEST_KINDS, kinds_of
from apps.users.rules import ADDRESSED

#: Letters and digits that nobody confuses when reading them out: 55 of them, so 5.8 bits each.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
_LONGEST = 128


def new_password(length: int = 16) -> str:
    """A random password that can be read out over a telephone; 16 characters are 93 bits."""
    while True:
        password = "".join(secrets.choice(ALPHABET) for _ in range(length))
        if len(set(password)) >= FEWEST_DIFFERENT and kinds_of(password) >= FEWEST_KINDS:
            return password


@transaction.atomic
def set_web_password(*, account: Account, password: str) -> None:
    """Set the password of the web login. Raises ValidationError when it is too weak (AUTH_PASSWORD_VALIDATORS)."""
    _by_field("password", password, account)
    account.set_password(password)
    account.save(update_fields=["password"])


@transaction.atomic
def set_sip_password(*, account: Account, password: str) -> SipCredential:
    """Set the secret of the account's phones, for the account's present user name and the setting `sip_realm`.

    Phones that know the old one are asked again. Raises ValidationError when it is too weak or may not be.
    """
    if account.kind not in ADDRESSED:
        raise ValidationError({"sip_password": _("An account of this kind has no phone.")})
    _by_field("sip_password", password, account)
    realm = str(config.get("sip_realm"))
    credential = SipCredential.objects.filter(account=account).first() or SipCredential(account=account)
    credential.username, credential.realm = account.username, realm
    credential.ha1_md5, credential.ha1_sha256 = ha1s(account.username, realm, password)
    credential.full_clean()
    credential.save()
    return credential


def ha1s(username: str, realm: str, password: str) -> tuple[str, str]:
    """H(user:realm:password) by MD5 and by SHA-256, lower-case hex (RFC 7616 §3.4.2, RFC 8760 §2.1)."""
    text = f"{username}:{realm}:{password}".encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest(), hashlib.sha256(text).hexdigest()


def _by_field(field: str, password: str, account: Account) -> None:
    try:
        validate_password(password, account)
        if len(password) > _LONGEST or not password.isprintable():
            raise ValidationError(_("A password has at most 128 characters, all of them printable."))
    except ValidationError as error:
        raise ValidationError({field: error.messages}) from error
