"""What nobody may read in a kept message: answers to digest challenges, media keys, digits that a caller typed."""

from __future__ import annotations

import re

_SECRETS = (
    re.compile(rb'((?:^|[ ,\t])(?:response|auts)[ \t]*=[ \t]*"?)[0-9a-fA-F]{16,}', re.IGNORECASE),
    re.compile(rb"(inline:)[A-Za-z0-9+/=]+"),
    re.compile(rb"((?:^|\n)[ \t]*Signal[ \t]*=[ \t]*)[0-9A-D*#]+", re.IGNORECASE),
)


def veiled(data: bytes) -> bytes:
    """The message with its secrets replaced by `***` (RFC 7616 response, RFC 4568 key, INFO dtmf-relay)."""
    for secret in _SECRETS:
        data = secret.sub(rb"\1***", data)
    if b"application/dtmf\r\n" in data:
        data = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n***"
    return data
