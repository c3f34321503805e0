"""The country of an address for pages, by the copy of the file that this node's snapshot has; and how each node's file is, told by
its compiler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.utils.translation import get_language

from apps.core.values.countries import UNKNOWN, name_of
from apps.core.values.networks import with_port
from apps.screening.engine.countries import Countries, CountriesError
from apps.screening.models import CountryFile


def country_of(address: str) -> str:
    """Two letters, or "" for an address of no country or an unknown one; `address` as records have it, with a port or without."""
    found = _countries()
    if found is None or not address:
        return ""
    placed = with_port(address)
    code = found.of(placed[0] if placed is not None else address)
    return "" if code == UNKNOWN else code


def country_name(address: str) -> str:
    """The country's name in the reader's language, or ""."""
    code = country_of(address)
    return name_of(code, get_language() or "en") if code else ""


def _countries() -> Countries | None:
    folder = Path(settings.VAR) / "world"
    try:
        parts = json.loads((folder / "manifest.json").read_bytes())["parts"]
        return _opened(folder / parts["countries"])
    except (OSError, ValueError, KeyError, TypeError, CountriesError):
        return None  # none is used; the compiler has told why


@lru_cache(maxsize=2)
def _opened(path: Path) -> Countries:
    """A copy never changes: another file has another name."""
    return Countries.open(path)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of looking at the file. `built`: when its maker made it, in epoch seconds; 0: not known."""

    path: str = ""
    error: str = ""
    built: int = 0


NO_FILE = Report()
"""The setting `geoipfile` is empty."""


def report(*, node: str, told: Report) -> None:
    """Keep what a node says of its file."""
    if told == NO_FILE:
        CountryFile.objects.filter(node=node).delete()
        return
    built = datetime.fromtimestamp(told.built, UTC) if 0 < told.built < 2**32 else None
    CountryFile.objects.update_or_create(
        node=node, defaults={"path": told.path[:500], "error": told.error[:500], "built_at": built}
    )
