"""Secrets that must be read again (of servers, of second factors), sealed with the installation's key: a copy of the database alone tells none."""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MARK = "sealed1:"
_NONCE = 12


class CannotUnseal(ValueError):
    """The text was sealed with another key or for another purpose, or somebody changed it."""


def seal(secret: str | bytes, purpose: str, text: str) -> str:
    """The text, readable only with the same secret and purpose. Every call gives another result."""
    nonce = os.urandom(_NONCE)
    return (
        MARK + base64.b64encode(nonce + _cipher(secret, purpose).encrypt(nonce, text.encode(), None)).decode()
    )


def unseal(secret: str | bytes, purpose: str, sealed: str) -> str:
    """What was sealed. Raises CannotUnseal."""
    try:
        data = base64.b64decode(sealed.removeprefix(MARK), validate=True)
        return _cipher(secret, purpose).decrypt(data[:_NONCE], data[_NONCE:], None).decode()
    except (ValueError, InvalidTag) as error:
        raise CannotUnseal("This was not sealed with the key of this installation.") from error


def of_setting(key: str) -> str:
    """The purpose for which a setting's value is sealed: the text of another setting does not fit."""
    return f"setting {key}"


def _cipher(secret: str | bytes, purpose: str) -> AESGCM:
    key = secret.encode() if isinstance(secret, str) else secret
    return AESGCM(HKDF(hashes.SHA256(), 32, None, f"mizu {purpose}".encode()).derive(key))
