"""What else happens when an account is opened, in the same transaction. Apps that stand above users add theirs when they start."""

from __future__ import annotations

FOLLOWS: list[str] = []


def follow(what: str) -> None:
    """Have the function of that dotted name called with each new account, once it is complete. What it raises undoes the opening."""
    if what not in FOLLOWS:
        FOLLOWS.append(what)
