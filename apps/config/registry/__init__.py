"""Every setting there is, by area. What is not declared here does not exist, and what nothing reads is not declared.

Keys keep the guide's spelling where the guide has the setting (guide 4480-4920).
"""

from __future__ import annotations

from typing import Any

from apps.config.registry import (
    access,
    announcements,
    calls,
    codecs,
    dtmf,
    engine,
    events,
    features,
    identity,
    media,
    money,
    office,
    registrar,
    security,
    sip,
    trunks,
)
from apps.config.registry.definition import BadValue, Definition, Numbers, Value, Words

__all__ = [
    "AREAS",
    "SETTINGS",
    "BadValue",
    "Definition",
    "Numbers",
    "Value",
    "Words",
    "defaults",
    "definition",
]

AREAS = (
    office, sip, access, registrar, trunks, events, identity, calls, features, media, codecs, dtmf, announcements, engine,
    security, money,
)  # fmt: skip
SETTINGS: dict[str, Definition] = {one.key: one for area in AREAS for one in area.SETTINGS}


def definition(key: str) -> Definition:
    """Raises KeyError with a sentence when there is no such setting."""
    try:
        return SETTINGS[key]
    except KeyError:
        raise KeyError(f"There is no setting {key!r}.") from None


def defaults() -> dict[str, Any]:
    """Every setting's default, by key."""
    return {key: definition.default for key, definition in SETTINGS.items()}
