"""What else happens when an account is opened, in the same transaction. Apps that stand above users add theirs when they start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.users.models import Account

Follows = Callable[["Account"], None]
FOLLOWS: list[Follows] = []


def follow(what: Follows) -> None:
    """Have it called with each new account, once it is complete. What it raises undoes the opening."""
    if what not in FOLLOWS:
        FOLLOWS.append(what)
