"""What can wait for a second person: each kind with the right it takes and what is done. Apps add theirs when they start.

What is done is named, not imported: a process of the switch, or a command, does none of it and starts in half the time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """Dotted names of functions of the approval, in its transaction: `carry_out` does what was asked, `put_back` what a rejection needs."""

    right: str
    carry_out: str
    put_back: str = ""


KINDS: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Add a kind, once."""
    KINDS[name] = kind
