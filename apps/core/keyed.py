"""What is known again without being kept: digests under the installation's secret. Pure."""

from __future__ import annotations

import hmac


def digest(purpose: bytes, text: str, secret: str) -> str:
    """What is kept of `text`, lower-case hex: without the secret nobody finds texts that belong to it, however short they are.

    `purpose` keeps digests of different things apart.
    """
    key = hmac.digest(secret.encode(), purpose, "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()
