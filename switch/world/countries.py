"""The file of countries that the setting `geoipfile` names, as a part of this node's snapshot.

1. It is looked at every few seconds: another path, size, inode or time of change makes it a new one.
2. A new one is compiled into the snapshot. What is no such file, or tells no countries, is no part, and rules about countries keep
   nobody away.
3. A file that is being written still (its last change is younger than `SETTLED`) waits, while an older one is in use.
4. How it went is told to the office, and to the log, once.
"""

from __future__ import annotations

import logging
import stat
import time
from dataclasses import replace
from pathlib import Path

from apps.config.queries import get as setting
from apps.screening.countries import NO_FILE, Report, report
from apps.screening.country_build import build
from apps.screening.engine.countries import CountriesError
from switch.world.store import Store

logger = logging.getLogger(__name__)

PART = "countries"
EVERY = 5.0
"""Seconds between two looks."""
SETTLED = 2.0
MOST_BYTES = 2**29

Seen = tuple[str, int, int, int]


class CountryFile:
    """One node's."""

    def __init__(self, store: Store, node: str) -> None:
        self._store = store
        self._node = node
        self._text = ""
        self._seen: Seen | None = None
        self._file = ""
        self._told: Report | None = None

    def changed(self, now: float | None = None) -> bool:
        """Whether there is another file than the one that was read last, and it is written to its end."""
        seen = self._look()
        if seen == self._seen:
            return False
        age = (time.time() if now is None else now) - seen[1] / 1e9
        return not self._file or not 0 <= age < SETTLED

    def parts(self, *, again: bool) -> dict[str, str]:
        """The part, as the manifest names it; `again`: the setting may have changed."""
        if again:
            self._text = str(setting("geoipfile", self._node))
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            self._file = self._read()
        return {PART: self._file} if self._file else {}

    def _path(self) -> Path:
        return self._store.folder.parent / self._text

    def _look(self) -> Seen:
        try:
            found = self._path().stat() if self._text else None
        except (OSError, ValueError):
            found = None
        return (
            (self._text, found.st_mtime_ns, found.st_size, found.st_ino) if found else (self._text, 0, 0, 0)
        )

    def _read(self) -> str:
        """The name of the compiled file; "" when there is none."""
        if not self._text:
            self._tell(NO_FILE)
            return ""
        told, file = Report(path=str(self._path())), ""
        try:
            file, built = self._compiled()
        except CountriesError as error:
            logger.error("rules about countries keep nobody away, because of geoipfile: %s", error)
            told = replace(told, error=str(error))
        else:
            logger.info("countries of addresses are told by %s", told.path)
            told = replace(told, built=built)
        self._tell(told)
        return file

    def _compiled(self) -> tuple[str, int]:
        source, temporary = self._path(), self._store.temporary(PART)
        try:
            found = source.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
                raise CountriesError(f"{source.name} is no file, or larger than half a gigabyte")
            built = build(source, temporary)
            return self._store.keep(PART, temporary, "geo"), built
        except (OSError, ValueError) as error:
            temporary.unlink(missing_ok=True)
            if isinstance(error, CountriesError):
                raise
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise CountriesError(f"{source} cannot be read: {why}") from error

    def _tell(self, told: Report) -> None:
        if told != self._told:
            report(node=self._node, told=told)
            self._told = told
