"""Every setting there is, by area. What is not declared here does not exist, and what nothing reads is not declared.

Keys keep the guide's spelling where the guide has the setting (guide 4480-4920).
"""

from __future__ import annotations

from typing import Any

from apps.config.registry import (
    access,
    announcements,
    approvals,
    calls,
    callshop,
    codecs,
    desk,
    directory,
    dtmf,
    engine,
    events,
    failover,
    features,
    identity,
    invoicing,
    limits,
    media,
    money,
    numbers,
    numbers_given,
    office,
    outside,
    passwords,
    pins,
    portability,
    pricelists,
    promotions,
    recording,
    registrar,
    resellers,
    routing,
    screening,
    security,
    sip,
    stir,
    transfers,
    trunks,
    wire,
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
    office,
    sip,
    wire,
    access,
    directory,
    outside,
    passwords,
    pins,
    registrar,
    trunks,
    events,
    identity,
    stir,
    numbers,
    calls,
    routing,
    failover,
    features,
    transfers,
    media,
    codecs,
    dtmf,
    announcements,
    recording,
    engine,
    security,
    screening,
    money,
    limits,
    callshop,
    desk,
    promotions,
    resellers,
    invoicing,
    pricelists,
    approvals,
    numbers_given,
    portability,
)
SETTINGS: dict[str, Definition] = {one.key: one for area in AREAS for one in area.SETTINGS}


#: Keys of the guide that other settings stand for now (guide 2632-2640).
FORMER = {
    "normalize_localpx": "normalizecallednumbersnec",
    "normalize_checksp": "normalizecallednumbersnec",
    "normalize_clean": "validateinput",
    "setcalledtosipusername": "rewriteinternalcalled",
    "prefixrewitestr": "prefixrewritestr",
    "mobileprefixes": "cfg_mobileprefixes",
}


def definition(key: str) -> Definition:
    """Raises KeyError with a sentence when there is no such setting."""
    if key in FORMER:
        raise KeyError(f"{key!r} is called {FORMER[key]!r} now.")
    try:
        return SETTINGS[key]
    except KeyError:
        raise KeyError(f"There is no setting {key!r}.") from None


def defaults() -> dict[str, Any]:
    """Every setting's default, by key."""
    return {key: definition.default for key, definition in SETTINGS.items()}
