"""What nobody may read in a kept message: answers to digest challenges, media keys, digits that a caller typed."""

from __future__ import annotations

import re

_SECRETS = (
    re.compile(rb'((?:^|[ ,\t])(?:response|auts)[ \t]*=[ \t]*"?)[0-9a-fA-F]{16,}', re.IGNORECASE),
    re.compile(rb"(inline:)[A-Za-z0-9+/=]+"),
    re.compile(rb"((?:^|\n)[ \t]*Signal[ \t]*=[ \t]*)[0-9A-D*#]+", re.IGNORECASE),
)


def veiled(data: bytes, pin_code: bytes = b"") -> bytes:
    """The message with its secrets replaced by `***` (RFC 7616 response, RFC 4568 key, INFO dtmf-relay).

    `pin_code`: what phones dial before a PIN.
    """
    for secret in _SECRETS:
        data = secret.sub(rb"\1***", data)
    if pin_code:
        spelt = (re.escape(pin_code), re.escape(pin_code.replace(b"#", b"%23").replace(b"*", b"%2A")))
        data = re.sub(rb"(" + b"|".join(spelt) + rb")[0-9]+", rb"\1***", data)
    if b"application/dtmf\r\n" in data:
        data = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n***"
    return data
