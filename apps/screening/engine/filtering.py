"""What the lists say of a called number, weighed by how strictly a caller or a carrier is filtered (guide 3002-3078)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from apps.screening.engine.numbers import Hit

ALWAYS: Final = 6
"""The level of an entry that holds for every call, however it is filtered."""
SURELY_KNOWN: Final = 3
"""From this level on an entry of the whitelist is sure."""

MODES: Final = ("no", "very_sure", "probable", "suspicious", "listed", "known", "surely_known")
"""How calls are filtered; places are the guide's numbers, 0 to 6."""
_LEAST: Final = {"very_sure": 3, "probable": 2, "suspicious": 1, "listed": 0, "known": 0, "surely_known": 0}
"""The least sure entry of the blacklist that stops a call in each mode."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the lists say of a number for one account: its surest entry in each, None where it has none."""

    black: Hit | None = None
    white: Hit | None = None
    automatic: bool = False
    """Whether that of the blacklist was found by statistics."""


def objection(mode: str, standing: Standing) -> str:
    """Why a call to the number is not let through, in words; "": nothing speaks against it.

    1. An entry of level 6 in the blacklist always does.
    2. A number of the whitelist passes everything else; in the strictest mode only one that is surely known.
    3. Else the blacklist decides, from the level on that the mode names.
    4. The two strictest modes take nothing that the whitelist does not have.
    """
    if (hit := blocking(mode, standing)) is not None:
        return _listed(hit)
    if mode == "known" and not _passes(mode, standing):
        return "the number is not known to be good"
    if mode == "surely_known" and not _passes(mode, standing):
        return "the number is not surely known to be good"
    return ""


def blocking(mode: str, standing: Standing) -> Hit | None:
    """The entry of the blacklist that stops the call, if one does."""
    black = standing.black
    if black is None or black.level >= ALWAYS:
        return black
    if mode == "no" or _passes(mode, standing):
        return None
    return black if black.level >= _LEAST[mode] else None


def _passes(mode: str, standing: Standing) -> bool:
    white = standing.white
    return white is not None and (mode != "surely_known" or white.level >= SURELY_KNOWN)


def _listed(hit: Hit) -> str:
    return f"its first {hit.length} digits are on the blacklist, level {hit.level}"
