"""A SIP message as the switch saw it pass, and how those of a call are packed (the switch packs, the office unpacks)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

#: A hostile or broken queue must not fill the memory: no call's messages are longer than this.
MOST_BYTES = 32 * 1024 * 1024


class Message(NamedTuple):
    """One message. `at`: epoch seconds; `outgoing`: from the switch; addresses as "host:port", IPv6 without brackets."""

    at: float
    outgoing: bool
    transport: str
    ours: str
    theirs: str
    text: str

    @property
    def start_line(self) -> str:
        return self.text.partition("\r\n")[0]

    @property
    def call_id(self) -> str:
        """As the message has it, "" when it has none."""
        for line in self.text.partition("\r\n\r\n")[0].split("\r\n")[1:]:
            name, _, value = line.partition(":")
            if name.strip().lower() in ("call-id", "i"):
                return value.strip()
        return ""


def packed(messages: Sequence[Message]) -> bytes:
    """About a tenth of what it was."""
    return zlib.compress(json.dumps(messages, ensure_ascii=False).encode("utf-8", "replace"), 6)


def unpacked(data: bytes) -> list[Message]:
    """What `packed` took. Raises ValueError for anything else."""
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, MOST_BYTES)
        if inflater.unconsumed_tail:
            raise ValueError("more than a call can have")
        found: list[list[Any]] = json.loads(text)
        return [Message(*one) for one in found]
    except (zlib.error, TypeError) as error:
        raise ValueError(f"not the messages of a call: {error}") from error
