"""Codes of vouchers: how they are made and how they are known again without being kept. Pure but for chance."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from apps.core import keyed

LENGTH = 16  # digits, so that they can be dialled; 53 bits, of which five guesses an hour find none
_PURPOSE = b"mizu voucher"


def new_code() -> str:
    return f"{secrets.randbelow(10**LENGTH):0{LENGTH}d}"


def written(code: str) -> str:
    """In groups of four, as people read them out."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def read(text: str) -> str:
    """The code of what somebody typed, or "" when it can be none."""
    code = "".join(text.split()).replace("-", "")
    return code if len(code) == LENGTH and code.isascii() and code.isdigit() else ""


def digest(code: str, secret: str) -> str:
    """What is kept: without the installation's secret nobody finds codes that belong to it."""
    return keyed.digest(_PURPOSE, code, secret)


def digests(code: str, secrets_: Iterable[str]) -> list[str]:
    """By the installation's secret and the ones that it had before."""
    return [digest(code, one) for one in secrets_]
