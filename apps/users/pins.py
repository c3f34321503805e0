"""PINs: how they are drawn, and how an account is known by one that is kept nowhere. Pure but for chance."""

from __future__ import annotations

import secrets

from apps.core import keyed

_PURPOSE = b"mizu pin"


def drawn(digits: int) -> str:
    """A PIN that nobody can guess from another one."""
    return f"{secrets.randbelow(10**digits):0{digits}d}"


def digest(pin: str, secret: str) -> str:
    """What is kept of it."""
    return keyed.digest(_PURPOSE, pin, secret)
