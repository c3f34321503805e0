"""After which final statuses of a carrier the next one is tried (`allowreroute`, `rerouteon` and its lists; guide 3502-3514)."""

from __future__ import annotations

from functools import lru_cache

from switch.world.settings import Settings

NO, MUST = "no", "must"
_TIMEOUTS = frozenset((408, 504))
_ERRORS = frozenset(range(500, 600))
_ALL = frozenset(range(400, 600))
_ALSO = {
    "off": None,
    "listed": frozenset[int](),
    "timeout": _TIMEOUTS,
    "error": _TIMEOUTS | _ERRORS,
    "all": _ALL,
}


def statuses(settings: Settings) -> frozenset[int]:
    """The statuses, by the settings of the caller; none: the first carrier has the last word."""
    return _statuses(
        settings.allowreroute, settings.rerouteon, settings.reroutedisccodes, settings.noreroutedisccodes
    )


@lru_cache(maxsize=256)
def _statuses(allowed: str, on: str, listed: frozenset[int], never: frozenset[int]) -> frozenset[int]:
    if allowed == MUST:
        return _ALL - never
    also = None if allowed == NO else _ALSO[on]
    return frozenset[int]() if also is None else (listed | also) - never


def refined(found: frozenset[int], carrier: Settings) -> frozenset[int]:
    """The same, as the carrier's own `allowreroute` lets it (guide 8169)."""
    if carrier.allowreroute == NO:
        return frozenset()
    return _ALL - carrier.noreroutedisccodes if carrier.allowreroute == MUST else found
