"""What can wait for a second person: each kind with the right it takes and what is done. Apps add theirs when they start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.approvals.models import Approval


@dataclass(frozen=True, slots=True)
class Kind:
    """`carry_out` does what was asked, in the transaction of the approval; `put_back` what a rejection needs."""

    right: str
    carry_out: Callable[[Approval], None]
    put_back: Callable[[Approval], None] = lambda _approval: None


KINDS: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Add a kind, once."""
    KINDS[name] = kind
