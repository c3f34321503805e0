"""Settings as the switch gets them: every key with its value on this node."""

from __future__ import annotations

from typing import Any

from apps.config.queries import effective


def settings(node: str = "") -> dict[str, Any]:
    """Values that JSON can hold, by key."""
    return {key: plain(value) for key, value in effective(node).items()}


def plain(value: Any) -> Any:
    """A value that JSON can hold."""
    return list(value) if isinstance(value, tuple) else value
